// Reads emails as the `file` transport writes them: one .eml file per message.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { until } from './until.ts'

/** A decoded email. */
export interface Email {
  /** The name of the file. Emails are numbered in the order in which they were written. */
  file: string
  headers: Map<string, string>
  to: string
  subject: string
  text: string
  html: string
}

/** The folder that emails are written to. */
export class Mailbox {
  private readonly known = new Map<string, Email>()

  constructor(private readonly folder: string) {}

  /** Returns all emails so far, the oldest first. */
  async all(): Promise<Email[]> {
    const files = (await readdir(this.folder).catch(() => [])).filter((file) => file.endsWith('.eml')).sort()
    for (const file of files) {
      if (!this.known.has(file)) this.known.set(file, parseEmail(file, await readFile(join(this.folder, file), 'utf8')))
    }
    return files.flatMap((file) => this.known.get(file) ?? [])
  }

  /** Returns the emails to a recipient with a matching subject. */
  async to(recipient: string, subject: RegExp): Promise<Email[]> {
    return (await this.all()).filter((email) => email.to === recipient && subject.test(email.subject))
  }

  /** Waits for the `number`th email to a recipient with a matching subject. */
  async wait(recipient: string, subject: RegExp, number = 1): Promise<Email> {
    return until(`email ${number} to ${recipient} about ${subject}`, async () => (await this.to(recipient, subject))[number - 1])
  }
}

/** Returns the one link in an email that contains `part`. The text and the HTML part must agree on it. */
export function linkIn(email: Email, part: string): string {
  const links = new Set((email.text.match(/https?:\/\/[^\s<>"]+/g) ?? []).filter((link) => link.includes(part)))
  const [link] = links
  if (link === undefined || links.size !== 1) throw new Error(`Expected one link with ${part} in:\n${email.text}`)
  if (!email.html.includes(`href="${link}"`)) throw new Error(`The HTML part of "${email.subject}" lacks ${link}`)
  return link
}

/**
 * Returns the temporary password in an email: in groups, on a line of its own. The text and the HTML part must agree on
 * it.
 */
export function temporaryPasswordIn(email: Email): string {
  const [password, ...others] = email.text.match(/(?<=^ *)[0-9A-HJKMNP-TV-Z]+(-[0-9A-HJKMNP-TV-Z]+)+(?= *$)/gm) ?? []
  if (password === undefined || others.length > 0) throw new Error(`Expected one temporary password in:\n${email.text}`)
  if (!email.html.includes(`>${password}<`)) throw new Error(`The HTML part of "${email.subject}" lacks the password`)
  return password
}

/** Decodes a message with a text and an HTML part. */
export function parseEmail(file: string, source: string): Email {
  const { headers, body } = split(source)
  const boundary = /boundary="?([^";]+)"?/i.exec(headers.get('content-type') ?? '')?.[1]
  if (boundary === undefined) throw new Error(`${file} has no parts`)
  const parts = body.split(`--${boundary}`).slice(1, -1).map((part) => split(part.replace(/^\r?\n/, '')))
  const part = (kind: string): string => {
    const found = parts.find(({ headers }) => headers.get('content-type')?.startsWith(kind))
    if (found === undefined) throw new Error(`${file} has no ${kind} part`)
    return decode(found.body, found.headers.get('content-transfer-encoding') ?? '7bit').replace(/\r\n/g, '\n')
  }
  return {
    file,
    headers,
    to: (headers.get('to') ?? '').replace(/^.*<|>.*$/g, ''),
    subject: decodeHeader(headers.get('subject') ?? ''),
    text: part('text/plain'),
    html: part('text/html'),
  }
}

function split(source: string): { headers: Map<string, string>; body: string } {
  const gap = /\r?\n\r?\n/.exec(source)
  const head = gap === null ? source : source.slice(0, gap.index)
  const headers = new Map<string, string>()
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { headers, body: gap === null ? '' : source.slice(gap.index + gap[0].length) }
}

function decode(body: string, encoding: string): string {
  switch (encoding.toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64').toString('utf8')
    case 'quoted-printable':
      return quotedPrintable(body.replace(/=\r?\n/g, ''))
    default:
      return body
  }
}

function quotedPrintable(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** Decodes the encoded words of a header (RFC 2047). */
function decodeHeader(header: string): string {
  return header
    .replace(/(\?=)\s+(=\?)/g, '$1$2')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toLowerCase() === 'b' ? Buffer.from(text, 'base64').toString('utf8') : quotedPrintable(text.replace(/_/g, ' ')),
    )
}
