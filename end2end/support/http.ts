// Plain HTTP without a browser: visitors who keep cookies, and raw connections that send invalid or incomplete
// requests. Every wait has a timeout and a description.
import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { once } from 'node:events'

/** A response. */
export interface HttpResponse {
  /** The method and path, for error messages. */
  description: string
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** Milliseconds from the first byte sent to the last byte received. */
  took: number
}

/** The options of a request. */
export interface RequestOptions {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string
  agent?: Agent
  /** Milliseconds after which the request fails. */
  timeout?: number
}

/** Sends a request, on a new connection unless there is an agent. */
export async function sendRequest(url: string, options: RequestOptions = {}): Promise<HttpResponse> {
  const { method = 'GET', headers = {}, body, agent, timeout = 20_000 } = options
  const description = `${method} ${new URL(url).pathname}`
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: agent ?? false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', fail)
      response.on('end', () => {
        clearTimeout(timer)
        const text = Buffer.concat(parts).toString('utf8')
        const took = performance.now() - started
        resolve({ description, status: response.statusCode ?? 0, headers: response.headers, body: text, took })
      })
    })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(new Error(`${description} after ${Math.round(performance.now() - started)} ms: ${error.message}`))
    }
    const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeout} ms`)), timeout)
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}

/** Returns the text of a page's main element. */
export function mainText({ body }: { body: string }): string {
  const main = /<main\b.*<\/main>/s.exec(body)?.[0] ?? body
  const text = main.replace(/<(script|style|svg)\b.*?<\/\1>/gs, ' ').replace(/<!--.*?-->|<wbr>/gs, '').replace(/<[^>]*>/g, ' ')
  const marks: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#39': "'" }
  return text.replace(/&([#\w]+);/g, (whole, name: string) => marks[name] ?? whole).replace(/\s+/g, ' ').trim()
}

/** A visitor with a browser without scripts, or with the portal's own scripts. */
export class Visitor {
  private readonly cookies = new Map<string, string>()

  /** The URL is read for each request, because a restarted portal has another port. */
  constructor(private readonly portal: { url: string }) {}

  /** The value of the Cookie header. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Opens a page. Redirects are not followed. */
  async open(path: string, timeout?: number): Promise<HttpResponse> {
    return this.sendRequest(path, { headers: { accept: 'text/html' }, timeout })
  }

  /** Sends a request with other headers or another method. Redirects are not followed. */
  async request(path: string, options: RequestOptions): Promise<HttpResponse> {
    return this.sendRequest(path, options)
  }

  /** Sends a form as the portal's scripts do. */
  async send(action: string, form: Record<string, string>, timeout?: number): Promise<HttpResponse> {
    return this.sendRequest(`/do/${action}`, { ...asForm(form), headers: { ...FORM, accept: 'application/json' }, timeout })
  }

  /** Sends a form as a browser without scripts does, and returns the page to which it leads. */
  async submit(action: string, form: Record<string, string>, timeout?: number): Promise<HttpResponse> {
    const response = await this.sendRequest(`/do/${action}`, { ...asForm(form), headers: { ...FORM, accept: 'text/html' }, timeout })
    if (response.status !== 302) return response
    const page = await this.open(response.headers.location ?? '/', timeout)
    return { ...page, description: `${response.description}, then ${page.description}`, took: response.took + page.took }
  }

  /** Signs in, or throws an error. */
  async signIn({ username, password }: { username: string; password: string }): Promise<void> {
    const response = await this.send('sign_in', { username, password })
    if (response.body !== '{"goto":"/profile"}') throw new Error(`${username} was not signed in: ${response.status} ${response.body}`)
  }

  private async sendRequest(path: string, options: RequestOptions): Promise<HttpResponse> {
    const headers = this.cookies.size === 0 ? options.headers : { ...options.headers, cookie: this.cookie }
    const response = await sendRequest(`${this.portal.url}${path}`, { ...options, headers })
    for (const connection of response.headers['set-cookie'] ?? []) this.storeCookie(connection)
    return response
  }

  private storeCookie(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/;\s*max-age=0(;|$)/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

function asForm(form: Record<string, string>): { method: string; body: string } {
  return { method: 'POST', body: new URLSearchParams(form).toString() }
}

/** A raw TCP connection. */
export class RawConnection {
  /** The received text. */
  received = ''
  /** The times at which the connection was opened and closed by the server, in milliseconds of one clock. */
  readonly opened = performance.now()
  closed: number | undefined

  private constructor(private readonly socket: Socket) {
    socket.on('data', (part: Buffer) => (this.received += part.toString('latin1')))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => (this.closed ??= performance.now()))
  }

  /** Opens a connection. */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const connection = new RawConnection(socket)
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    return connection
  }

  /** Opens many connections at the same time. */
  static async openMany(url: string, number: number): Promise<RawConnection[]> {
    return Promise.all(Array.from({ length: number }, async () => RawConnection.open(url)))
  }

  /** Sends text, if the connection is still open. */
  write(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text, 'latin1')
  }

  /** The lifetime of the connection, once the server has closed it. */
  get lasted(): number | undefined {
    return this.closed === undefined ? undefined : this.closed - this.opened
  }

  /** Closes the connection. */
  end(): void {
    this.socket.destroy()
  }
}

/**
 * A TCP proxy in front of a server. It is open, closed (it refuses new connections and drops the existing ones) or
 * unresponsive (it accepts connections and never answers).
 */
export class TcpProxy {
  private server: Server | undefined
  private unresponsive = false
  private port = 0
  private readonly sockets = new Set<Socket>()

  private constructor(private target: URL) {}

  /** Starts a proxy in front of the server at this URL. */
  static async to(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url))
    await proxy.open()
    return proxy
  }

  /** The URL of the proxy. */
  get url(): string {
    return `${this.target.protocol}//127.0.0.1:${this.port}`
  }

  /** Opens the proxy, on the same port as before. */
  async open(): Promise<void> {
    this.unresponsive = false
    this.dropConnections()
    if (this.server !== undefined) return
    this.server = createServer((socket) => this.accept(socket)).listen(this.port, '127.0.0.1')
    await once(this.server, 'listening')
    this.port = (this.server.address() as AddressInfo).port
  }

  /** Closes the proxy and drops its connections. */
  async close(): Promise<void> {
    const server = this.server
    this.server = undefined
    this.dropConnections()
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }

  /** Connects new clients to another server. Existing connections stay as they are. */
  retarget(url: string): void {
    this.target = new URL(url)
  }

  /** Stops answering: existing connections freeze, and new ones are accepted but never answered. */
  stopResponding(): void {
    this.unresponsive = true
    this.freezeConnections()
  }

  /** Freezes the existing connections for good. New connections work. */
  freezeConnections(): void {
    for (const socket of this.sockets) socket.unpipe().pause()
  }

  private accept(socket: Socket): void {
    this.track(socket)
    if (this.unresponsive) return
    const upstream = connect(Number(this.target.port), this.target.hostname)
    this.track(upstream)
    socket.pipe(upstream)
    upstream.pipe(socket)
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) one.on('close', () => other.destroy())
  }

  private track(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.sockets.delete(socket))
  }

  private dropConnections(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}
