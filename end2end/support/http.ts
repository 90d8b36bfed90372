// Plain HTTP without a browser: visitors who keep cookies and have no scripts' patience, and bare connections that do
// what no browser would. Every wait has an end, and says what it waited for.
import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { once } from 'node:events'

/** What came back. */
export interface Answer {
  /** What was asked for, for messages. */
  what: string
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** Milliseconds from the first byte sent to the last one received. */
  took: number
}

/** What is asked for. */
export interface Question {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string
  agent?: Agent
  /** How long anybody would wait, in milliseconds. */
  most?: number
}

/** Asks once, on a connection of its own unless there is an agent. */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, agent, most = 20_000 } = question
  const what = `${method} ${new URL(url).pathname}`
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: agent ?? false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', fail)
      response.on('end', () => {
        clearTimeout(patience)
        const text = Buffer.concat(parts).toString('utf8')
        const took = performance.now() - began
        resolve({ what, status: response.statusCode ?? 0, headers: response.headers, body: text, took })
      })
    })
    const fail = (error: Error): void => {
      clearTimeout(patience)
      reject(new Error(`${what} after ${Math.round(performance.now() - began)} ms: ${error.message}`))
    }
    const patience = setTimeout(() => asked.destroy(new Error(`no answer within ${most} ms`)), most)
    asked.on('error', fail)
    asked.end(body)
  })
}

/** The words of a page's main part, as people read them. */
export function wordsOf({ body }: { body: string }): string {
  const main = /<main\b.*<\/main>/s.exec(body)?.[0] ?? body
  const text = main.replace(/<(script|style|svg)\b.*?<\/\1>/gs, ' ').replace(/<!--.*?-->|<wbr>/gs, '').replace(/<[^>]*>/g, ' ')
  const marks: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#39': "'" }
  return text.replace(/&([#\w]+);/g, (whole, name: string) => marks[name] ?? whole).replace(/\s+/g, ' ').trim()
}

/** Somebody with a browser without scripts, or with the portal's own scripts. */
export class Visitor {
  private readonly cookies = new Map<string, string>()

  /** The address is asked for each time: a portal that is started again has another. */
  constructor(private readonly portal: { url: string }) {}

  /** Opens a page; redirects are answers too. */
  async open(path: string, most?: number): Promise<Answer> {
    return this.ask(path, { headers: { accept: 'text/html' }, most })
  }

  /** Sends a form as the portal's scripts do. */
  async send(action: string, form: Record<string, string>, most?: number): Promise<Answer> {
    return this.ask(`/do/${action}`, { ...asForm(form), headers: { ...FORM, accept: 'application/json' }, most })
  }

  /** Sends a form as a browser without scripts does, and answers the page that it ends on. */
  async submit(action: string, form: Record<string, string>, most?: number): Promise<Answer> {
    const answer = await this.ask(`/do/${action}`, { ...asForm(form), headers: { ...FORM, accept: 'text/html' }, most })
    if (answer.status !== 302) return answer
    const page = await this.open(answer.headers.location ?? '/', most)
    return { ...page, what: `${answer.what}, then ${page.what}`, took: answer.took + page.took }
  }

  /** Signs in, or fails. */
  async signIn({ username, password }: { username: string; password: string }): Promise<void> {
    const answer = await this.send('sign_in', { username, password })
    if (answer.body !== '{"goto":"/profile"}') throw new Error(`${username} was not signed in: ${answer.status} ${answer.body}`)
  }

  private async ask(path: string, question: Question): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = cookie === '' ? question.headers : { ...question.headers, cookie }
    const answer = await ask(`${this.portal.url}${path}`, { ...question, headers })
    for (const line of answer.headers['set-cookie'] ?? []) this.keep(line)
    return answer
  }

  private keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/;\s*max-age=0(;|$)/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

function asForm(form: Record<string, string>): { method: string; body: string } {
  return { method: 'POST', body: new URLSearchParams(form).toString() }
}

/** A bare connection. */
export class Line {
  /** What has come back so far. */
  received = ''
  /** When it was opened, and when the other side had cut it, in milliseconds of one clock. */
  readonly opened = performance.now()
  closed: number | undefined

  private constructor(private readonly socket: Socket) {
    socket.on('data', (part: Buffer) => (this.received += part.toString('latin1')))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => (this.closed ??= performance.now()))
  }

  /** Opens one. */
  static async open(url: string): Promise<Line> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const line = new Line(socket)
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    return line
  }

  /** Opens many at once. */
  static async openMany(url: string, number: number): Promise<Line[]> {
    return Promise.all(Array.from({ length: number }, async () => Line.open(url)))
  }

  /** Sends something, if the other side still listens. */
  write(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text, 'latin1')
  }

  /** How long it lasted, once it is cut. */
  get lasted(): number | undefined {
    return this.closed === undefined ? undefined : this.closed - this.opened
  }

  /** Hangs up. */
  end(): void {
    this.socket.destroy()
  }
}

/**
 * A door in front of a server. What is behind it stays as it is; those in front find it open, shut (connections are
 * refused and the present ones cut) or with nobody answering (connections are taken, and nothing is ever said).
 */
export class Door {
  private server: Server | undefined
  private silent = false
  private port = 0
  private readonly sockets = new Set<Socket>()

  private constructor(private behind: URL) {}

  /** Opens a door to the server at this address. */
  static async to(address: string): Promise<Door> {
    const door = new Door(new URL(address))
    await door.open()
    return door
  }

  /** The address in front of it. */
  get url(): string {
    return `${this.behind.protocol}//127.0.0.1:${this.port}`
  }

  /** Opens it, on the same port as before. */
  async open(): Promise<void> {
    this.silent = false
    this.cut()
    if (this.server !== undefined) return
    this.server = createServer((socket) => this.let(socket)).listen(this.port, '127.0.0.1')
    await once(this.server, 'listening')
    this.port = (this.server.address() as AddressInfo).port
  }

  /** Shuts it. */
  async shut(): Promise<void> {
    const server = this.server
    this.server = undefined
    this.cut()
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }

  /** Leads those who come next to another server. Those who are inside stay where they are. */
  leadTo(address: string): void {
    this.behind = new URL(address)
  }

  /** From now on nobody answers; those who are inside are not heard any more either. */
  hush(): void {
    this.silent = true
    this.abandon()
  }

  /** Those who are inside are not heard any more, ever; whoever comes next is. */
  abandon(): void {
    for (const socket of this.sockets) socket.unpipe().pause()
  }

  private let(socket: Socket): void {
    this.mind(socket)
    if (this.silent) return
    const inside = connect(Number(this.behind.port), this.behind.hostname)
    this.mind(inside)
    socket.pipe(inside)
    inside.pipe(socket)
    for (const [one, other] of [[socket, inside], [inside, socket]] as const) one.on('close', () => other.destroy())
  }

  private mind(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.sockets.delete(socket))
  }

  private cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}
