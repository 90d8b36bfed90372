// A test double of Entra ID (the Microsoft identity platform, v2.0) on loopback, with its URLs, tokens and errors.
//
// oauth2-mock-server provides codes, PKCE and signatures. This file adds the parts in which Entra differs: an account
// page, sessions, tenants, the client secret, single-use codes and the claims.
//
// # Guarantees
//
// - A token that no test has tampered with is one that Entra could have issued.
// - A request that Entra would reject gets Entra's own error: a wrong secret, a wrong verifier, a used code, another
//   redirect_uri.
// - The issuer is the host name of the request, so the double works behind a TcpProxy, and as `localhost` it is another
//   site than the portal.
import {
  type JsonWebKey,
  type KeyObject,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
} from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import {
  type MutableRedirectUri,
  type MutableResponse,
  type MutableToken,
  OAuth2Issuer,
  OAuth2Service,
} from 'oauth2-mock-server'

import { LoopbackServer, bodyOf, respond, respondGarbage, respondJson } from './loopback.ts'

/** An account that can sign in. A change here applies to the next token. */
export interface Account {
  /** The object id of the account, and its tenant. */
  oid: string
  tid: string
  /** The id of the account for this application only. */
  sub: string
  /** The claim `preferred_username`, and Graph's `userPrincipalName`. */
  username: string
  name: string
  /** The claim `email`. Some accounts have none. */
  email?: string
  /** Graph's `mail`. The default is `email`. `null` is an account without a mailbox. */
  mail?: string | null
  /** The claim `acct`: 0 for a member, 1 for a guest. `undefined` omits the optional claim. */
  acct?: 0 | 1
  /** The identity provider of a guest. */
  idp?: string
  /** The claim `auth_time` in seconds. `false` omits it. The default is the time of the sign-in. */
  authTime?: number | false
  /** Other claims. */
  claims?: Record<string, unknown>
}

/** A modification of one ID token. */
export interface Tampering {
  /** Claims that replace the right ones. `undefined` removes a claim. */
  claims?: Record<string, unknown>
  /** Header fields that replace the right ones. `undefined` removes a field. */
  header?: Record<string, unknown>
  /**
   * The signature: none, an HMAC with the published key as its secret, one with a flipped bit, or one by an unpublished
   * key under the name of the published one. The default is a correct signature of the modified token.
   */
  alg?: 'none' | 'HS256-with-public-key' | 'bad-signature' | 'another-key'
  /** The name of a key, published or not, that replaces the name of the signing key. */
  kid?: string
  /** A text that replaces the whole token. */
  raw?: string
}

/** The endpoints that can fail. */
export type EntraEndpoint = 'discovery' | 'keys' | 'authorize' | 'token'

/** The fault of an endpoint: status 500, no answer, a closed connection, or an invalid body. */
export type EntraFault = 'status-500' | 'hang' | 'close' | 'garbage'

/** A recorded request. */
export interface RecordedRequest {
  /** The tenant in the path. */
  tenant: string
  parameters: Record<string, string>
  headers: IncomingMessage['headers']
}

/** The owner of an access token. */
export type Holder =
  | { kind: 'person'; account: Account; scopes: string[] }
  | { kind: 'application'; clientId: string; roles: string[] }

export interface EntraOptions {
  /** The tenant of accounts that are added without one. */
  tenant?: string
  clientId?: string
  clientSecret?: string
}

/** A sign-in in a browser. */
interface Session {
  account: Account
  /** The time of the sign-in, in seconds. */
  since: number
}

/** An issued code. */
interface Grant extends Session {
  tenant: string
  parameters: Record<string, string>
  used: boolean
}

/** The state of a request while oauth2-mock-server handles it. */
interface TokenExchange {
  tenant: string
  base: string
  /** The owner of the code. */
  grant?: Grant
  scopes: string[]
  /** The number of tokens issued for the request: the first is the access token, the second the ID token. */
  issued: number
}

/** The tenant of personal Microsoft accounts. */
export const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'

const GRAPH = '00000003-0000-0000-c000-000000000000'
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const PROMPTS = ['none', 'login', 'select_account', 'consent']

/** oauth2-mock-server takes turns with its keys. Here the newest key signs, whatever else is published. */
class Service extends OAuth2Service {
  constructor(public signingIssuer: OAuth2Issuer) {
    super(signingIssuer, { authorize: '/:tenant/oauth2/v2.0/authorize', token: '/:tenant/oauth2/v2.0/token' })
  }

  override get issuer(): OAuth2Issuer {
    return this.signingIssuer
  }
}

/** Entra ID with one application. */
export class Entra {
  /** The tenant of accounts that are added without one. */
  readonly tenant: string
  readonly clientId: string
  /** The client secret. A test can change it, so that the portal's no longer works. */
  clientSecret: string
  /** The allowed redirect URIs. Any is allowed while the list is empty. */
  readonly redirectUris: string[] = []
  /** The lifetime of access tokens, in seconds. */
  tokenLifetime = 3599
  /** The application permissions. */
  roles = ['Mail.Send']
  /** The number of requests to each endpoint, answered or not. */
  readonly requestCounts: Record<EntraEndpoint, number> = { discovery: 0, keys: 0, authorize: 0, token: 0 }
  /** The last request to each of these endpoints. */
  lastAuthorize: RecordedRequest | undefined
  lastToken: RecordedRequest | undefined
  lastLogout: RecordedRequest | undefined
  /** The last ID token, as issued. */
  lastIdToken: string | undefined
  private readonly accounts: Account[] = []
  private readonly sessions = new Map<string, Session>()
  private readonly grants = new Map<string, Grant>()
  private readonly accessTokens = new Map<string, { holder: Holder; until: number }>()
  private readonly faults = new Map<EntraEndpoint, EntraFault>()
  private readonly exchanges = new WeakMap<IncomingMessage, TokenExchange>()
  private readonly service: Service
  private published: OAuth2Issuer[]
  private tampering: Tampering | undefined
  private loopback!: LoopbackServer

  private constructor(key: OAuth2Issuer, options: EntraOptions) {
    this.tenant = options.tenant ?? randomUUID()
    this.clientId = options.clientId ?? randomUUID()
    this.clientSecret = options.clientSecret ?? randomBytes(24).toString('base64url')
    this.service = new Service(key)
    this.published = [key]
    this.service.on('beforeAuthorizeRedirect', this.recordCode.bind(this))
    this.service.on('beforeTokenSigning', this.setClaims.bind(this))
    this.service.on('beforeResponse', this.completeTokenResponse.bind(this))
  }

  static async start(options: EntraOptions = {}): Promise<Entra> {
    const entra = new Entra(await newKey(), options)
    entra.loopback = await LoopbackServer.start(async (request, response) => entra.serve(request, response))
    return entra
  }

  /** The URL, without a slash at the end. */
  get url(): string {
    return this.loopback.url
  }

  /** The base URL of a tenant up to `/v2.0`, which is also the issuer. */
  authority(tenant = this.tenant): string {
    return `${this.url}/${tenant}/v2.0`
  }

  /** Adds an account, which can then be chosen on the page. */
  add(account: Partial<Account> & { name: string }): Account {
    const username = account.username ?? `${account.name.toLowerCase().replace(/\W+/g, '.')}@example.org`
    const sub = randomBytes(32).toString('base64url')
    const added: Account = { oid: randomUUID(), tid: this.tenant, sub, username, email: username, acct: 0, ...account }
    this.accounts.push(added)
    return added
  }

  /** Removes an account with its sessions and access tokens. */
  remove(account: Account): void {
    const at = this.accounts.indexOf(account)
    if (at >= 0) this.accounts.splice(at, 1)
    for (const [id, session] of this.sessions) if (session.account === account) this.sessions.delete(id)
    for (const [token, { holder }] of this.accessTokens) {
      if (holder.kind === 'person' && holder.account === account) this.accessTokens.delete(token)
    }
  }

  /** Modifies the next ID token, and only that one. */
  tamper(tampering: Tampering): void {
    this.tampering = tampering
  }

  /** Signs with a new key from now on. The former keys are no longer published, unless `keep` is true. */
  async rotateKeys({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    const key = await newKey()
    this.published = keep ? [...this.published, key] : [key]
    this.service.signingIssuer = key
  }

  /** The names of the published keys. */
  get kids(): string[] {
    return this.published.flatMap((key) => key.keys.toJSON().map(({ kid }) => kid))
  }

  /** Makes an endpoint fail until `restore`. */
  fail({ endpoint, fault }: { endpoint: EntraEndpoint; fault: EntraFault }): void {
    this.faults.set(endpoint, fault)
  }

  /** Ends all faults. Requests without an answer stay without one. */
  restore(): void {
    this.faults.clear()
  }

  /** Returns the owner of an access token, or undefined if the token has expired or was revoked. */
  holderOf(accessToken: string): Holder | undefined {
    const known = this.accessTokens.get(accessToken)
    return known === undefined || known.until <= Date.now() ? undefined : known.holder
  }

  /** Revokes every access token. */
  revokeTokens(): void {
    this.accessTokens.clear()
  }

  /** Ends every session, as if all browsers had been closed. */
  forgetSessions(): void {
    this.sessions.clear()
  }

  /** Chooses an account on the page without a browser, and returns the redirect URL. */
  async choose(address: string, as: Account | 'deny'): Promise<string> {
    const { origin, pathname, searchParams } = new URL(address)
    const page = await fetch(address, { redirect: 'manual' })
    const redirectUrl = page.headers.get('location')
    if (redirectUrl !== null) return redirectUrl
    const text = await page.text()
    const choice = as === 'deny' ? as : String(this.accounts.indexOf(as))
    if (!text.includes(`name="choice" value="${choice}"`)) throw new Error(`The account cannot be chosen: ${page.status} ${text}`)
    const body = new URLSearchParams(searchParams)
    body.set('choice', choice)
    const login = `${origin}/${pathname.split('/')[1]}/login`
    const answer = await fetch(login, { method: 'POST', body, redirect: 'manual' })
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`There is no redirect: ${answer.status} ${await answer.text()}`)
    return location
  }

  /** Stops immediately. */
  async stop(): Promise<void> {
    await this.loopback.stop()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = request.headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
    const base = `${scheme}://${request.headers.host ?? new URL(this.url).host}`
    const address = new URL(request.url ?? '/', base)
    const [, tenant = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(address.pathname) ?? []
    const recorded = { tenant, parameters: Object.fromEntries(address.searchParams), headers: request.headers }
    switch (`${request.method} ${rest}`) {
      case 'GET v2.0/.well-known/openid-configuration':
        if (this.applyFault('discovery', response)) return
        if (!this.isKnownTenant(tenant)) return refuse(response, 400, 'invalid_tenant', 90002, 'Tenant not found.')
        return respondJson(response, 200, discovery(base, tenant))
      case 'GET discovery/v2.0/keys':
        if (this.applyFault('keys', response)) return
        return respondJson(response, 200, { keys: this.published.flatMap((key) => publicKeys(key, base)) })
      case 'GET oauth2/v2.0/authorize':
        this.lastAuthorize = recorded
        if (this.applyFault('authorize', response)) return
        return this.authorize(request, response, recorded)
      case 'POST login':
        return this.login(request, response, tenant)
      case 'POST oauth2/v2.0/token': {
        const parameters = Object.fromEntries(new URLSearchParams(await bodyOf(request)))
        this.lastToken = { ...recorded, parameters }
        if (this.applyFault('token', response)) return
        return this.token(request, response, this.lastToken, base)
      }
      case 'GET oauth2/v2.0/logout':
        this.lastLogout = recorded
        return this.logout(request, response, recorded)
      default:
        return page(response, 404, 'Nothing here', '')
    }
  }

  /** Counts a request, and applies the fault of its endpoint. Returns true if there is one. */
  private applyFault(endpoint: EntraEndpoint, response: ServerResponse): boolean {
    this.requestCounts[endpoint] += 1
    const fault = this.faults.get(endpoint)
    if (fault === 'status-500') refuse(response, 500, 'server_error', 90033, 'A transient error has occurred.')
    else if (fault === 'close') response.socket?.destroy()
    else if (fault === 'garbage') respondGarbage(response)
    return fault !== undefined
  }

  private isKnownTenant(tenant: string): boolean {
    const known = (): boolean => tenant === this.tenant || this.accounts.some(({ tid }) => tid === tenant)
    return ['organizations', 'common', 'consumers'].includes(tenant) || (GUID.test(tenant) && known())
  }

  /** Returns true if an account may sign in at a tenant. */
  private maySignInTo({ tid }: Account, tenant: string): boolean {
    if (tenant === 'common') return true
    if (tenant === 'organizations') return tid !== CONSUMERS
    return tid === (tenant === 'consumers' ? CONSUMERS : tenant)
  }

  /** Issues a code to a signed-in browser, shows the account page, or responds with an error. */
  private async authorize(request: IncomingMessage, response: ServerResponse, recorded: RecordedRequest): Promise<void> {
    if (!this.isValidRequest(response, recorded)) return
    const { tenant, parameters } = recorded
    const { prompt, login_hint: hint, max_age: most } = parameters
    const session = this.sessionOf(request)
    const age = session === undefined ? Infinity : seconds() - session.since
    const fits =
      session !== undefined &&
      this.accounts.includes(session.account) &&
      this.maySignInTo(session.account, tenant) &&
      (hint === undefined || hint.toLowerCase() === session.account.username.toLowerCase()) &&
      (most === undefined || age <= Number(most))
    if (fits && (prompt === undefined || prompt === 'none')) return this.issueCode(request, response, recorded, session)
    if (prompt === 'none') {
      const why = 'AADSTS50058: A silent sign-in request was sent but no user is signed in.'
      return sendError(response, parameters, 'login_required', why)
    }
    const fields = Object.entries(parameters).map(([name, value]) => hidden(name, value))
    const choices = this.accounts.flatMap((account, at) => {
      const focus = account.username.toLowerCase() === hint?.toLowerCase() ? ' autofocus' : ''
      const label = `${escape(account.name)} <small>${escape(account.username)}</small>`
      const button = `<p><button name="choice" value="${at}"${focus}>${label}</button></p>`
      return this.maySignInTo(account, tenant) ? [button] : []
    })
    const deny = '<p><button name="choice" value="deny">Deny</button></p>'
    const inside = [...fields, ...choices, deny].join('\n')
    const form = `<form method="post" action="/${escape(tenant)}/login">${inside}</form>`
    return page(response, 200, 'Pick an account', form)
  }

  /** Returns true if an authorization request is valid. Responds with an error otherwise. */
  private isValidRequest(response: ServerResponse, { tenant, parameters }: RecordedRequest): boolean {
    const { client_id, redirect_uri = '', scope, prompt, response_mode } = parameters
    const wrong = (code: number, why: string): false => {
      page(response, 400, "We couldn't sign you in", `<p>AADSTS${code}: ${escape(why)}</p>`)
      return false
    }
    if (!this.isKnownTenant(tenant)) return wrong(90002, `Tenant '${tenant}' not found.`)
    if (client_id !== this.clientId) return wrong(700016, `Application '${client_id}' was not found in the directory.`)
    if (!URL.canParse(redirect_uri) || !this.isRegistered(redirect_uri)) {
      return wrong(50011, `The redirect URI '${redirect_uri}' does not match those configured for the application.`)
    }
    const bad = (why: string): false => {
      sendError(response, parameters, 'invalid_request', why)
      return false
    }
    if (scope === undefined) return bad("AADSTS900144: The request must contain the following parameter: 'scope'.")
    if (prompt !== undefined && !PROMPTS.includes(prompt)) return bad("AADSTS90023: Unsupported 'prompt' value.")
    if (response_mode !== undefined && response_mode !== 'query') return bad('This double supports only the response mode query.')
    return true
  }

  private isRegistered(address: string): boolean {
    return this.redirectUris.length === 0 || this.redirectUris.includes(address)
  }

  /** Handles the choice on the account page. */
  private async login(request: IncomingMessage, response: ServerResponse, tenant: string): Promise<void> {
    const { choice = '', ...parameters } = Object.fromEntries(new URLSearchParams(await bodyOf(request)))
    const recorded = { tenant, parameters, headers: request.headers }
    if (!this.isValidRequest(response, recorded)) return
    if (choice === 'deny') {
      const why = 'AADSTS65004: User declined to consent to access the app.'
      return sendError(response, parameters, 'access_denied', why, { error_subcode: 'cancel' })
    }
    const account = this.accounts[Number(choice)]
    if (account === undefined || !this.maySignInTo(account, tenant)) return page(response, 400, 'No account is chosen', '')
    const before = this.sessionOf(request)
    // A signed-in person is not asked for a password again, unless the application demands it.
    const reauthenticate = parameters.prompt === 'login' || parameters.max_age !== undefined
    const session = before?.account === account && !reauthenticate ? before : { account, since: seconds() }
    const id = randomUUID()
    this.sessions.set(id, session)
    response.setHeader('set-cookie', `${this.cookie}=${id}; Path=/; HttpOnly; SameSite=Lax`)
    this.issueCode(request, response, recorded, session)
  }

  /** The name of the session cookie. Cookies ignore the port, so the portal's browser has those of all doubles. */
  private get cookie(): string {
    return `ESTSAUTH-${this.loopback.port}`
  }

  private sessionOf(request: IncomingMessage): Session | undefined {
    const cookies = (request.headers.cookie ?? '').split(/;\s*/).map((pair) => pair.split('='))
    return this.sessions.get(cookies.find(([name]) => name === this.cookie)?.[1] ?? '')
  }

  /** Lets oauth2-mock-server issue a code and redirect with it. */
  private issueCode(request: IncomingMessage, response: ServerResponse, recorded: RecordedRequest, session: Session): void {
    const { tenant, parameters } = recorded
    const grant = { ...session, tenant, parameters, used: false }
    this.exchanges.set(request, { tenant, base: '', grant, scopes: [], issued: 0 })
    request.method = 'GET'
    request.url = `/${tenant}/oauth2/v2.0/authorize?${new URLSearchParams(parameters).toString()}`
    this.service.requestHandler(request, response)
  }

  private recordCode({ url }: MutableRedirectUri, request: IncomingMessage): void {
    const grant = this.exchanges.get(request)?.grant
    const code = url.searchParams.get('code')
    if (grant === undefined || code === null) return
    this.grants.set(code, grant)
    url.searchParams.set('session_state', randomUUID())
  }

  /** Rejects a token request as Entra does, or lets oauth2-mock-server issue the tokens. */
  private token(request: IncomingMessage, response: ServerResponse, recorded: RecordedRequest, base: string): void {
    const { tenant, parameters } = recorded
    const { id, secret } = credentials(recorded)
    const bad = (error: string, code: number, why: string): void => refuse(response, 400, error, code, why)
    if (!this.isKnownTenant(tenant)) return bad('invalid_request', 90002, `Tenant '${tenant}' not found.`)
    if (id !== this.clientId) {
      return bad('unauthorized_client', 700016, `Application '${id}' was not found in the directory.`)
    }
    if (secret === undefined) {
      return refuse(response, 401, 'invalid_client', 7000218, "The request body must contain: 'client_secret'.")
    }
    if (secret !== this.clientSecret) {
      return refuse(response, 401, 'invalid_client', 7000215, 'Invalid client secret provided.')
    }
    const { grant_type, code, scope } = parameters
    let grant: Grant | undefined
    if (grant_type === 'client_credentials') {
      if (!GUID.test(tenant)) return bad('invalid_request', 50059, 'No tenant-identifying information found.')
      if (scope?.endsWith('/.default') !== true) {
        return bad('invalid_scope', 1002012, `The provided value for scope ${scope} is not valid: it must be .default.`)
      }
    } else if (grant_type === 'authorization_code') {
      grant = this.grants.get(code ?? '')
      if (grant === undefined) return bad('invalid_grant', 9002313, 'Invalid request. Request is malformed or invalid.')
      const { used, parameters: first } = grant
      // A code can be used once, whatever the result.
      grant.used = true
      if (used) return bad('invalid_grant', 54005, 'OAuth2 Authorization code was already redeemed.')
      if (grant.tenant !== tenant) return bad('invalid_grant', 700005, 'The code is intended for another tenant.')
      if (first.redirect_uri !== parameters.redirect_uri) {
        return bad('invalid_client', 500112, 'The reply address does not match the one of the authorization request.')
      }
      if (!isVerified(first, parameters.code_verifier)) {
        return bad('invalid_grant', 501481, 'The Code_Verifier does not match the code_challenge.')
      }
    } else {
      return bad('unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant_type}'.`)
    }
    const scopes = (grant === undefined ? scope : grant.parameters.scope)?.split(' ') ?? []
    this.exchanges.set(request, { tenant, base, grant, scopes, issued: 0 })
    // The body of a request can be read only once.
    Object.assign(request, { body: parameters })
    this.service.requestHandler(request, response)
  }

  /** Sets the claims of an access token, then those of an ID token. */
  private setClaims({ payload }: MutableToken, request: IncomingMessage): void {
    const exchange = this.exchanges.get(request)
    if (exchange === undefined) return
    const { base, grant, scopes } = exchange
    exchange.issued += 1
    const tid = grant?.account.tid ?? exchange.tenant
    // Entra's tokens are five minutes old when they arrive, to allow for different clocks.
    const now = seconds() - 300
    const exp = now + 300 + (exchange.issued === 1 ? this.tokenLifetime : 3600)
    const uti = randomBytes(16).toString('base64url')
    const common = { iss: `${base}/${tid}/v2.0`, iat: now, nbf: now, exp, tid, uti }
    const access = { aud: GRAPH, appid: this.clientId, ver: '1.0' }
    for (const claim of Object.keys(payload)) delete payload[claim]
    if (grant === undefined) {
      const roles = this.roles
      Object.assign(payload, { ...common, ...access, idtyp: 'app', sub: this.clientId, roles })
    } else if (exchange.issued === 1) {
      const { oid, sub } = grant.account
      Object.assign(payload, { ...common, ...access, idtyp: 'user', oid, sub, scp: scopes.join(' ') })
    } else {
      const { oid, sub, username, name, email, acct, idp, authTime, claims } = grant.account
      const auth_time = authTime === false ? undefined : (authTime ?? grant.since)
      const identity = { oid, sub, preferred_username: username, name, email, acct, idp }
      const { nonce } = grant.parameters
      Object.assign(payload, { ...common, aud: this.clientId, ...identity, nonce, auth_time, ver: '2.0', ...claims })
    }
  }

  /** Completes the token response, and records the tokens in it. */
  private completeTokenResponse({ body }: MutableResponse, request: IncomingMessage): void {
    const exchange = this.exchanges.get(request)
    if (exchange === undefined || body === '') return
    const { grant, scopes } = exchange
    const holder: Holder =
      grant === undefined
        ? { kind: 'application', clientId: this.clientId, roles: this.roles }
        : { kind: 'person', account: grant.account, scopes }
    this.accessTokens.set(String(body.access_token), { holder, until: Date.now() + this.tokenLifetime * 1000 })
    const lifetimes = { expires_in: this.tokenLifetime, ext_expires_in: this.tokenLifetime }
    const openid = grant !== undefined && scopes.includes('openid')
    const id_token = openid ? this.applyTampering(String(body.id_token)) : undefined
    if (openid) this.lastIdToken = id_token
    const scope = grant === undefined ? undefined : scopes.join(' ')
    Object.assign(body, { ...lifetimes, scope, id_token, refresh_token: undefined })
  }

  /** Applies the requested modification to an ID token. */
  private applyTampering(token: string): string {
    const tampering = this.tampering
    this.tampering = undefined
    if (tampering === undefined) return token
    const { claims, header, alg, kid, raw } = tampering
    if (raw !== undefined) return raw
    const read = (part = ''): object => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as object
    const [head, body] = token.split('.')
    const named = alg === 'none' ? 'none' : alg === 'HS256-with-public-key' ? 'HS256' : 'RS256'
    const key = kid === undefined ? {} : { kid }
    const parts = [{ ...read(head), alg: named, ...key, ...header }, { ...read(body), ...claims }]
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    return `${signed}.${this.sign(signed, alg).toString('base64url')}`
  }

  private sign(text: string, alg: Tampering['alg']): Buffer {
    const [jwk] = this.service.signingIssuer.keys.toJSON(true)
    const key = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const rsa = (by: KeyObject): Buffer => createSign('sha256').update(text).sign(by)
    switch (alg) {
      case 'none':
        return Buffer.alloc(0)
      case 'HS256-with-public-key': {
        const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' })
        return createHmac('sha256', pem).update(text).digest()
      }
      case 'bad-signature': {
        const signature = rsa(key)
        signature.writeUInt8(signature.readUInt8(100) ^ 1, 100)
        return signature
      }
      case 'another-key':
        return rsa(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
      case undefined:
        return rsa(key)
    }
  }

  /** Ends the session, and redirects after a second, with and without JavaScript. */
  private logout(request: IncomingMessage, response: ServerResponse, { parameters }: RecordedRequest): void {
    const session = this.sessionOf(request)
    for (const [id, other] of this.sessions) if (other === session) this.sessions.delete(id)
    response.setHeader('set-cookie', `${this.cookie}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`)
    const { post_logout_redirect_uri: redirectUrl = '', state } = parameters
    const title = 'You signed out of your account'
    if (!URL.canParse(redirectUrl) || !this.isRegistered(redirectUrl)) return page(response, 200, title, '')
    const to = new URL(redirectUrl)
    if (state !== undefined) to.searchParams.set('state', state)
    const refresh = `<meta http-equiv="refresh" content="1;url=${escape(to.href)}">`
    return page(response, 200, title, '<p>One moment…</p>', refresh)
  }
}

/** Creates a key with its issuer. */
async function newKey(): Promise<OAuth2Issuer> {
  const issuer = new OAuth2Issuer()
  // The issuer needs a URL. The tokens get theirs from the tenant.
  issuer.url = 'http://127.0.0.1'
  await issuer.keys.generate('RS256', { kid: randomBytes(20).toString('base64url') })
  return issuer
}

/** Returns the keys as Entra publishes them: with an issuer, and without `alg`. */
function publicKeys(key: OAuth2Issuer, base: string): object[] {
  const issuer = `${base}/{tenantid}/v2.0`
  return key.keys.toJSON().map(({ kty, kid, n, e }) => ({ kty, use: 'sig', kid, x5t: kid, n, e, issuer }))
}

/** Returns the metadata as Entra does: without PKCE, and with a placeholder for a tenant that is not a GUID. */
function discovery(base: string, tenant: string): object {
  const at = `${base}/${tenant}`
  const tid = tenant === 'consumers' ? CONSUMERS : GUID.test(tenant) ? tenant : '{tenantid}'
  return {
    token_endpoint: `${at}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${at}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${base}/${tid}/v2.0`,
    request_uri_parameter_supported: false,
    authorization_endpoint: `${at}/oauth2/v2.0/authorize`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${at}/oauth2/v2.0/logout`,
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'preferred_username', 'name', 'tid'],
    tenant_region_scope: tid === '{tenantid}' ? null : 'EU',
    cloud_instance_name: 'microsoftonline.com',
  }
}

/** Returns the client's id and secret from the body or the header (RFC 6749, section 2.3.1). */
function credentials({ parameters, headers }: RecordedRequest): { id?: string; secret?: string } {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (basic === undefined) return { id: parameters.client_id, secret: parameters.client_secret }
  const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  const decode = (text: string): string => decodeURIComponent(text.replace(/\+/g, ' '))
  return { id: decode(id), secret: decode(rest.join(':')) }
}

/** Returns true if the verifier matches the challenge (RFC 7636). Without a challenge there must be no verifier. */
function isVerified({ code_challenge, code_challenge_method }: Record<string, string>, verifier?: string): boolean {
  if (code_challenge === undefined || verifier === undefined) return code_challenge === verifier
  const hash = createHash('sha256').update(verifier).digest('base64url')
  return code_challenge === (code_challenge_method === 'S256' ? hash : verifier)
}

/** Responds with an error in Entra's format. */
function refuse(response: ServerResponse, status: number, error: string, code: number, why: string): void {
  const [timestamp, trace_id, correlation_id] = [new Date().toISOString(), randomUUID(), randomUUID()]
  const error_description = `AADSTS${code}: ${why} Trace ID: ${trace_id} Correlation ID: ${correlation_id}`
  const body = { error, error_description, error_codes: [code], timestamp, trace_id, correlation_id }
  respondJson(response, status, body, { 'cache-control': 'no-store' })
}

/** Redirects with an error. */
function sendError(
  response: ServerResponse,
  { redirect_uri = '', state }: Record<string, string>,
  error: string,
  error_description: string,
  others: Record<string, string> = {},
): void {
  const to = new URL(redirect_uri)
  const all = { error, error_description, ...others, ...(state === undefined ? {} : { state }) }
  for (const [name, value] of Object.entries(all)) to.searchParams.set(name, value)
  response.writeHead(302, { location: to.href, 'content-length': '0' }).end()
}

function page(response: ServerResponse, status: number, title: string, content: string, head = ''): void {
  const text = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escape(title)}</title><link rel="icon" href="data:,">${head}</head>
<body><main><h1>${escape(title)}</h1>${content}</main></body>
</html>`
  respond(response, status, text, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
}

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
