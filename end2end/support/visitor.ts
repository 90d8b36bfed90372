// A visitor without scripts, as plain HTTPS requests: for journeys in which it matters from which address somebody
// comes and which headers they send, neither of which a browser lets a test choose.
//
// It guarantees: it sends what a browser sends with a form (Origin, Sec-Fetch-Site, the fields that the page holds),
// keeps cookies by a browser's rules, and trusts nobody but the proxy's own certificate.
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as plain } from 'node:http'
import { request } from 'node:https'

import { HOST, type Proxy } from './proxies.ts'
import { wordsOf } from './http.ts'

/** What came back. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  /** The Set-Cookie lines. */
  cookies: string[]
  body: string
}

/** What a request is made of, beside its address. */
export interface Sending {
  method?: string
  headers?: OutgoingHttpHeaders
  /** A form's fields, or the body as it is; parts of an array are sent one by one, without saying how long they are. */
  body?: Record<string, string> | string | string[]
}

/** Somebody who visits through a proxy. */
export class RemoteVisitor {
  private readonly jar = new Map<string, string>()

  /** `address` is where they come from: any of 127.0.0.0/8 is this machine's, but it is not the proxy's. */
  constructor(
    private readonly proxy: Proxy,
    readonly address = '127.0.0.2',
  ) {}

  /** Opens a page, and those that it leads on to. */
  async open(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.follow(await this.send(path, { headers }))
  }

  /** Fills in the form of a page that posts to `/do/action`, and goes where its answer leads. */
  async submit(page: Answer, action: string, fields: Record<string, string>): Promise<Answer> {
    return this.follow(await this.send(`/do/${action}`, { body: { ...hiddenFields(page, action), ...fields } }))
  }

  /** Sends one request. One with a body is a form's, from a page of the portal. */
  async send(path: string, { method, headers = {}, body }: Sending = {}): Promise<Answer> {
    const form = body !== undefined
    const parts = Array.isArray(body) ? body : [typeof body === 'string' ? body : new URLSearchParams(body).toString()]
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const all: OutgoingHttpHeaders = {
      host: HOST,
      accept: 'text/html',
      'sec-fetch-site': form ? 'same-origin' : 'none',
      ...(form ? { origin: `https://${HOST}`, 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...(form && !Array.isArray(body) ? { 'content-length': Buffer.byteLength(parts[0] ?? '') } : {}),
      ...(cookie === '' ? {} : { cookie }),
      ...headers,
    }
    const question = { path, method: method ?? (form ? 'POST' : 'GET'), headers: all, address: this.address }
    const answer = await ask(this.proxy, question, form ? parts : [])
    for (const line of answer.cookies) this.keep(line)
    return answer
  }

  /** The value of a cookie that is kept. */
  cookie(name: string): string | undefined {
    return this.jar.get(name)
  }

  private async follow(answer: Answer): Promise<Answer> {
    let last = answer
    for (let steps = 0; last.status >= 300 && last.status < 400; steps += 1) {
      const to = new URL(last.headers.location ?? '', `https://${HOST}`)
      if (to.origin !== `https://${HOST}`) throw new Error(`The portal leads away, to ${to.href}`)
      if (steps === 5) throw new Error(`The portal leads in circles, to ${to.href}`)
      last = await this.send(to.pathname + to.search)
    }
    return last
  }

  /** RFC 6265bis: what begins with __Host- is kept only when it is Secure, for the whole host, and for no other. */
  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    const has = (attribute: string): boolean => attributes.some((one) => one.toLowerCase() === attribute)
    const domain = attributes.some((one) => one.toLowerCase().startsWith('domain='))
    if (name.startsWith('__Host-') && !(has('secure') && has('path=/') && !domain)) return
    if (has('max-age=0') || value === '') this.jar.delete(name)
    else this.jar.set(name, value)
  }
}

/** One request to the proxy; to its port for HTTP when `http` says so. */
export async function ask(
  proxy: Proxy,
  options: { path: string; method?: string; headers?: OutgoingHttpHeaders; address?: string; http?: boolean },
  parts: string[] = [],
): Promise<Answer> {
  const { path, method = 'GET', address = '127.0.0.2', http = false } = options
  // What is undefined is not sent.
  const headers = Object.fromEntries(Object.entries(options.headers ?? {}).filter(([, value]) => value !== undefined))
  const to = { host: '127.0.0.1', localAddress: address, agent: false as const, path, method, headers }
  return new Promise((resolve, reject) => {
    const sent = http
      ? plain({ ...to, port: proxy.plainPort })
      : request({ ...to, port: proxy.port, servername: HOST, ca: proxy.certificate })
    sent.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (data: string) => (body += data))
      response.on('error', reject)
      response.on('end', () => {
        const cookies = response.headers['set-cookie'] ?? []
        resolve({ status: response.statusCode ?? 0, headers: response.headers, cookies, body })
      })
    })
    sent.on('error', reject)
    for (const part of parts) sent.write(part)
    sent.end()
  })
}

function hiddenFields(page: Answer, action: string): Record<string, string> {
  const form = new RegExp(`<form[^>]* action="/do/${action}"[\\s\\S]*?</form>`).exec(page.body)?.[0]
  if (form === undefined) throw new Error(`There is no form for ${action} on the page that says: ${wordsOf(page)}`)
  const inputs = form.match(/<input[^>]* type="hidden"[^>]*>/g) ?? []
  const of = (input: string, attribute: string): string => new RegExp(` ${attribute}="([^"]*)"`).exec(input)?.[1] ?? ''
  return Object.fromEntries(inputs.map((input) => [of(input, 'name'), of(input, 'value')]))
}
