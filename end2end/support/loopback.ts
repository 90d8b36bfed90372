// The common parts of the test doubles for web services: plain HTTP on a free port of 127.0.0.1, and simulated faults.
import { once } from 'node:events'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A function that answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A web server on loopback. An error in its handler is answered with 500 and written to the console. */
export class LoopbackServer {
  private readonly server: Server
  private stopped = false

  private constructor(handler: Handler) {
    this.server = createServer((request, response) => {
      handler(request, response).catch((error: unknown) => {
        if (this.stopped || response.destroyed) return
        console.error(`${request.method} ${request.url} of a test double:`, error)
        if (response.headersSent) response.destroy()
        else respond(response, 500, String(error), { 'content-type': 'text/plain' })
      })
    })
  }

  static async start(handler: Handler): Promise<LoopbackServer> {
    const loopback = new LoopbackServer(handler)
    loopback.server.listen(0, '127.0.0.1')
    await once(loopback.server, 'listening')
    return loopback
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** The URL, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Stops immediately, and closes every connection. */
  async stop(): Promise<void> {
    this.stopped = true
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
  }
}

/** Returns the body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

/** Responds with a text. */
export function respond(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(text)), ...headers }).end(text)
}

/** Responds with JSON. */
export function respondJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  respond(response, status, JSON.stringify(body), { 'content-type': 'application/json; charset=utf-8', ...headers })
}

/** Responds with 200 and a body that is not the JSON that its header announces, as a proxy's error page would be. */
export function respondGarbage(response: ServerResponse): void {
  respond(response, 200, '<html><body>{"Down for maintenance', { 'content-type': 'application/json; charset=utf-8' })
}
