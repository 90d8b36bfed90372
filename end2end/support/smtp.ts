// A mail server that accepts or rejects emails as told, with the part of SMTP (RFC 5321) that a client needs.
import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'

import { type Email, parseEmail } from './emails.ts'
import { until } from './until.ts'

/** A mail server on loopback. */
export class MailServer {
  /** True if recipients are rejected permanently. */
  rejecting = false
  /** True if every email is rejected temporarily, because the mailbox of the sender is full. */
  overQuota = false
  /** The accepted emails. */
  readonly accepted: Email[] = []
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor() {
    this.server = createServer((socket) => this.handleConnection(socket))
  }

  static async start(): Promise<MailServer> {
    const server = new MailServer()
    server.server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }

  /** The URL of the server, as in SMTP_URL. */
  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Waits for an email to a recipient. */
  async wait(recipient: string, subject: RegExp): Promise<Email> {
    return until(`an email to ${recipient} about ${subject}`, async () =>
      this.accepted.find((email) => email.to === recipient && subject.test(email.subject)),
    )
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private handleConnection(socket: Socket): void {
    let [buffer, data] = ['', false]
    const reply = (line: string): void => void socket.write(`${line}\r\n`)
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString('utf8')
      for (;;) {
        const end = data ? '\r\n.\r\n' : '\r\n'
        const at = buffer.indexOf(end)
        if (at < 0) return
        const text = buffer.slice(0, at)
        buffer = buffer.slice(at + end.length)
        if (data) {
          data = false
          this.accepted.push(parseEmail(`message ${this.accepted.length + 1}`, text.replace(/^\.\./gm, '.')))
          reply('250 2.0.0 taken')
        } else {
          data = this.respond(text, reply, socket)
        }
      }
    })
    reply('220 mail.example.org ESMTP')
  }

  /** Answers one command, and returns true if the message itself follows. */
  private respond(line: string, reply: (line: string) => void, socket: Socket): boolean {
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        reply('250-mail.example.org')
        reply('250-8BITMIME')
        reply('250 SMTPUTF8')
        return false
      case 'MAIL':
        reply(this.overQuota ? '552 5.2.2 over quota' : '250 2.1.0 fine')
        return false
      case 'RCPT':
        reply(this.rejecting ? '550 5.1.1 no such mailbox here' : '250 2.1.5 fine')
        return false
      case 'DATA':
        reply('354 go on')
        return true
      case 'QUIT':
        reply('221 2.0.0 bye')
        socket.end()
        return false
      default:
        reply('250 2.0.0 fine')
        return false
    }
  }
}
