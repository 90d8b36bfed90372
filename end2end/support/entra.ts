// Entra ID (the Microsoft identity platform, v2.0) on loopback, with its addresses, its tokens and its refusals.
//
// Codes, PKCE and signatures are oauth2-mock-server's. What Entra does differently from it is here: a page on which one
// chooses who to be, sessions, tenants, the client's secret, codes that work once, and the claims.
//
// It guarantees: a token that no test has tampered with is one that Entra could have issued, and whatever Entra would
// refuse (a wrong secret, a wrong verifier, a code for the second time, another redirect_uri) is refused with Entra's
// own error. It calls itself what it is called by, so it works behind a `Door`, and as `localhost` it is another site
// than the portal.
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

import { Loopback, answer, answerGarbage, answerJson, textOf } from './loopback.ts'

/** Somebody who can sign in. What is changed here is so in their next token. */
export interface Account {
  /** Their number in their tenant, and that tenant. */
  oid: string
  tid: string
  /** Their number for this application alone. */
  sub: string
  /** `preferred_username`, and Graph's `userPrincipalName`. */
  username: string
  name: string
  /** The claim `email`; not everybody has one. */
  email?: string
  /** Graph's `mail`: `email` unless it is set; `null` for somebody without a mailbox. */
  mail?: string | null
  /** 0 for a member, 1 for a guest; `undefined` leaves the claim out, as it is where nobody has asked for it. */
  acct?: 0 | 1
  /** Who vouches for a guest. */
  idp?: string
  /** When they signed in, in seconds; `false` leaves `auth_time` out. Unless it is set: when they did. */
  authTime?: number | false
  /** Other claims. */
  claims?: Record<string, unknown>
}

/** What is wrong with one ID token. */
export interface Tampering {
  /** Claims in place of the right ones; `undefined` takes one away. */
  claims?: Record<string, unknown>
  /** Header fields in place of the right ones; `undefined` takes one away. */
  header?: Record<string, unknown>
  /**
   * How it is (not) signed: by nobody, with the published key as if it were a shared secret, with one bit turned over,
   * or by a key of somebody else's under the name of the published one. Otherwise correctly, whatever it then says.
   */
  alg?: 'none' | 'HS256-with-public-key' | 'bad-signature' | 'another-key'
  /** The name of a key, published or not, in place of that of the key that signs. */
  kid?: string
  /** Something else altogether in place of the token. */
  raw?: string
}

/** What can be out of order. */
export type EntraPath = 'discovery' | 'keys' | 'authorize' | 'token'

/** How: it answers 500, never, by closing the connection, or nonsense. */
export type EntraTrouble = 'status-500' | 'hang' | 'close' | 'garbage'

/** A request, as the tests look at it afterwards. */
export interface Asked {
  /** The tenant in its address. */
  tenant: string
  parameters: Record<string, string>
  headers: IncomingMessage['headers']
}

/** Whose an access token is. */
export type Holder =
  | { kind: 'person'; account: Account; scopes: string[] }
  | { kind: 'application'; clientId: string; roles: string[] }

export interface EntraOptions {
  /** The tenant of everybody who is registered without one. */
  tenant?: string
  clientId?: string
  clientSecret?: string
}

/** Somebody who is signed in, in a browser. */
interface Session {
  account: Account
  /** When they proved it, in seconds. */
  since: number
}

/** A code that was given out. */
interface Grant extends Session {
  tenant: string
  parameters: Record<string, string>
  used: boolean
}

/** What is known of a request while oauth2-mock-server deals with it. */
interface Exchange {
  tenant: string
  base: string
  /** Whose code it is, or is to be. */
  grant?: Grant
  scopes: string[]
  /** How many tokens were made for it: the first is the access token, the second the ID token. */
  made: number
}

/** The tenant of everybody's private Microsoft account. */
export const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'

const GRAPH = '00000003-0000-0000-c000-000000000000'
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const PROMPTS = ['none', 'login', 'select_account', 'consent']

/** oauth2-mock-server signs with its keys in turns; here the newest signs, whatever else is published. */
class Service extends OAuth2Service {
  constructor(public newest: OAuth2Issuer) {
    super(newest, { authorize: '/:tenant/oauth2/v2.0/authorize', token: '/:tenant/oauth2/v2.0/token' })
  }

  override get issuer(): OAuth2Issuer {
    return this.newest
  }
}

/** Entra ID, with one application. */
export class Entra {
  /** The tenant of everybody who is registered without one. */
  readonly tenant: string
  readonly clientId: string
  /** Change it, and the portal's no longer works. */
  clientSecret: string
  /** Where people may be sent back to; anywhere while it is empty. */
  readonly redirectUris: string[] = []
  /** How long access tokens are good for, in seconds. */
  tokenLife = 3599
  /** What the application may do by itself. */
  roles = ['Mail.Send']
  /** How many requests have come, answered or not. */
  readonly asked: Record<EntraPath, number> = { discovery: 0, keys: 0, authorize: 0, token: 0 }
  /** The last request for each of these. */
  lastAuthorize: Asked | undefined
  lastToken: Asked | undefined
  lastLogout: Asked | undefined
  /** The last ID token, as it was given out. */
  lastIdToken: string | undefined
  private readonly accounts: Account[] = []
  private readonly sessions = new Map<string, Session>()
  private readonly grants = new Map<string, Grant>()
  private readonly accessTokens = new Map<string, { holder: Holder; until: number }>()
  private readonly troubles = new Map<EntraPath, EntraTrouble>()
  private readonly exchanges = new WeakMap<IncomingMessage, Exchange>()
  private readonly service: Service
  private published: OAuth2Issuer[]
  private tampering: Tampering | undefined
  private loopback!: Loopback

  private constructor(key: OAuth2Issuer, options: EntraOptions) {
    this.tenant = options.tenant ?? randomUUID()
    this.clientId = options.clientId ?? randomUUID()
    this.clientSecret = options.clientSecret ?? randomBytes(24).toString('base64url')
    this.service = new Service(key)
    this.published = [key]
    this.service.on('beforeAuthorizeRedirect', this.sendBack.bind(this))
    this.service.on('beforeTokenSigning', this.fillIn.bind(this))
    this.service.on('beforeResponse', this.handOut.bind(this))
  }

  static async start(options: EntraOptions = {}): Promise<Entra> {
    const entra = new Entra(await newKey(), options)
    entra.loopback = await Loopback.start(async (request, response) => entra.serve(request, response))
    return entra
  }

  /** Its address, without a slash at the end. */
  get url(): string {
    return this.loopback.url
  }

  /** What tenants' addresses begin with, up to `/v2.0`, which is the issuer too. */
  authority(tenant = this.tenant): string {
    return `${this.url}/${tenant}/v2.0`
  }

  /** Registers somebody, who can then be chosen on the page. */
  add(account: Partial<Account> & { name: string }): Account {
    const username = account.username ?? `${account.name.toLowerCase().replace(/\W+/g, '.')}@example.org`
    const sub = randomBytes(32).toString('base64url')
    const added: Account = { oid: randomUUID(), tid: this.tenant, sub, username, email: username, acct: 0, ...account }
    this.accounts.push(added)
    return added
  }

  /** Takes somebody off the page, and their sessions and access tokens away. */
  remove(account: Account): void {
    const at = this.accounts.indexOf(account)
    if (at >= 0) this.accounts.splice(at, 1)
    for (const [id, session] of this.sessions) if (session.account === account) this.sessions.delete(id)
    for (const [token, { holder }] of this.accessTokens) {
      if (holder.kind === 'person' && holder.account === account) this.accessTokens.delete(token)
    }
  }

  /** Has something be wrong with the next ID token, and with that one alone. */
  tamper(tampering: Tampering): void {
    this.tampering = tampering
  }

  /** Signs with another key from now on. The former ones are withdrawn, unless they are to stay. */
  async rotateKeys({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    const key = await newKey()
    this.published = keep ? [...this.published, key] : [key]
    this.service.newest = key
  }

  /** The names of the published keys. */
  get kids(): string[] {
    return this.published.flatMap((key) => key.keys.toJSON().map(({ kid }) => kid))
  }

  /** Puts something out of order, until it is healed. */
  fail({ path, how }: { path: EntraPath; how: EntraTrouble }): void {
    this.troubles.set(path, how)
  }

  /** Puts everything in order. Whoever was left without an answer stays so. */
  heal(): void {
    this.troubles.clear()
  }

  /** Whose an access token is; nobody's once it has expired or was revoked. */
  holderOf(accessToken: string): Holder | undefined {
    const known = this.accessTokens.get(accessToken)
    return known === undefined || known.until <= Date.now() ? undefined : known.holder
  }

  /** Revokes every access token. */
  revokeTokens(): void {
    this.accessTokens.clear()
  }

  /** Ends everybody's session here, as if all browsers had been closed. */
  forgetSessions(): void {
    this.sessions.clear()
  }

  /** Chooses somebody on the page without a browser; answers the address that it sends back to. */
  async choose(address: string, as: Account | 'deny'): Promise<string> {
    const { origin, pathname, searchParams } = new URL(address)
    const page = await fetch(address, { redirect: 'manual' })
    const back = page.headers.get('location')
    if (back !== null) return back
    const text = await page.text()
    const choice = as === 'deny' ? as : String(this.accounts.indexOf(as))
    if (!text.includes(`name="choice" value="${choice}"`)) throw new Error(`Not to be chosen: ${page.status} ${text}`)
    const body = new URLSearchParams(searchParams)
    body.set('choice', choice)
    const login = `${origin}/${pathname.split('/')[1]}/login`
    const answer = await fetch(login, { method: 'POST', body, redirect: 'manual' })
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`Nowhere to go back to: ${answer.status} ${await answer.text()}`)
    return location
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    await this.loopback.stop()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = request.headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
    const base = `${scheme}://${request.headers.host ?? new URL(this.url).host}`
    const address = new URL(request.url ?? '/', base)
    const [, tenant = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(address.pathname) ?? []
    const asked = { tenant, parameters: Object.fromEntries(address.searchParams), headers: request.headers }
    switch (`${request.method} ${rest}`) {
      case 'GET v2.0/.well-known/openid-configuration':
        if (this.isDown('discovery', response)) return
        if (!this.isTenant(tenant)) return refuse(response, 400, 'invalid_tenant', 90002, 'Tenant not found.')
        return answerJson(response, 200, discovery(base, tenant))
      case 'GET discovery/v2.0/keys':
        if (this.isDown('keys', response)) return
        return answerJson(response, 200, { keys: this.published.flatMap((key) => publicKeys(key, base)) })
      case 'GET oauth2/v2.0/authorize':
        this.lastAuthorize = asked
        if (this.isDown('authorize', response)) return
        return this.authorize(request, response, asked)
      case 'POST login':
        return this.login(request, response, tenant)
      case 'POST oauth2/v2.0/token': {
        const parameters = Object.fromEntries(new URLSearchParams(await textOf(request)))
        this.lastToken = { ...asked, parameters }
        if (this.isDown('token', response)) return
        return this.token(request, response, this.lastToken, base)
      }
      case 'GET oauth2/v2.0/logout':
        this.lastLogout = asked
        return this.logout(request, response, asked)
      default:
        return page(response, 404, 'Nothing here', '')
    }
  }

  /** Counts a request; does what is to be done instead of answering, if something is. */
  private isDown(path: EntraPath, response: ServerResponse): boolean {
    this.asked[path] += 1
    const how = this.troubles.get(path)
    if (how === 'status-500') refuse(response, 500, 'server_error', 90033, 'A transient error has occurred.')
    else if (how === 'close') response.socket?.destroy()
    else if (how === 'garbage') answerGarbage(response)
    return how !== undefined
  }

  private isTenant(tenant: string): boolean {
    const known = (): boolean => tenant === this.tenant || this.accounts.some(({ tid }) => tid === tenant)
    return ['organizations', 'common', 'consumers'].includes(tenant) || (GUID.test(tenant) && known())
  }

  /** Who may sign in at a tenant. */
  private isOffered({ tid }: Account, tenant: string): boolean {
    if (tenant === 'common') return true
    if (tenant === 'organizations') return tid !== CONSUMERS
    return tid === (tenant === 'consumers' ? CONSUMERS : tenant)
  }

  /** Asks who it is, unless that is known, or says why not. */
  private async authorize(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
    if (!this.isAsked(response, asked)) return
    const { tenant, parameters } = asked
    const { prompt, login_hint: hint, max_age: most } = parameters
    const session = this.sessionOf(request)
    const age = session === undefined ? Infinity : seconds() - session.since
    const fits =
      session !== undefined &&
      this.accounts.includes(session.account) &&
      this.isOffered(session.account, tenant) &&
      (hint === undefined || hint.toLowerCase() === session.account.username.toLowerCase()) &&
      (most === undefined || age <= Number(most))
    if (fits && (prompt === undefined || prompt === 'none')) return this.giveCode(request, response, asked, session)
    if (prompt === 'none') {
      const why = 'AADSTS50058: A silent sign-in request was sent but no user is signed in.'
      return sendError(response, parameters, 'login_required', why)
    }
    const fields = Object.entries(parameters).map(([name, value]) => hidden(name, value))
    const choices = this.accounts.flatMap((account, at) => {
      const focus = account.username.toLowerCase() === hint?.toLowerCase() ? ' autofocus' : ''
      const words = `${escape(account.name)} <small>${escape(account.username)}</small>`
      const button = `<p><button name="choice" value="${at}"${focus}>${words}</button></p>`
      return this.isOffered(account, tenant) ? [button] : []
    })
    const deny = '<p><button name="choice" value="deny">Deny</button></p>'
    const inside = [...fields, ...choices, deny].join('\n')
    const form = `<form method="post" action="/${escape(tenant)}/login">${inside}</form>`
    return page(response, 200, 'Pick an account', form)
  }

  /** Whether a request to sign in can be dealt with; says why not otherwise. */
  private isAsked(response: ServerResponse, { tenant, parameters }: Asked): boolean {
    const { client_id, redirect_uri = '', scope, prompt, response_mode } = parameters
    const wrong = (code: number, why: string): false => {
      page(response, 400, "We couldn't sign you in", `<p>AADSTS${code}: ${escape(why)}</p>`)
      return false
    }
    if (!this.isTenant(tenant)) return wrong(90002, `Tenant '${tenant}' not found.`)
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
    if (response_mode !== undefined && response_mode !== 'query') return bad('This double answers in the query alone.')
    return true
  }

  private isRegistered(address: string): boolean {
    return this.redirectUris.length === 0 || this.redirectUris.includes(address)
  }

  /** The page's answer: who it is, or nobody. */
  private async login(request: IncomingMessage, response: ServerResponse, tenant: string): Promise<void> {
    const { choice = '', ...parameters } = Object.fromEntries(new URLSearchParams(await textOf(request)))
    const asked = { tenant, parameters, headers: request.headers }
    if (!this.isAsked(response, asked)) return
    if (choice === 'deny') {
      const why = 'AADSTS65004: User declined to consent to access the app.'
      return sendError(response, parameters, 'access_denied', why, { error_subcode: 'cancel' })
    }
    const account = this.accounts[Number(choice)]
    if (account === undefined || !this.isOffered(account, tenant)) return page(response, 400, 'Nobody is chosen', '')
    const before = this.sessionOf(request)
    // Whoever is signed in already is not asked for a password again, unless the application wants that.
    const again = parameters.prompt === 'login' || parameters.max_age !== undefined
    const session = before?.account === account && !again ? before : { account, since: seconds() }
    const id = randomUUID()
    this.sessions.set(id, session)
    response.setHeader('set-cookie', `${this.cookie}=${id}; Path=/; HttpOnly; SameSite=Lax`)
    this.giveCode(request, response, asked, session)
  }

  /** Cookies are a host's, whatever the port: the portal's browser has them all. */
  private get cookie(): string {
    return `ESTSAUTH-${this.loopback.port}`
  }

  private sessionOf(request: IncomingMessage): Session | undefined {
    const cookies = (request.headers.cookie ?? '').split(/;\s*/).map((pair) => pair.split('='))
    return this.sessions.get(cookies.find(([name]) => name === this.cookie)?.[1] ?? '')
  }

  /** Lets oauth2-mock-server make a code and send back with it. */
  private giveCode(request: IncomingMessage, response: ServerResponse, asked: Asked, session: Session): void {
    const { tenant, parameters } = asked
    const grant = { ...session, tenant, parameters, used: false }
    this.exchanges.set(request, { tenant, base: '', grant, scopes: [], made: 0 })
    request.method = 'GET'
    request.url = `/${tenant}/oauth2/v2.0/authorize?${new URLSearchParams(parameters).toString()}`
    this.service.requestHandler(request, response)
  }

  private sendBack({ url }: MutableRedirectUri, request: IncomingMessage): void {
    const grant = this.exchanges.get(request)?.grant
    const code = url.searchParams.get('code')
    if (grant === undefined || code === null) return
    this.grants.set(code, grant)
    url.searchParams.set('session_state', randomUUID())
  }

  /** Refuses as Entra does, or lets oauth2-mock-server make the tokens. */
  private token(request: IncomingMessage, response: ServerResponse, asked: Asked, base: string): void {
    const { tenant, parameters } = asked
    const { id, secret } = credentials(asked)
    const bad = (error: string, code: number, why: string): void => refuse(response, 400, error, code, why)
    if (!this.isTenant(tenant)) return bad('invalid_request', 90002, `Tenant '${tenant}' not found.`)
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
      // Whatever comes of it, a code is used up.
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
    this.exchanges.set(request, { tenant, base, grant, scopes, made: 0 })
    // What has been read cannot be read once more.
    Object.assign(request, { body: parameters })
    this.service.requestHandler(request, response)
  }

  /** The claims of an access token, then of an ID token. */
  private fillIn({ payload }: MutableToken, request: IncomingMessage): void {
    const exchange = this.exchanges.get(request)
    if (exchange === undefined) return
    const { base, grant, scopes } = exchange
    exchange.made += 1
    const tid = grant?.account.tid ?? exchange.tenant
    // As Entra's are: five minutes old when they come, so that nobody's clock minds.
    const now = seconds() - 300
    const exp = now + 300 + (exchange.made === 1 ? this.tokenLife : 3600)
    const uti = randomBytes(16).toString('base64url')
    const common = { iss: `${base}/${tid}/v2.0`, iat: now, nbf: now, exp, tid, uti }
    const access = { aud: GRAPH, appid: this.clientId, ver: '1.0' }
    for (const claim of Object.keys(payload)) delete payload[claim]
    if (grant === undefined) {
      const roles = this.roles
      Object.assign(payload, { ...common, ...access, idtyp: 'app', sub: this.clientId, roles })
    } else if (exchange.made === 1) {
      const { oid, sub } = grant.account
      Object.assign(payload, { ...common, ...access, idtyp: 'user', oid, sub, scp: scopes.join(' ') })
    } else {
      const { oid, sub, username, name, email, acct, idp, authTime, claims } = grant.account
      const auth_time = authTime === false ? undefined : (authTime ?? grant.since)
      const who = { oid, sub, preferred_username: username, name, email, acct, idp }
      const { nonce } = grant.parameters
      Object.assign(payload, { ...common, aud: this.clientId, ...who, nonce, auth_time, ver: '2.0', ...claims })
    }
  }

  /** The answer with the tokens in it. */
  private handOut({ body }: MutableResponse, request: IncomingMessage): void {
    const exchange = this.exchanges.get(request)
    if (exchange === undefined || body === '') return
    const { grant, scopes } = exchange
    const holder: Holder =
      grant === undefined
        ? { kind: 'application', clientId: this.clientId, roles: this.roles }
        : { kind: 'person', account: grant.account, scopes }
    this.accessTokens.set(String(body.access_token), { holder, until: Date.now() + this.tokenLife * 1000 })
    const life = { expires_in: this.tokenLife, ext_expires_in: this.tokenLife }
    const openid = grant !== undefined && scopes.includes('openid')
    const id_token = openid ? this.spoil(String(body.id_token)) : undefined
    if (openid) this.lastIdToken = id_token
    const scope = grant === undefined ? undefined : scopes.join(' ')
    Object.assign(body, { ...life, scope, id_token, refresh_token: undefined })
  }

  /** Does to an ID token what a test has asked for. */
  private spoil(token: string): string {
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
    const [jwk] = this.service.newest.keys.toJSON(true)
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

  /** Ends the session, says so, and leads back after a second, with and without JavaScript. */
  private logout(request: IncomingMessage, response: ServerResponse, { parameters }: Asked): void {
    const session = this.sessionOf(request)
    for (const [id, one] of this.sessions) if (one === session) this.sessions.delete(id)
    response.setHeader('set-cookie', `${this.cookie}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`)
    const { post_logout_redirect_uri: back = '', state } = parameters
    const title = 'You signed out of your account'
    if (!URL.canParse(back) || !this.isRegistered(back)) return page(response, 200, title, '')
    const to = new URL(back)
    if (state !== undefined) to.searchParams.set('state', state)
    const refresh = `<meta http-equiv="refresh" content="1;url=${escape(to.href)}">`
    return page(response, 200, title, '<p>One moment…</p>', refresh)
  }
}

/** A key, with what signs with it. */
async function newKey(): Promise<OAuth2Issuer> {
  const issuer = new OAuth2Issuer()
  // It wants one; tokens get theirs from the tenant.
  issuer.url = 'http://127.0.0.1'
  await issuer.keys.generate('RS256', { kid: randomBytes(20).toString('base64url') })
  return issuer
}

/** As Entra publishes them: with an issuer, and without `alg`. */
function publicKeys(key: OAuth2Issuer, base: string): object[] {
  const issuer = `${base}/{tenantid}/v2.0`
  return key.keys.toJSON().map(({ kty, kid, n, e }) => ({ kty, use: 'sig', kid, x5t: kid, n, e, issuer }))
}

/** As Entra's is: it says nothing of PKCE, and a tenant that is not one is not named. */
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

/** Who the client says it is, in the body or in the header (RFC 6749, section 2.3.1). */
function credentials({ parameters, headers }: Asked): { id?: string; secret?: string } {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (basic === undefined) return { id: parameters.client_id, secret: parameters.client_secret }
  const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  const decode = (text: string): string => decodeURIComponent(text.replace(/\+/g, ' '))
  return { id: decode(id), secret: decode(rest.join(':')) }
}

/** Whether the verifier is the challenge's (RFC 7636); without a challenge there must be none. */
function isVerified({ code_challenge, code_challenge_method }: Record<string, string>, verifier?: string): boolean {
  if (code_challenge === undefined || verifier === undefined) return code_challenge === verifier
  const hash = createHash('sha256').update(verifier).digest('base64url')
  return code_challenge === (code_challenge_method === 'S256' ? hash : verifier)
}

/** Entra's own words for no. */
function refuse(response: ServerResponse, status: number, error: string, code: number, why: string): void {
  const [timestamp, trace_id, correlation_id] = [new Date().toISOString(), randomUUID(), randomUUID()]
  const error_description = `AADSTS${code}: ${why} Trace ID: ${trace_id} Correlation ID: ${correlation_id}`
  const body = { error, error_description, error_codes: [code], timestamp, trace_id, correlation_id }
  answerJson(response, status, body, { 'cache-control': 'no-store' })
}

/** Sends back with an error. */
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
  answer(response, status, text, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
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
