// Microsoft Graph on loopback: as much of it as says who somebody is and sends mail, with its refusals.
//
// It guarantees: only tokens that the Entra double has issued are good for anything, people's for themselves and the
// application's for mail; and a mail is in `accepted` when Graph has taken it, whatever the sender was told.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Entra, Holder } from './entra.ts'
import { Loopback, answer, answerGarbage, answerJson, textOf } from './loopback.ts'
import { until } from './until.ts'

interface Recipient {
  emailAddress: { address: string; name?: string }
}

/** A message, as Graph has it. */
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

/** A mail that somebody wanted sent. */
export interface GraphMail {
  /** Whose mailbox is in the address. */
  sender: string
  message: Message
  /** As it was sent; Graph takes it for `true` when it is not there. */
  saveToSentItems: unknown
  bearer: string
  /** The addresses in `toRecipients`. */
  to: string[]
  subject: string
  /** When it came, in milliseconds since 1970. */
  at: number
  /** The request's headers. */
  headers: IncomingMessage['headers']
}

/** What can be out of order. */
export type GraphPath = 'me' | 'sendMail' | 'users'

/**
 * How: it answers that status, never, by closing the connection, or nonsense; none of that takes the mail. Or it takes
 * the mail as it should, but answers late, never, or by closing the connection.
 */
export type GraphTrouble =
  | `status-${401 | 403 | 429 | 500 | 502 | 503 | 504}`
  | 'hang'
  | 'close'
  | 'garbage'
  | 'slow'
  | 'taken-then-hang'
  | 'taken-then-close'

export interface GraphFailure {
  path: GraphPath
  how: GraphTrouble
  /** How many answers; all, until it is healed, unless it is set. */
  times?: number
  /** Retry-After: in seconds, as the date that is answered then, or as it is; there is none unless it is set. */
  retryAfter?: number | (() => Date) | string
  /** How late, in milliseconds, when it is slow. */
  late?: number
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

/** What Entra's pages show of an application. */
export interface Registration {
  redirectUris: string[]
  /** The optional claims of its ID tokens. */
  claims: string[]
  /** When its secret ends. */
  secretEnds: Date
}

/** Microsoft Graph, for the people and the application of an Entra double. */
export class Graph {
  /** The mailboxes that there are; any while it is empty. */
  readonly senders: string[] = []
  /** How the application is registered; while there is nothing, it may not read that. */
  registration: Registration | undefined
  /** What was taken. */
  readonly accepted: GraphMail[] = []
  /** Every message that came, taken or not. */
  readonly tried: GraphMail[] = []
  /** How many requests have come, answered or not. */
  readonly asked: Record<GraphPath, number> = { me: 0, sendMail: 0, users: 0 }
  private readonly failures: (GraphFailure & { left: number })[] = []
  private readonly timers = new Set<NodeJS.Timeout>()
  private loopback!: Loopback

  private constructor(private readonly entra: Entra) {}

  static async start(entra: Entra): Promise<Graph> {
    const graph = new Graph(entra)
    graph.loopback = await Loopback.start(async (request, response) => graph.serve(request, response))
    return graph
  }

  /** Its address, without a slash at the end and without a version. */
  get url(): string {
    return this.loopback.url
  }

  /** Waits for the `number`th mail to an address with a subject that fits. */
  async wait(address: string, subject: RegExp, number = 1): Promise<GraphMail> {
    return until(`mail ${number} to ${address} about ${subject}`, async () => this.to(address, subject)[number - 1])
  }

  /** The mails to an address, with a subject that fits. */
  to(address: string, subject: RegExp): GraphMail[] {
    return this.accepted.filter((mail) => mail.to.includes(address) && subject.test(mail.subject))
  }

  /** Puts something out of order. What is said several times for one path happens in that order. */
  fail(failure: GraphFailure): void {
    this.failures.push({ ...failure, left: failure.times ?? Infinity })
  }

  /** Puts everything in order. Whoever was left without an answer stays so. */
  heal(): void {
    this.failures.length = 0
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    await this.loopback.stop()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const text = await textOf(request)
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const holder = this.entra.holderOf(bearer)
    const [, encoded, rest] = /^\/v1\.0\/users\/([^/]+)(\/sendMail)?$/.exec(pathname) ?? []
    const user = decode(encoded ?? '')
    if (request.method === 'GET' && pathname === '/v1.0/me') {
      this.through('me', response, () => this.me(response, holder, searchParams))
    } else if (request.method === 'GET' && pathname === `/v1.0/applications(appId='${this.entra.clientId}')`) {
      this.application(response, holder)
    } else if (request.method === 'POST' && rest !== undefined) {
      const mail = parse(text, { sender: user, bearer, at: Date.now(), headers: request.headers })
      if (mail !== undefined) this.tried.push(mail)
      this.through('sendMail', response, () => this.sendMail(response, holder, user, mail))
    } else if (request.method === 'GET' && encoded !== undefined && rest === undefined) {
      this.through('users', response, () => this.user(response, holder, user))
    } else {
      refuse(response, 404, 'ResourceNotFound', `Resource not found for the segment '${pathname}'.`)
    }
  }

  /** Acts and answers, or does what is to be done instead. */
  private through(path: GraphPath, response: ServerResponse, act: () => () => void): void {
    this.asked[path] += 1
    const failure = this.failures.find((one) => one.path === path && one.left > 0)
    if (failure === undefined) return act()()
    failure.left -= 1
    switch (failure.how) {
      case 'hang':
        return
      case 'close':
        response.socket?.destroy()
        return
      case 'garbage':
        return answerGarbage(response)
      case 'slow': {
        const say = act()
        const timer = setTimeout(() => {
          this.timers.delete(timer)
          if (!response.destroyed) say()
        }, failure.late ?? 5_000)
        this.timers.add(timer)
        return
      }
      case 'taken-then-hang':
        act()
        return
      case 'taken-then-close':
        act()
        response.socket?.destroy()
        return
      default:
        return refuse(response, Number(failure.how.slice('status-'.length)), ...words(failure.how), after(failure))
    }
  }
  /** Says who the token's person is: it must be a person's, and one with the right to read it. */
  private me(response: ServerResponse, holder: Holder | undefined, query: URLSearchParams): () => void {
    if (holder === undefined) return () => refuse(response, 401, ...words('status-401'))
    if (holder.kind === 'application') {
      return () => refuse(response, 400, 'BadRequest', '/me request is only valid with delegated authentication flow.')
    }
    if (!holder.scopes.some((scope) => /(^|\/)User\.Read$/i.test(scope))) {
      return () => refuse(response, 403, 'Authorization_RequestDenied', 'Insufficient privileges.')
    }
    const { oid, name, email, username, mail = email ?? null } = holder.account
    const all = { displayName: name, mail, userPrincipalName: username, id: oid }
    const wanted = query.get('$select')?.split(',')
    const fields = Object.entries(all).filter(([field]) => wanted?.includes(field) ?? true)
    const context = { '@odata.context': `${this.url}/v1.0/$metadata#users/$entity` }
    return () => answerJson(response, 200, { ...context, ...Object.fromEntries(fields) })
  }

  /** Says how the application is registered. */
  private application(response: ServerResponse, holder: Holder | undefined): void {
    if (holder === undefined) return refuse(response, 401, ...words('status-401'))
    if (holder.kind !== 'application' || this.registration === undefined) {
      return refuse(response, 403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
    }
    const { redirectUris, claims, secretEnds } = this.registration
    const none = { customKeyIdentifier: null, displayName: null, secretText: null }
    const hints: [string, Date][] = [['zzz', new Date(0)], [this.entra.clientSecret.slice(0, 3), secretEnds]]
    return answerJson(response, 200, {
      '@odata.context': `${this.url}/v1.0/$metadata#applications(web,optionalClaims,passwordCredentials)/$entity`,
      web: { homePageUrl: null, logoutUrl: null, redirectUris },
      optionalClaims: { idToken: claims.map((name) => ({ name, source: null, essential: false, additionalProperties: [] })), accessToken: [] },
      passwordCredentials: hints.map(([hint, ends]) => ({ ...none, hint, keyId: randomUUID(), endDateTime: ends.toISOString() })),
    })
  }

  /** Says that a mailbox is there. */
  private user(response: ServerResponse, holder: Holder | undefined, user: string): () => void {
    if (holder === undefined) return () => refuse(response, 401, ...words('status-401'))
    if (!this.isMailbox(user)) {
      return () => refuse(response, 404, 'Request_ResourceNotFound', `Resource '${user}' does not exist.`)
    }
    return () => answerJson(response, 200, { id: user, displayName: user, mail: user, userPrincipalName: user })
  }

  /** Takes a mail: from the application, if it may send any. */
  private sendMail(response: ServerResponse, holder: Holder | undefined, sender: string, mail?: GraphMail): () => void {
    if (holder === undefined) return () => refuse(response, 401, ...words('status-401'))
    const may = holder.kind === 'application' && holder.roles.includes('Mail.Send')
    if (!may) return () => refuse(response, 403, ...words('status-403'))
    if (!this.isMailbox(sender)) {
      return () => refuse(response, 404, 'ErrorInvalidUser', `The requested user '${sender}' is invalid.`)
    }
    if (mail === undefined) return () => refuse(response, 400, 'RequestBodyRead', 'The body is not a message.')
    if (mail.to.length === 0) {
      return () => refuse(response, 400, 'ErrorInvalidRecipients', 'At least one recipient is not valid.')
    }
    this.accepted.push(mail)
    return () => answer(response, 202, '', { 'request-id': randomUUID() })
  }

  private isMailbox(user: string): boolean {
    return this.senders.length === 0 || this.senders.some((one) => one.toLowerCase() === user.toLowerCase())
  }
}

/** A mail, if what was sent is one. */
function parse(text: string, about: Pick<GraphMail, 'sender' | 'bearer' | 'at' | 'headers'>): GraphMail | undefined {
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
  const to = message.toRecipients.map((one: Recipient | null) => one?.emailAddress?.address ?? '')
  if (!to.every((address) => /^\S+@\S+$/.test(address))) return undefined
  const { subject } = message
  return { ...about, message: message as Message, saveToSentItems: sent?.saveToSentItems, to, subject }
}

/** A part of an address, as it is meant; as it is when it means nothing. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** What Graph says with a status. */
function words(how: string): [code: string, message: string] {
  return CODES[how] ?? ['UnknownError', '']
}

function after({ retryAfter }: GraphFailure): Record<string, string> {
  if (retryAfter === undefined) return {}
  return { 'retry-after': typeof retryAfter === 'function' ? retryAfter().toUTCString() : String(retryAfter) }
}

/** Graph's own words for no. */
function refuse(
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
  answerJson(response, status, { error: { code, message, innerError } }, all)
}
