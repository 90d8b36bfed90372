// Mails as the portal's `file` transport leaves them: one .eml a message.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { until } from './until.ts'

/** A mail, decoded. */
export interface Mail {
  /** The file's name; mails are numbered in the order in which they were written. */
  file: string
  headers: Map<string, string>
  to: string
  subject: string
  text: string
  html: string
}

/** The folder that mails are written to. */
export class Mailbox {
  private readonly known = new Map<string, Mail>()

  constructor(private readonly folder: string) {}

  /** Every mail so far, the oldest first. */
  async all(): Promise<Mail[]> {
    const files = (await readdir(this.folder).catch(() => [])).filter((file) => file.endsWith('.eml')).sort()
    for (const file of files) {
      if (!this.known.has(file)) this.known.set(file, parseMail(file, await readFile(join(this.folder, file), 'utf8')))
    }
    return files.flatMap((file) => this.known.get(file) ?? [])
  }

  /** The mails to an address, with a subject that fits. */
  async to(address: string, subject: RegExp): Promise<Mail[]> {
    return (await this.all()).filter((mail) => mail.to === address && subject.test(mail.subject))
  }

  /** Waits for the `number`th mail to an address with a subject that fits. */
  async wait(address: string, subject: RegExp, number = 1): Promise<Mail> {
    return until(`mail ${number} to ${address} about ${subject}`, async () => (await this.to(address, subject))[number - 1])
  }
}

/** The one address in a mail that contains `part`; the text and the HTML part have to agree on it. */
export function linkIn(mail: Mail, part: string): string {
  const links = new Set((mail.text.match(/https?:\/\/[^\s<>"]+/g) ?? []).filter((link) => link.includes(part)))
  const [link] = links
  if (link === undefined || links.size !== 1) throw new Error(`Expected one link with ${part} in:\n${mail.text}`)
  if (!mail.html.includes(`href="${link}"`)) throw new Error(`The HTML part of "${mail.subject}" lacks ${link}`)
  return link
}

/** The temporary password in a mail: on a line of its own, in groups; the text and the HTML part have to agree on it. */
export function secretIn(mail: Mail): string {
  const [secret, ...others] = mail.text.match(/(?<=^ *)[0-9A-HJKMNP-TV-Z]+(-[0-9A-HJKMNP-TV-Z]+)+(?= *$)/gm) ?? []
  if (secret === undefined || others.length > 0) throw new Error(`Expected one temporary password in:\n${mail.text}`)
  if (!mail.html.includes(`>${secret}<`)) throw new Error(`The HTML part of "${mail.subject}" lacks the password`)
  return secret
}

/** Decodes a message with a text and an HTML part. */
export function parseMail(file: string, source: string): Mail {
  const { headers, body } = split(source)
  const boundary = /boundary="?([^";]+)"?/i.exec(headers.get('content-type') ?? '')?.[1]
  if (boundary === undefined) throw new Error(`${file} has no parts`)
  const parts = body.split(`--${boundary}`).slice(1, -1).map((part) => split(part.replace(/^\r?\n/, '')))
  const part = (kind: string): string => {
    const found = parts.find(({ headers }) => headers.get('content-type')?.startsWith(kind))
    if (found === undefined) throw new Error(`${file} has no part of the kind ${kind}`)
    return decode(found.body, found.headers.get('content-transfer-encoding') ?? '7bit').replace(/\r\n/g, '\n')
  }
  return {
    file,
    headers,
    to: (headers.get('to') ?? '').replace(/^.*<|>.*$/g, ''),
    subject: words(headers.get('subject') ?? ''),
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

/** Encoded words of a header (RFC 2047). */
function words(header: string): string {
  return header
    .replace(/(\?=)\s+(=\?)/g, '$1$2')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toLowerCase() === 'b' ? Buffer.from(text, 'base64').toString('utf8') : quotedPrintable(text.replace(/_/g, ' ')),
    )
}
