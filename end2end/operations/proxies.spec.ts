// The portal in production behind a reverse proxy: real nginx and real HAProxy with the files in deploy/, and the
// settings of deploy/vestibule.env.example.
//
// Visitors come from 127.0.0.2 and higher addresses, which belong to this machine but not to the proxy.
//
// # Guarantees
//
// - A client IP that a visitor forges is ignored.
// - A foreign Host header reaches no page.
// - A form from another site changes nothing.
// - Cookies and links are for https://accounts.example.com only.
// - All journeys work.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'

import { expect, test as base } from '@playwright/test'

import { type Email, linkIn } from '../support/emails.ts'
import { mainText } from '../support/http.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { Portal } from '../support/portal.ts'
import { HOST, KINDS, type Kind, Proxy, exampleSettings } from '../support/proxies.ts'
import { type HttpResponse, RemoteVisitor, sendRequest } from '../support/remote-visitor.ts'
import { until } from '../support/until.ts'

const PUBLIC_URL = `https://${HOST}`
const WRONG = { username: 'unknown', password: 'not the right one' }
const INCORRECT = 'Incorrect username or password.'
const NOT_TRUSTED = 'X-Forwarded-For ignored: its sender is not in TRUSTED_PROXIES'

/** A proxy and the portal behind it. */
interface Setup {
  proxy: Proxy
  portal: Portal
}

const test = base.extend<{ start: (kind: Kind, env?: Record<string, string>) => Promise<Setup> }>({
  /** Starts a proxy and a portal for this test only. */
  start: async ({}, use) => {
    const secrets = await mkdtemp(join(tmpdir(), 'vestibule-secrets-'))
    // systemd passes the secret in this form (LoadCredential).
    await writeFile(join(secrets, 'SECRET_KEY'), 'forty characters that only this test has\n', { mode: 0o600 })
    const cleanUps: (() => Promise<void>)[] = [async () => rm(secrets, { recursive: true })]
    const logs: (() => string)[] = []
    await use(async (kind, env = {}) => {
      const settings = { ...(await exampleSettings()), CREDENTIALS_DIRECTORY: secrets, MAIL_TRANSPORT: 'file', ...env }
      const portal = await Portal.start({ env: settings, admin: ADMIN })
      cleanUps.push(async () => portal.remove())
      logs.push(() => portal.logged)
      const proxy = await Proxy.start(kind, portal)
      cleanUps.push(async () => proxy.stop())
      return { portal, proxy }
    })
    for (const end of cleanUps.reverse()) await end()
    for (const log of logs) expect(log(), 'no logged error').not.toMatch(/"level":"ERROR"|panicked/)
  },
})

/** Tries to sign in with a wrong password, and returns the text of the page. */
async function tryToSignIn(visitor: RemoteVisitor, forwardedFor?: string | string[]): Promise<string> {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  const answer = await visitor.send('/do/sign_in', { body: WRONG, headers })
  expect([answer.status, answer.headers.location]).toEqual([302, '/login'])
  return mainText(await visitor.open('/login'))
}

/** Registers a person with the form. */
async function register(visitor: RemoteVisitor, person = newPerson()): Promise<{ person: typeof person; page: HttpResponse }> {
  const { username, email, password } = person
  const form = { username, email, password, confirm_password: password }
  return { person, page: await visitor.submit(await visitor.open('/register'), 'register', form) }
}

/** Returns the path of a link in an email, which must begin with PUBLIC_URL. */
function pathIn(email: Email, part: string): string {
  const link = linkIn(email, part)
  expect(link.slice(0, PUBLIC_URL.length + 1)).toBe(`${PUBLIC_URL}/`)
  return link.slice(PUBLIC_URL.length)
}

for (const kind of KINDS) {
  test.describe(`behind ${kind}`, () => {
    test('a person registers, is approved and signs in, without scripts', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const { person, page } = await register(visitor)
      expect(mainText(page)).toContain('Your account has been created and is waiting for approval.')

      const confirm = await portal.emails.wait(person.email, /^Confirm your email address/)
      const confirmed = await visitor.submit(await visitor.open(pathIn(confirm, '/confirm/')), 'confirm_address', {})
      expect(mainText(confirmed)).toContain('Your email address has been confirmed.')

      const adminVisitor = new RemoteVisitor(proxy, '127.0.0.9')
      const notification = await portal.emails.wait('admins@example.com', new RegExp(person.username.replace(/\W/g, '.+')))
      const signInPage = await adminVisitor.open(pathIn(notification, '/admin/approve/'))
      expect(mainText(signInPage)).toContain('Sign in')
      const { username, password } = ADMIN
      const adminAction = await adminVisitor.submit(signInPage, 'sign_in', { username, password })
      expect(mainText(await adminVisitor.submit(adminAction, 'decide', {}))).toContain('Approved.')

      const approved = await portal.emails.wait(person.email, /approved/)
      const profile = await visitor.submit(await visitor.open(pathIn(approved, '/auto-login/')), 'use_sign_in_link', {})
      expect(mainText(profile)).toContain(person.email)
      await visitor.submit(await visitor.open('/logout'), 'sign_out', {})
      expect(mainText(await visitor.open('/profile')), 'signed out').not.toContain(person.email)
      const credentials = { username: person.username, password: person.password }
      expect(mainText(await visitor.submit(await visitor.open('/login'), 'sign_in', credentials))).toContain(person.email)

      const from = await portal.query("SELECT DISTINCT client_ip FROM audit WHERE client_ip LIKE '127.%' ORDER BY client_ip")
      expect(from.flat(), 'the client IPs in the audit log').toEqual(['127.0.0.2', '127.0.0.9'])
    })

    test('a forged client IP is ignored', async ({ start }) => {
      const { proxy, portal } = await start(kind, { LIMIT_SIGN_IN: '5/1d' })
      const ada = new RemoteVisitor(proxy, '127.0.0.2')
      const forgedValues = [
        '203.0.113.1',
        '203.0.113.2, 203.0.113.3',
        ['203.0.113.4', '203.0.113.5'],
        // As if a trusted proxy had forwarded the request.
        '203.0.113.6, 127.0.0.1',
        ['203.0.113.7', '127.0.0.1'],
      ]
      for (const value of forgedValues) expect(await tryToSignIn(ada, value)).toContain(INCORRECT)
      expect(await tryToSignIn(ada, '203.0.113.8')).toContain('Too many attempts.')
      expect(await tryToSignIn(ada)).toContain('Too many attempts.')

      // A visitor who claims Ada's IP address is neither limited with her nor counted for her.
      const bert = new RemoteVisitor(proxy, '127.0.0.3')
      expect(await tryToSignIn(bert, '127.0.0.2')).toContain(INCORRECT)
      expect(portal.logged, 'the proxy is trusted').not.toContain(NOT_TRUSTED)
    })

    test('registrations are counted by client IP', async ({ start }) => {
      const { proxy } = await start(kind, { LIMIT_REGISTER: '1/1d' })
      const [ada, bert] = [new RemoteVisitor(proxy, '127.0.0.2'), new RemoteVisitor(proxy, '127.0.0.3')]
      expect(mainText((await register(ada)).page)).toContain('Your account has been created')
      expect(mainText((await register(ada)).page)).toContain('Too many attempts. Try again in')
      expect(mainText((await register(bert)).page)).toContain('Your account has been created')
    })

    test('behind an untrusted proxy all visitors share one client IP, and the log has one warning about it', async ({ start }) => {
      const { proxy, portal } = await start(kind, { LIMIT_SIGN_IN: '3/1d', TRUSTED_PROXIES: '192.0.2.1' })
      for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
        expect(await tryToSignIn(new RemoteVisitor(proxy, address))).toContain(INCORRECT)
      }
      expect(await tryToSignIn(new RemoteVisitor(proxy, '127.0.0.5'))).toContain('Too many attempts.')
      expect(portal.logged.split(NOT_TRUSTED)).toHaveLength(2)
    })

    test('cookies are Secure and for this host only, and browsers are told to use https', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const { username, password } = ADMIN
      const answers = [
        await visitor.send('/do/sign_in', { body: WRONG }),
        await visitor.send('/do/set_theme', { body: { theme: 'dark', from: '/login' } }),
        await visitor.send('/do/sign_in', { body: { username, password } }),
      ]
      const cookies = answers.flatMap((answer) => answer.cookies)
      const names = cookies.map((cookie) => cookie.slice(0, cookie.indexOf('=')))
      expect(names).toEqual(expect.arrayContaining(['__Host-flash', '__Host-theme', '__Host-session']))
      for (const cookie of cookies) {
        expect(cookie).toMatch(/^__Host-/)
        for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) {
          expect(cookie).toContain(`; ${attribute}`)
        }
        expect(cookie).not.toMatch(/; *domain/i)
      }
      answers.push(await visitor.open('/profile'), await visitor.open('/favicon.svg'), await visitor.open('/nowhere'))
      for (const answer of answers) expect(answer.headers['strict-transport-security']).toBe('max-age=63072000')
      expect(mainText(answers[3] as HttpResponse), 'the session cookie works').toContain(ADMIN.email)
    })

    test('requests over http are redirected to https on the public host name', async ({ start }) => {
      const { proxy } = await start(kind)
      for (const host of [HOST, 'evil.example']) {
        const answer = await sendRequest(proxy, { http: true, path: '/confirm/some-token?x=1', headers: { host } })
        expect([answer.status, answer.headers.location]).toEqual([308, `${PUBLIC_URL}/confirm/some-token?x=1`])
      }
    })

    test('another Host header gets 421, except for health checks', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      for (const host of ['evil.example', '127.0.0.1', `${HOST}:8443`, `${HOST}.evil.example`]) {
        expect((await visitor.send('/favicon.svg', { headers: { host } })).status, 'the error page loads files').toBe(200)
        for (const path of ['/', '/login', '/profile']) {
          const answer = await visitor.send(path, { headers: { host } })
          expect(answer.status, `${path} of ${host}`).toBe(421)
          expect(mainText(answer)).toContain('This portal has a different web address.')
          expect(answer.body).toContain(`href="${PUBLIC_URL}/"`)
          expect(answer.body).not.toContain('evil')
        }
        const sent = await visitor.send('/do/sign_in', { body: WRONG, headers: { host } })
        expect([sent.status, sent.cookies], 'a form').toEqual([421, []])
        for (const path of ['/healthz', '/readyz']) {
          expect((await visitor.send(path, { headers: { host } })).status).toBe(200)
        }
      }
      for (const host of [HOST, `${HOST}:443`, HOST.toUpperCase()]) {
        expect((await visitor.send('/login', { headers: { host } })).status, host).toBe(200)
      }
    })

    test('forged headers about host and scheme affect neither pages nor emails', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const forgedHeaders = {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-port': '8443',
        'x-forwarded-prefix': '/evil',
        'x-original-host': 'evil.example',
        forwarded: 'for=203.0.113.1;host=evil.example;proto=http',
      }
      const visitor = new RemoteVisitor(proxy)
      for (const path of ['/', '/login', '/register', '/admin', '/profile']) {
        const answer = await visitor.send(path, { headers: forgedHeaders })
        expect(answer.headers.location ?? '/').toMatch(/^\/(?!\/)/)
        expect(JSON.stringify(answer), path).not.toMatch(/evil|:8443|http:\/\/accounts/)
      }
      const person = newPerson()
      const { username, email, password } = person
      const body = { username, email, password, confirm_password: password }
      const answer = await visitor.send('/do/register', { body, headers: forgedHeaders })
      expect([answer.status, answer.headers.location]).toEqual([302, '/login'])
      for (const cookie of answer.cookies) expect(cookie).toMatch(/^__Host-.*; Secure/)
      const confirmation = await portal.emails.wait(email, /^Confirm your email address/)
      pathIn(confirmation, '/confirm/')
      expect(confirmation.text + confirmation.html).not.toMatch(/evil|:8443|http:/)
      expect(await portal.query(`SELECT client_ip FROM audit WHERE subject_name = '${username}'`)).toEqual([['127.0.0.2']])
    })

    test('a form from another site is rejected and changes nothing, and a form of the portal is accepted', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const { username, password } = ADMIN
      const crossSiteHeaders: Record<string, string | undefined>[] = [
        { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
        { origin: `https://evil.${HOST}`, 'sec-fetch-site': 'same-site' },
        { origin: `http://${HOST}`, 'sec-fetch-site': 'cross-site' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        // Older browsers send only one of the two headers.
        { origin: 'https://evil.example', 'sec-fetch-site': undefined },
        { origin: undefined, 'sec-fetch-site': 'cross-site' },
      ]
      for (const headers of crossSiteHeaders) {
        const visitor = new RemoteVisitor(proxy)
        const answer = await visitor.send('/do/sign_in', { body: { username, password }, headers })
        expect([answer.status, answer.cookies], JSON.stringify(headers)).toEqual([403, []])
      }
      expect(await portal.query('SELECT COUNT(*) FROM user_sessions')).toEqual([['0']])
      for (const headers of [{}, { 'sec-fetch-site': undefined }]) {
        const visitor = new RemoteVisitor(proxy)
        const answer = await visitor.send('/do/sign_in', { body: { username, password }, headers })
        expect([answer.status, answer.headers.location]).toEqual([302, '/profile'])
        expect(visitor.cookie('__Host-session')).toBeDefined()
      }
      expect(await portal.query('SELECT COUNT(*) FROM user_sessions')).toEqual([['2']])
    })

    test('a form larger than 16 KiB is rejected, by the portal or, if it is far larger, by the proxy', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const form = (bytes: number): string => `${new URLSearchParams(WRONG).toString()}&next=`.padEnd(bytes, 'a')
      const accepted = await visitor.send('/do/sign_in', { body: form(16 * 1024) })
      expect([accepted.status, accepted.headers.location?.slice(0, 6)], 'exactly 16 KiB').toEqual([302, '/login'])
      for (const bytes of [16 * 1024 + 1, 40_000, 60_000]) {
        const answer = await visitor.send('/do/sign_in', { body: form(bytes) })
        expect(answer.status, `${bytes} bytes`).toBe(413)
        expect(mainText(answer)).toContain('Shorten what you entered and try again. Nothing has changed.')
      }
      const unannounced = await visitor.send('/do/sign_in', { body: [form(10_000), 'a'.repeat(10_000)] })
      expect(unannounced.status, 'without a Content-Length').toBe(413)
      const huge = await visitor.send('/do/sign_in', { body: form(200_000) })
      expect([huge.status, huge.headers['x-request-id']], 'rejected by the proxy').toEqual([413, undefined])
      expect(await tryToSignIn(visitor), 'the portal still works').toContain(INCORRECT)
    })

    test('HTTP/2 works with the same rules', async ({ start }) => {
      const { proxy } = await start(kind)
      const { username, password } = ADMIN
      const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, { ca: proxy.certificate, servername: HOST })
      try {
        const send = async (headers: Record<string, string>, body?: string): Promise<Record<string, unknown>> => {
          const stream = session.request({ ':authority': HOST, accept: 'text/html', ...headers })
          stream.end(body)
          const [answer] = (await once(stream, 'response')) as [Record<string, unknown>]
          stream.resume()
          await once(stream, 'close')
          return answer
        }
        expect((await send({ ':path': '/login' }))[':status']).toBe(200)
        expect((await send({ ':path': '/login', ':authority': 'evil.example' }))[':status']).toBe(421)
        const form = { ':path': '/do/sign_in', ':method': 'POST', 'content-type': 'application/x-www-form-urlencoded' }
        const body = new URLSearchParams({ username, password }).toString()
        const crossSiteHeaders = await send({ ...form, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, body)
        expect(crossSiteHeaders[':status']).toBe(403)
        const signedIn = await send({ ...form, origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' }, body)
        expect([signedIn[':status'], signedIn['location']]).toEqual([302, '/profile'])
        const cookie = (signedIn['set-cookie'] as string[]).map((line) => line.split(';')[0]).join('; ')
        // Browsers send cookies in two fields in HTTP/2.
        const profile = await send({ ':path': '/profile', cookie: ['__Host-theme=dark', cookie] as unknown as string })
        expect(profile[':status']).toBe(200)
      } finally {
        session.destroy()
      }
    })

    test('no log of the proxy contains the secret of a link, not even while the portal is down', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const secret = 'c2VjcmV0LW9mLWEtbGluaw'
      const headers = { referer: `${PUBLIC_URL}/confirm/${secret}` }
      const visit = async (): Promise<HttpResponse> => visitor.send(`/auto-login/${secret}`, { headers })
      const answer = await visit()
      expect(answer.body).toContain('This link')
      // The proxy logs after the response.
      const has = async (line: RegExp): Promise<true | undefined> => line.test(await proxy.logged()) || undefined
      await until('the log line of the request', async () => has(new RegExp(String(answer.headers['x-request-id']))))
      await sendRequest(proxy, { http: true, path: `/auto-login/${secret}`, headers: { host: HOST } })
      await portal.stop()
      expect([502, 503]).toContain((await visit()).status)
      await until('the log line of the failure', async () => has(/ 50[23] /))
      expect(await proxy.logged()).not.toContain(secret)
    })
  })

  test.describe(`${kind} on its own`, () => {
    test('appends the client IP, and leaves Host, Origin and path unchanged', async () => {
      await withUpstream(kind, async (proxy, upstream) => {
        const headers = {
          host: `${HOST}:443`,
          origin: 'https://elsewhere.example',
          'x-forwarded-for': '203.0.113.1',
          'x-forwarded-proto': 'http',
        }
        const path = '/a/../b//c%2fd?e=%20'
        await sendRequest(proxy, { path, clientIp: '127.0.0.7', headers })
        const requests = upstream.requests.at(-1)
        expect([requests?.url, requests?.headers.host, requests?.headers.origin]).toEqual([path, headers.host, headers.origin])
        expect(requests?.headers['x-forwarded-for']).toBe('203.0.113.1, 127.0.0.7')
        expect(requests?.headers['x-forwarded-proto']).toBe('https')
      })
    })

    test('buffers a form until it is complete', async () => {
      await withUpstream(kind, async (proxy, upstream) => {
        const slow = connectTls({ host: '127.0.0.1', port: proxy.port, servername: HOST, ca: proxy.certificate })
        await once(slow, 'secureConnect')
        let answer = ''
        slow.on('data', (data: Buffer) => (answer += data.toString()))
        slow.write(`POST /slow HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 10\r\n\r\n01234`)
        // A complete request in the meantime shows that the incomplete one would have arrived.
        await sendRequest(proxy, { path: '/quick', headers: { host: HOST } })
        expect(upstream.requests.map(({ url }) => url)).toContain('/quick')
        expect(upstream.requests.map(({ url }) => url)).not.toContain('/slow')
        slow.write('56789')
        await until('the response to the slow form', async () => (answer.includes('200') ? true : undefined))
        expect(upstream.requests.map(({ url }) => url)).toContain('/slow')
        slow.destroy()
      })
    })
  })
}

/** A server that records the requests of the proxy. */
interface Upstream {
  requests: { url: string; headers: NodeJS.Dict<string | string[]> }[]
}

async function withUpstream(kind: Kind, act: (proxy: Proxy, upstream: Upstream) => Promise<void>): Promise<void> {
  const upstream: Upstream = { requests: [] }
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const { url = '', headers } = request
    upstream.requests.push({ url, headers })
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const proxy = await Proxy.start(kind, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    try {
      await act(proxy, upstream)
    } finally {
      await proxy.stop()
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}
