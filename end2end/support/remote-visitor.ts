// A visitor without scripts, as plain HTTPS requests. A test can choose the client IP and every header, which a browser
// does not allow.
//
// # Guarantees
//
// - A form carries everything that a browser sends: Origin, Sec-Fetch-Site and the hidden fields of the page.
// - Cookies are kept by a browser's rules.
// - Only the proxy's own certificate is trusted.
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as plain } from 'node:http'
import { request } from 'node:https'

import { mainText } from './http.ts'
import { HOST, type Proxy } from './proxies.ts'

/** A response. */
export interface HttpResponse {
  status: number
  headers: IncomingHttpHeaders
  /** The values of Set-Cookie. */
  cookies: string[]
  body: string
}

/** The options of a request. */
export interface RequestOptions {
  method?: string
  headers?: OutgoingHttpHeaders
  /** A form's fields, or the body as text. The parts of an array are sent one by one, without a Content-Length. */
  body?: Record<string, string> | string | string[]
}

/** A visitor who comes through a proxy. */
export class RemoteVisitor {
  private readonly jar = new Map<string, string>()

  /** `address` is the client IP. Every address in 127.0.0.0/8 belongs to this machine, but not to the proxy. */
  constructor(
    private readonly proxy: Proxy,
    readonly clientIp = '127.0.0.2',
  ) {}

  /** Opens a page, and follows redirects. */
  async open(path: string, headers: OutgoingHttpHeaders = {}): Promise<HttpResponse> {
    return this.follow(await this.send(path, { headers }))
  }

  /** Submits the form on a page that posts to `/do/action`, and follows redirects. */
  async submit(page: HttpResponse, action: string, fields: Record<string, string>): Promise<HttpResponse> {
    return this.follow(await this.send(`/do/${action}`, { body: { ...hiddenFields(page, action), ...fields } }))
  }

  /** Sends one request. A request with a body is a form from a page of the portal. */
  async send(path: string, { method, headers = {}, body }: RequestOptions = {}): Promise<HttpResponse> {
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
    const options = { path, method: method ?? (form ? 'POST' : 'GET'), headers: all, clientIp: this.clientIp }
    const response = await sendRequest(this.proxy, options, form ? parts : [])
    for (const line of response.cookies) this.storeCookie(line)
    return response
  }

  /** Returns the value of a stored cookie. */
  cookie(name: string): string | undefined {
    return this.jar.get(name)
  }

  private async follow(response: HttpResponse): Promise<HttpResponse> {
    let last = response
    for (let steps = 0; last.status >= 300 && last.status < 400; steps += 1) {
      const target = new URL(last.headers.location ?? '', `https://${HOST}`)
      if (target.origin !== `https://${HOST}`) throw new Error(`The portal redirects to another site: ${target.href}`)
      if (steps === 5) throw new Error(`The portal redirects in circles, to ${target.href}`)
      last = await this.send(target.pathname + target.search)
    }
    return last
  }

  /**
   * Stores a cookie by RFC 6265bis: one with the prefix __Host- only if it is Secure and belongs to this host and all
   * its paths.
   */
  private storeCookie(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    const has = (attribute: string): boolean => attributes.some((part) => part.toLowerCase() === attribute)
    const domain = attributes.some((part) => part.toLowerCase().startsWith('domain='))
    if (name.startsWith('__Host-') && !(has('secure') && has('path=/') && !domain)) return
    if (has('max-age=0') || value === '') this.jar.delete(name)
    else this.jar.set(name, value)
  }
}

/** Sends one request to the proxy, to its HTTP port if `http` is true. */
export async function sendRequest(
  proxy: Proxy,
  options: { path: string; method?: string; headers?: OutgoingHttpHeaders; clientIp?: string; http?: boolean },
  parts: string[] = [],
): Promise<HttpResponse> {
  const { path, method = 'GET', clientIp = '127.0.0.2', http = false } = options
  // Undefined headers are not sent.
  const headers = Object.fromEntries(Object.entries(options.headers ?? {}).filter(([, value]) => value !== undefined))
  const target = { host: '127.0.0.1', localAddress: clientIp, agent: false as const, path, method, headers }
  return new Promise((resolve, reject) => {
    const outgoing = http
      ? plain({ ...target, port: proxy.plainPort })
      : request({ ...target, port: proxy.port, servername: HOST, ca: proxy.certificate })
    outgoing.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (data: string) => (body += data))
      response.on('error', reject)
      response.on('end', () => {
        const cookies = response.headers['set-cookie'] ?? []
        resolve({ status: response.statusCode ?? 0, headers: response.headers, cookies, body })
      })
    })
    outgoing.on('error', reject)
    for (const part of parts) outgoing.write(part)
    outgoing.end()
  })
}

function hiddenFields(page: HttpResponse, action: string): Record<string, string> {
  const form = new RegExp(`<form[^>]* action="/do/${action}"[\\s\\S]*?</form>`).exec(page.body)?.[0]
  if (form === undefined) throw new Error(`There is no form for ${action} on the page that says: ${mainText(page)}`)
  const inputs = form.match(/<input[^>]* type="hidden"[^>]*>/g) ?? []
  const attributeOf = (input: string, attribute: string): string => new RegExp(` ${attribute}="([^"]*)"`).exec(input)?.[1] ?? ''
  return Object.fromEntries(inputs.map((input) => [attributeOf(input, 'name'), attributeOf(input, 'value')]))
}
