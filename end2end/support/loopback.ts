// What the doubles of web services have in common: plain HTTP on a free port of 127.0.0.1, and the ways in which a
// service can be out of order.
import { once } from 'node:events'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A web server on loopback. A fault in what it runs is answered with 500 and the fault, and written to the console. */
export class Loopback {
  private readonly server: Server
  private stopped = false

  private constructor(handle: Handler) {
    this.server = createServer((request, response) => {
      handle(request, response).catch((error: unknown) => {
        if (this.stopped || response.destroyed) return
        console.error(`${request.method} ${request.url} of a double:`, error)
        if (response.headersSent) response.destroy()
        else answer(response, 500, String(error), { 'content-type': 'text/plain' })
      })
    })
  }

  static async start(handle: Handler): Promise<Loopback> {
    const loopback = new Loopback(handle)
    loopback.server.listen(0, '127.0.0.1')
    await once(loopback.server, 'listening')
    return loopback
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Its address, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Ends it at once; whoever still waits for an answer is cut off. */
  async stop(): Promise<void> {
    this.stopped = true
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
  }
}

/** All that a request sends. */
export async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

/** Answers with a text. */
export function answer(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(text)), ...headers }).end(text)
}

/** Answers with JSON. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  answer(response, status, JSON.stringify(body), { 'content-type': 'application/json; charset=utf-8', ...headers })
}

/** Answers 200 with what promises to be JSON and is something else, as a proxy's page in between would. */
export function answerGarbage(response: ServerResponse): void {
  answer(response, 200, '<html><body>{"Down for maintenance', { 'content-type': 'application/json; charset=utf-8' })
}
