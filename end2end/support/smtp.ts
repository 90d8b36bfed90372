// A mail server that takes or refuses what it is told to: as much of SMTP (RFC 5321) as a client needs.
import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'

import { type Mail, parseMail } from './mail.ts'
import { until } from './until.ts'

/** A mail server on loopback. */
export class MailServer {
  /** Whether recipients are refused for good. */
  refusing = false
  /** Whether nothing is taken for now, for a reason that is not the recipient's. */
  full = false
  /** What was accepted. */
  readonly accepted: Mail[] = []
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor() {
    this.server = createServer((socket) => this.talk(socket))
  }

  static async start(): Promise<MailServer> {
    const server = new MailServer()
    server.server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }

  /** Its address, as SMTP_URL has it. */
  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Waits for a mail to an address. */
  async wait(address: string, subject: RegExp): Promise<Mail> {
    return until(`mail to ${address} about ${subject}`, async () =>
      this.accepted.find((mail) => mail.to === address && subject.test(mail.subject)),
    )
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private talk(socket: Socket): void {
    let [buffer, data] = ['', false]
    const say = (line: string): void => void socket.write(`${line}\r\n`)
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
          this.accepted.push(parseMail(`message ${this.accepted.length + 1}`, text.replace(/^\.\./gm, '.')))
          say('250 2.0.0 taken')
        } else {
          data = this.answer(text, say, socket)
        }
      }
    })
    say('220 mail.example.org ESMTP')
  }

  /** Answers one command; `true` when the message itself comes next. */
  private answer(line: string, say: (line: string) => void, socket: Socket): boolean {
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        say('250-mail.example.org')
        say('250-8BITMIME')
        say('250 SMTPUTF8')
        return false
      case 'MAIL':
        say(this.full ? '552 5.2.2 over quota' : '250 2.1.0 fine')
        return false
      case 'RCPT':
        say(this.refusing ? '550 5.1.1 no such mailbox here' : '250 2.1.5 fine')
        return false
      case 'DATA':
        say('354 go on')
        return true
      case 'QUIT':
        say('221 2.0.0 bye')
        socket.end()
        return false
      default:
        say('250 2.0.0 fine')
        return false
    }
  }
}
