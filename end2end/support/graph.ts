// A test double of Microsoft Graph on loopback: the endpoints for the profile, sending email and the application, with
// their errors.
//
// # Guarantees
//
// - Only tokens of the Entra double are valid: a person's token for the profile, the application's token for email.
// - An email is in `accepted` if Graph has accepted it, whatever the sender was told.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Entra, Holder } from './entra.ts'
import { LoopbackServer, bodyOf, respond, respondGarbage, respondJson } from './loopback.ts'
import { until } from './until.ts'

interface Recipient {
  emailAddress: { address: string; name?: string }
}

/** A message in Graph's format. */
export interface Message {
  subject: string
  body: { contentType: string; content: string }
  toRecipients: Recipient[]
  ccRecipients?: Recipient[]
  bccRecipients?: Recipient[]
  replyTo?: Recipient[]
  from?: Recipient
  internetMessageHeaders?: { name: string; value: string }[]
  [other: string]: unknown
}

/** A request to send an email. */
export interface GraphEmail {
  /** The mailbox in the path. */
  sender: string
  message: Message
  /** The value in the request. Graph assumes `true` if it is missing. */
  saveToSentItems: unknown
  bearer: string
  /** The addresses in `toRecipients`. */
  to: string[]
  subject: string
  /** The time of the request, in milliseconds since 1970. */
  at: number
  /** The headers of the request. */
  headers: IncomingMessage['headers']
}

/** The endpoints that can fail. */
export type GraphEndpoint = 'me' | 'sendMail' | 'users'

/**
 * The fault of an endpoint. With a status, no answer, a closed connection or an invalid body, the email is not
 * accepted. With the other faults it is accepted, but the response is late, or missing, or the connection is closed.
 */
export type GraphFault =
  | `status-${401 | 403 | 429 | 500 | 502 | 503 | 504}`
  | 'hang'
  | 'close'
  | 'garbage'
  | 'slow'
  | 'accept-then-hang'
  | 'accept-then-close'

export interface GraphFailure {
  endpoint: GraphEndpoint
  fault: GraphFault
  /** The number of failing requests. The default is every request until `restore`. */
  count?: number
  /**
   * The Retry-After header: seconds, a function that returns a date when the response is sent, or the text itself. The
   * default is no header.
   */
  retryAfter?: number | (() => Date) | string
  /** The delay of a slow response, in milliseconds. */
  delay?: number
}

const CODES: Record<string, [code: string, message: string]> = {
  'status-401': ['InvalidAuthenticationToken', 'Lifetime validation failed, the token is expired.'],
  'status-403': ['ErrorAccessDenied', 'Access is denied. Check credentials and try again.'],
  'status-429': ['ApplicationThrottled', 'Application is over its MailboxConcurrency limit.'],
  'status-500': ['ErrorInternalServerError', 'An internal server error occurred. The operation failed.'],
  'status-502': ['BadGateway', 'The server received an invalid response from an upstream server.'],
  'status-503': ['ServiceUnavailable', 'The service is temporarily unavailable.'],
  'status-504': ['GatewayTimeout', 'The server did not receive a timely response from an upstream server.'],
}

/** The application's registration, as Entra's pages show it. */
export interface Registration {
  redirectUris: string[]
  /** The optional claims of its ID tokens. */
  claims: string[]
  /** The expiry of its secret. */
  secretEnds: Date
}

/** Microsoft Graph, for the accounts and the application of an Entra double. */
export class Graph {
  /** The existing mailboxes. Any mailbox exists while the list is empty. */
  readonly mailboxes: string[] = []
  /** The registration of the application. While it is undefined, the application may not read it. */
  registration: Registration | undefined
  /** The accepted emails. */
  readonly accepted: GraphEmail[] = []
  /** Every received email, accepted or not. */
  readonly received: GraphEmail[] = []
  /** The number of requests to each endpoint, answered or not. */
  readonly requestCounts: Record<GraphEndpoint, number> = { me: 0, sendMail: 0, users: 0 }
  private readonly failures: (GraphFailure & { left: number })[] = []
  private readonly timers = new Set<NodeJS.Timeout>()
  private loopback!: LoopbackServer

  private constructor(private readonly entra: Entra) {}

  static async start(entra: Entra): Promise<Graph> {
    const graph = new Graph(entra)
    graph.loopback = await LoopbackServer.start(async (request, response) => graph.serve(request, response))
    return graph
  }

  /** The URL, without a slash at the end and without a version. */
  get url(): string {
    return this.loopback.url
  }

  /** Waits for the `number`th email to an address with a matching subject. */
  async wait(address: string, subject: RegExp, number = 1): Promise<GraphEmail> {
    return until(`email ${number} to ${address} about ${subject}`, async () => this.to(address, subject)[number - 1])
  }

  /** Returns the emails to an address with a matching subject. */
  to(address: string, subject: RegExp): GraphEmail[] {
    return this.accepted.filter((email) => email.to.includes(address) && subject.test(email.subject))
  }

  /** Makes an endpoint fail. Several faults of one endpoint occur in the order in which they were added. */
  fail(failure: GraphFailure): void {
    this.failures.push({ ...failure, left: failure.count ?? Infinity })
  }

  /** Ends all faults. Requests without an answer stay without one. */
  restore(): void {
    this.failures.length = 0
  }

  /** Stops immediately. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    await this.loopback.stop()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const text = await bodyOf(request)
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const holder = this.entra.holderOf(bearer)
    const [, encoded, rest] = /^\/v1\.0\/users\/([^/]+)(\/sendMail)?$/.exec(pathname) ?? []
    const user = decode(encoded ?? '')
    if (request.method === 'GET' && pathname === '/v1.0/me') {
      this.applyFault('me', response, () => this.me(response, holder, searchParams))
    } else if (request.method === 'GET' && pathname === `/v1.0/applications(appId='${this.entra.clientId}')`) {
      this.application(response, holder)
    } else if (request.method === 'POST' && rest !== undefined) {
      const email = parse(text, { sender: user, bearer, at: Date.now(), headers: request.headers })
      if (email !== undefined) this.received.push(email)
      this.applyFault('sendMail', response, () => this.sendMail(response, holder, user, email))
    } else if (request.method === 'GET' && encoded !== undefined && rest === undefined) {
      this.applyFault('users', response, () => this.user(response, holder, user))
    } else {
      sendError(response, 404, 'ResourceNotFound', `Resource not found for the segment '${pathname}'.`)
    }
  }

  /** Handles a request, or applies the fault of its endpoint. */
  private applyFault(endpoint: GraphEndpoint, response: ServerResponse, act: () => () => void): void {
    this.requestCounts[endpoint] += 1
    const failure = this.failures.find((fault) => fault.endpoint === endpoint && fault.left > 0)
    if (failure === undefined) return act()()
    failure.left -= 1
    switch (failure.fault) {
      case 'hang':
        return
      case 'close':
        response.socket?.destroy()
        return
      case 'garbage':
        return respondGarbage(response)
      case 'slow': {
        const sendResponse = act()
        const timer = setTimeout(() => {
          this.timers.delete(timer)
          if (!response.destroyed) sendResponse()
        }, failure.delay ?? 5_000)
        this.timers.add(timer)
        return
      }
      case 'accept-then-hang':
        act()
        return
      case 'accept-then-close':
        act()
        response.socket?.destroy()
        return
      default:
        return sendError(response, Number(failure.fault.slice('status-'.length)), ...errorOf(failure.fault), retryHeaders(failure))
    }
  }
  /** Returns the profile of the token's owner, if the token is a person's and has the scope User.Read. */
  private me(response: ServerResponse, holder: Holder | undefined, query: URLSearchParams): () => void {
    if (holder === undefined) return () => sendError(response, 401, ...errorOf('status-401'))
    if (holder.kind === 'application') {
      return () => sendError(response, 400, 'BadRequest', '/me request is only valid with delegated authentication flow.')
    }
    if (!holder.scopes.some((scope) => /(^|\/)User\.Read$/i.test(scope))) {
      return () => sendError(response, 403, 'Authorization_RequestDenied', 'Insufficient privileges.')
    }
    const { oid, name, email, username, mail = email ?? null } = holder.account
    const all = { displayName: name, mail, userPrincipalName: username, id: oid }
    const selectedFields = query.get('$select')?.split(',')
    const fields = Object.entries(all).filter(([field]) => selectedFields?.includes(field) ?? true)
    const context = { '@odata.context': `${this.url}/v1.0/$metadata#users/$entity` }
    return () => respondJson(response, 200, { ...context, ...Object.fromEntries(fields) })
  }

  /** Returns the registration of the application. */
  private application(response: ServerResponse, holder: Holder | undefined): void {
    if (holder === undefined) return sendError(response, 401, ...errorOf('status-401'))
    if (holder.kind !== 'application' || this.registration === undefined) {
      return sendError(response, 403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
    }
    const { redirectUris, claims, secretEnds } = this.registration
    const none = { customKeyIdentifier: null, displayName: null, secretText: null }
    const hints: [string, Date][] = [['zzz', new Date(0)], [this.entra.clientSecret.slice(0, 3), secretEnds]]
    return respondJson(response, 200, {
      '@odata.context': `${this.url}/v1.0/$metadata#applications(web,optionalClaims,passwordCredentials)/$entity`,
      web: { homePageUrl: null, logoutUrl: null, redirectUris },
      optionalClaims: { idToken: claims.map((name) => ({ name, source: null, essential: false, additionalProperties: [] })), accessToken: [] },
      passwordCredentials: hints.map(([hint, ends]) => ({ ...none, hint, keyId: randomUUID(), endDateTime: ends.toISOString() })),
    })
  }

  /** Returns a mailbox, if it exists. */
  private user(response: ServerResponse, holder: Holder | undefined, user: string): () => void {
    if (holder === undefined) return () => sendError(response, 401, ...errorOf('status-401'))
    if (!this.isMailbox(user)) {
      return () => sendError(response, 404, 'Request_ResourceNotFound', `Resource '${user}' does not exist.`)
    }
    return () => respondJson(response, 200, { id: user, displayName: user, mail: user, userPrincipalName: user })
  }

  /** Accepts an email from the application, if it has the permission Mail.Send. */
  private sendMail(response: ServerResponse, holder: Holder | undefined, sender: string, email?: GraphEmail): () => void {
    if (holder === undefined) return () => sendError(response, 401, ...errorOf('status-401'))
    const maySend = holder.kind === 'application' && holder.roles.includes('Mail.Send')
    if (!maySend) return () => sendError(response, 403, ...errorOf('status-403'))
    if (!this.isMailbox(sender)) {
      return () => sendError(response, 404, 'ErrorInvalidUser', `The requested user '${sender}' is invalid.`)
    }
    if (email === undefined) return () => sendError(response, 400, 'RequestBodyRead', 'The body is not a message.')
    if (email.to.length === 0) {
      return () => sendError(response, 400, 'ErrorInvalidRecipients', 'At least one recipient is not valid.')
    }
    this.accepted.push(email)
    return () => respond(response, 202, '', { 'request-id': randomUUID() })
  }

  private isMailbox(user: string): boolean {
    return this.mailboxes.length === 0 || this.mailboxes.some((mailbox) => mailbox.toLowerCase() === user.toLowerCase())
  }
}

/** Parses an email. Returns undefined if the body is not one. */
function parse(text: string, about: Pick<GraphEmail, 'sender' | 'bearer' | 'at' | 'headers'>): GraphEmail | undefined {
  let sent: { message?: Partial<Message>; saveToSentItems?: unknown } | null
  try {
    sent = JSON.parse(text) as typeof sent
  } catch {
    return undefined
  }
  const message = sent?.message
  if (typeof message?.subject !== 'string' || typeof message.body?.content !== 'string') return undefined
  if (!about.headers['content-type']?.startsWith('application/json')) return undefined
  if (!Array.isArray(message.toRecipients)) return undefined
  const to = message.toRecipients.map((recipient: Recipient | null) => recipient?.emailAddress?.address ?? '')
  if (!to.every((address) => /^\S+@\S+$/.test(address))) return undefined
  const { subject } = message
  return { ...about, message: message as Message, saveToSentItems: sent?.saveToSentItems, to, subject }
}

/** Decodes a part of a path. Returns an invalid part unchanged. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Returns Graph's error code and message for a fault. */
function errorOf(fault: string): [code: string, message: string] {
  return CODES[fault] ?? ['UnknownError', '']
}

function retryHeaders({ retryAfter }: GraphFailure): Record<string, string> {
  if (retryAfter === undefined) return {}
  return { 'retry-after': typeof retryAfter === 'function' ? retryAfter().toUTCString() : String(retryAfter) }
}

/** Responds with an error in Graph's format. */
function sendError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  const id = randomUUID()
  const innerError = { date: new Date().toISOString().slice(0, 19), 'request-id': id, 'client-request-id': id }
  const all = { 'request-id': id, 'client-request-id': id, ...headers }
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm=""')
  respondJson(response, status, { error: { code, message, innerError } }, all)
}
