// The portal in production, behind the proxies that operators put in front of it: real nginx and real HAProxy from the
// files in deploy/, and the settings of deploy/vestibule.env.example.
//
// It guarantees, for both: an address that a visitor invents counts for nothing, a Host that is not ours reaches no
// page, a form from another site changes nothing, cookies and links are for https://accounts.example.com alone, and
// all journeys work. Visitors come from 127.0.0.2 and up, which are this machine's like 127.0.0.1, but not the proxy.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'

import { expect, test as base } from '@playwright/test'

import { wordsOf } from '../support/http.ts'
import { type Mail, linkIn } from '../support/mail.ts'
import { someone } from '../support/people.ts'
import { Portal } from '../support/portal.ts'
import { HOST, KINDS, type Kind, Proxy, exampleSettings } from '../support/proxies.ts'
import { until } from '../support/until.ts'
import { type Answer, RemoteVisitor, ask } from '../support/visitor.ts'

const PUBLIC_URL = `https://${HOST}`
const WRONG = { username: 'nobody', password: 'not the right one' }
const INCORRECT = 'Incorrect username or password.'
const NOT_TRUSTED = 'X-Forwarded-For came from an address that is not in TRUSTED_PROXIES'

/** A proxy and the portal behind it. */
interface Behind {
  proxy: Proxy
  portal: Portal
}

const test = base.extend<{ start: (kind: Kind, env?: Record<string, string>) => Promise<Behind> }>({
  /** Starts both for this test alone. */
  start: async ({}, use) => {
    const secrets = await mkdtemp(join(tmpdir(), 'vestibule-secrets-'))
    // As systemd hands it over (LoadCredential).
    await writeFile(join(secrets, 'SECRET_KEY'), 'forty characters that only this test has\n', { mode: 0o600 })
    const ends: (() => Promise<void>)[] = [async () => rm(secrets, { recursive: true })]
    const logs: (() => string)[] = []
    await use(async (kind, env = {}) => {
      const settings = { ...(await exampleSettings()), CREDENTIALS_DIRECTORY: secrets, MAIL_TRANSPORT: 'file', ...env }
      const portal = await Portal.start({ env: settings, admin: KEEPER })
      ends.push(async () => portal.remove())
      logs.push(() => portal.logged)
      const proxy = await Proxy.start(kind, portal)
      ends.push(async () => proxy.stop())
      return { portal, proxy }
    })
    for (const end of ends.reverse()) await end()
    for (const log of logs) expect(log(), 'no fault is logged').not.toMatch(/"level":"ERROR"|panicked/)
  },
})

const KEEPER = someone('keeper')

/** Tries to sign in with a wrong password; answers what the page says. */
async function tryToSignIn(visitor: RemoteVisitor, forwardedFor?: string | string[]): Promise<string> {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  const answer = await visitor.send('/do/sign_in', { body: WRONG, headers })
  expect([answer.status, answer.headers.location]).toEqual([302, '/login'])
  return wordsOf(await visitor.open('/login'))
}

/** Registers somebody by the page's form. */
async function register(visitor: RemoteVisitor, person = someone()): Promise<{ person: typeof person; page: Answer }> {
  const { username, email, password } = person
  const form = { username, email, password, confirm_password: password }
  return { person, page: await visitor.submit(await visitor.open('/register'), 'register', form) }
}

/** Where a mail's link leads, after the address that it has to begin with. */
function pathIn(mail: Mail, part: string): string {
  const link = linkIn(mail, part)
  expect(link.slice(0, PUBLIC_URL.length + 1)).toBe(`${PUBLIC_URL}/`)
  return link.slice(PUBLIC_URL.length)
}

for (const kind of KINDS) {
  test.describe(`behind ${kind}`, () => {
    test('somebody registers, is let in and signs in, without scripts', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const { person, page } = await register(visitor)
      expect(wordsOf(page)).toContain('Your account was created and is waiting for approval.')

      const confirm = await portal.mails.wait(person.email, /^Confirm your address/)
      const confirmed = await visitor.submit(await visitor.open(pathIn(confirm, '/confirm/')), 'confirm_address', {})
      expect(wordsOf(confirmed)).toContain('Your address is confirmed.')

      const keeper = new RemoteVisitor(proxy, '127.0.0.9')
      const notice = await portal.mails.wait('admins@example.com', new RegExp(person.username.replace(/\W/g, '.+')))
      const asked = await keeper.open(pathIn(notice, '/admin/approve/'))
      expect(wordsOf(asked)).toContain('Sign in')
      const { username, password } = KEEPER
      const card = await keeper.submit(asked, 'sign_in', { username, password })
      expect(wordsOf(await keeper.submit(card, 'decide', {}))).toContain('Approved.')

      const approved = await portal.mails.wait(person.email, /approved/)
      const inside = await visitor.submit(await visitor.open(pathIn(approved, '/auto-login/')), 'use_sign_in_link', {})
      expect(wordsOf(inside)).toContain(person.email)
      await visitor.submit(await visitor.open('/logout'), 'sign_out', {})
      expect(wordsOf(await visitor.open('/profile')), 'signed out').not.toContain(person.email)
      const again = { username: person.username, password: person.password }
      expect(wordsOf(await visitor.submit(await visitor.open('/login'), 'sign_in', again))).toContain(person.email)

      const from = await portal.query("SELECT DISTINCT source FROM audit WHERE source LIKE '127.%' ORDER BY source")
      expect(from.flat(), 'the audit has their own addresses').toEqual(['127.0.0.2', '127.0.0.9'])
    })

    test('whatever a visitor says of their address, their own one is counted', async ({ start }) => {
      const { proxy, portal } = await start(kind, { LIMIT_SIGN_IN: '5/1d' })
      const ada = new RemoteVisitor(proxy, '127.0.0.2')
      const inventions = [
        '203.0.113.1',
        '203.0.113.2, 203.0.113.3',
        ['203.0.113.4', '203.0.113.5'],
        // As if a trusted proxy had passed it on.
        '203.0.113.6, 127.0.0.1',
        ['203.0.113.7', '127.0.0.1'],
      ]
      for (const invention of inventions) expect(await tryToSignIn(ada, invention)).toContain(INCORRECT)
      expect(await tryToSignIn(ada, '203.0.113.8')).toContain('Too many attempts.')
      expect(await tryToSignIn(ada)).toContain('Too many attempts.')

      // Who says that they are Ada is neither refused for her nor counted as her.
      const bert = new RemoteVisitor(proxy, '127.0.0.3')
      expect(await tryToSignIn(bert, '127.0.0.2')).toContain(INCORRECT)
      expect(portal.logged, 'the proxy is trusted').not.toContain(NOT_TRUSTED)
    })

    test('registrations are counted for the address they came from', async ({ start }) => {
      const { proxy } = await start(kind, { LIMIT_REGISTER: '1/1d' })
      const [ada, bert] = [new RemoteVisitor(proxy, '127.0.0.2'), new RemoteVisitor(proxy, '127.0.0.3')]
      expect(wordsOf((await register(ada)).page)).toContain('Your account was created')
      expect(wordsOf((await register(ada)).page)).toContain('Too many attempts. Try again in')
      expect(wordsOf((await register(bert)).page)).toContain('Your account was created')
    })

    test('behind a proxy that is not trusted everybody is one source, and the log says so once', async ({ start }) => {
      const { proxy, portal } = await start(kind, { LIMIT_SIGN_IN: '3/1d', TRUSTED_PROXIES: '192.0.2.1' })
      for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
        expect(await tryToSignIn(new RemoteVisitor(proxy, address))).toContain(INCORRECT)
      }
      expect(await tryToSignIn(new RemoteVisitor(proxy, '127.0.0.5'))).toContain('Too many attempts.')
      expect(portal.logged.split(NOT_TRUSTED)).toHaveLength(2)
    })

    test('cookies are Secure and for this host alone, and browsers are told to stay with https', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const { username, password } = KEEPER
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
      expect(wordsOf(answers[3] as Answer), 'the cookies are good').toContain(KEEPER.email)
    })

    test('who comes by http is sent on to https, under our own name', async ({ start }) => {
      const { proxy } = await start(kind)
      for (const host of [HOST, 'evil.example']) {
        const answer = await ask(proxy, { http: true, path: '/confirm/some-token?x=1', headers: { host } })
        expect([answer.status, answer.headers.location]).toEqual([308, `${PUBLIC_URL}/confirm/some-token?x=1`])
      }
    })

    test('another Host gets 421, except for health checks', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      for (const host of ['evil.example', '127.0.0.1', `${HOST}:8443`, `${HOST}.evil.example`]) {
        for (const path of ['/', '/login', '/favicon.svg']) {
          const answer = await visitor.send(path, { headers: { host } })
          expect(answer.status, `${path} of ${host}`).toBe(421)
          expect(wordsOf(answer)).toContain('This portal does not answer to that host name.')
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

    test('what a visitor says of host and scheme changes neither pages nor mail', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const lies = {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-port': '8443',
        'x-forwarded-prefix': '/evil',
        'x-original-host': 'evil.example',
        forwarded: 'for=203.0.113.1;host=evil.example;proto=http',
      }
      const visitor = new RemoteVisitor(proxy)
      for (const path of ['/', '/login', '/register', '/admin', '/profile']) {
        const answer = await visitor.send(path, { headers: lies })
        expect(answer.headers.location ?? '/').toMatch(/^\/(?!\/)/)
        expect(JSON.stringify(answer), path).not.toMatch(/evil|:8443|http:\/\/accounts/)
      }
      const person = someone()
      const { username, email, password } = person
      const body = { username, email, password, confirm_password: password }
      const answer = await visitor.send('/do/register', { body, headers: lies })
      expect([answer.status, answer.headers.location]).toEqual([302, '/login'])
      for (const cookie of answer.cookies) expect(cookie).toMatch(/^__Host-.*; Secure/)
      const mail = await portal.mails.wait(email, /^Confirm your address/)
      pathIn(mail, '/confirm/')
      expect(mail.text + mail.html).not.toMatch(/evil|:8443|http:/)
      expect(await portal.query(`SELECT source FROM audit WHERE subject_name = '${username}'`)).toEqual([['127.0.0.2']])
    })

    test('a form from another site is refused and changes nothing, and one of our own is taken', async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const { username, password } = KEEPER
      const strange: Record<string, string | undefined>[] = [
        { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
        { origin: `https://evil.${HOST}`, 'sec-fetch-site': 'same-site' },
        { origin: `http://${HOST}`, 'sec-fetch-site': 'cross-site' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        // Older browsers send one of the two.
        { origin: 'https://evil.example', 'sec-fetch-site': undefined },
        { origin: undefined, 'sec-fetch-site': 'cross-site' },
      ]
      for (const headers of strange) {
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

    test('a form larger than 16 KiB is refused, in our words unless it is far larger', async ({ start }) => {
      const { proxy } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const form = (bytes: number): string => `${new URLSearchParams(WRONG).toString()}&next=`.padEnd(bytes, 'a')
      const fits = await visitor.send('/do/sign_in', { body: form(16 * 1024) })
      expect([fits.status, fits.headers.location?.slice(0, 6)], 'exactly 16 KiB').toEqual([302, '/login'])
      for (const bytes of [16 * 1024 + 1, 40_000, 60_000]) {
        const answer = await visitor.send('/do/sign_in', { body: form(bytes) })
        expect(answer.status, `${bytes} bytes`).toBe(413)
        expect(wordsOf(answer)).toContain('The form is larger than anything we ask for. Nothing was changed.')
      }
      const unannounced = await visitor.send('/do/sign_in', { body: [form(10_000), 'a'.repeat(10_000)] })
      expect(unannounced.status, 'of a length that is not said').toBe(413)
      const huge = await visitor.send('/do/sign_in', { body: form(200_000) })
      expect([huge.status, huge.headers['x-request-id']], "the proxy's own refusal").toEqual([413, undefined])
      expect(await tryToSignIn(visitor), 'and all goes on').toContain(INCORRECT)
    })

    test('HTTP/2 works, and the same rules hold in it', async ({ start }) => {
      const { proxy } = await start(kind)
      const { username, password } = KEEPER
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
        const strange = await send({ ...form, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, body)
        expect(strange[':status']).toBe(403)
        const signedIn = await send({ ...form, origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' }, body)
        expect([signedIn[':status'], signedIn['location']]).toEqual([302, '/profile'])
        const cookie = (signedIn['set-cookie'] as string[]).map((line) => line.split(';')[0]).join('; ')
        // In two fields, as browsers send them in HTTP/2.
        const profile = await send({ ':path': '/profile', cookie: ['__Host-theme=dark', cookie] as unknown as string })
        expect(profile[':status']).toBe(200)
      } finally {
        session.destroy()
      }
    })

    test("no log of the proxy holds a link's secret, not even when the portal is away", async ({ start }) => {
      const { proxy, portal } = await start(kind)
      const visitor = new RemoteVisitor(proxy)
      const secret = 'c2VjcmV0LW9mLWEtbGluaw'
      const headers = { referer: `${PUBLIC_URL}/confirm/${secret}` }
      const visit = async (): Promise<Answer> => visitor.send(`/auto-login/${secret}`, { headers })
      const answer = await visit()
      expect(answer.body).toContain('This link')
      // The line comes when the answer is gone.
      const has = async (line: RegExp): Promise<true | undefined> => line.test(await proxy.logged()) || undefined
      await until('the line of the request', async () => has(new RegExp(String(answer.headers['x-request-id']))))
      await ask(proxy, { http: true, path: `/auto-login/${secret}`, headers: { host: HOST } })
      await portal.stop()
      expect([502, 503]).toContain((await visit()).status)
      await until('the line of the failure', async () => has(/ 50[23] /))
      expect(await proxy.logged()).not.toContain(secret)
    })
  })

  test.describe(`${kind} itself`, () => {
    test('says once more who the visitor is, and leaves Host, Origin and path as they were', async () => {
      await inFront(kind, async (proxy, upstream) => {
        const headers = {
          host: `${HOST}:443`,
          origin: 'https://elsewhere.example',
          'x-forwarded-for': '203.0.113.1',
          'x-forwarded-proto': 'http',
        }
        const path = '/a/../b//c%2fd?e=%20'
        await ask(proxy, { path, address: '127.0.0.7', headers })
        const seen = upstream.seen.at(-1)
        expect([seen?.url, seen?.headers.host, seen?.headers.origin]).toEqual([path, headers.host, headers.origin])
        expect(seen?.headers['x-forwarded-for']).toBe('203.0.113.1, 127.0.0.7')
        expect(seen?.headers['x-forwarded-proto']).toBe('https')
      })
    })

    test('keeps a form until it is whole', async () => {
      await inFront(kind, async (proxy, upstream) => {
        const slow = connectTls({ host: '127.0.0.1', port: proxy.port, servername: HOST, ca: proxy.certificate })
        await once(slow, 'secureConnect')
        let answer = ''
        slow.on('data', (data: Buffer) => (answer += data.toString()))
        slow.write(`POST /slow HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 10\r\n\r\n01234`)
        // A whole request meanwhile: it is there, so the half one would be, too.
        await ask(proxy, { path: '/quick', headers: { host: HOST } })
        expect(upstream.seen.map(({ url }) => url)).toContain('/quick')
        expect(upstream.seen.map(({ url }) => url)).not.toContain('/slow')
        slow.write('56789')
        await until('the answer to the slow form', async () => (answer.includes('200') ? true : undefined))
        expect(upstream.seen.map(({ url }) => url)).toContain('/slow')
        slow.destroy()
      })
    })

    test('passes on what a live stream says at once, and hangs up when nobody listens any more', async () => {
      await inFront(kind, async (proxy, upstream) => {
        const to = { host: '127.0.0.1', port: proxy.port, servername: HOST, ca: proxy.certificate }
        const asked = { ...to, agent: false as const, path: '/live/desk', headers: { host: HOST } }
        const listening = request(asked).end()
        const soon = { signal: AbortSignal.timeout(5_000) }
        const [stream] = (await once(listening, 'response', soon)) as [IncomingMessage]
        let heard = ''
        stream.on('data', (data: Buffer) => (heard += data.toString()))
        stream.on('error', () => undefined)
        for (const event of ['one', 'two', 'three']) {
          upstream.live?.write(`data: ${event}\n\n`)
          const here = async (): Promise<true | undefined> => (heard.endsWith(`: ${event}\n\n`) ? true : undefined)
          await until(`the event ${event}`, here, 5_000)
        }
        expect(upstream.live?.closed).toBe(false)
        listening.on('error', () => undefined)
        listening.destroy()
        const ended = async (): Promise<true | undefined> => (upstream.live?.destroyed === true ? true : undefined)
        await until('the stream to end behind the proxy', ended, 5_000)
      })
    })
  })
}

/** Something that notes what the proxy sends, where the portal would be. */
interface Upstream {
  seen: { url: string; headers: NodeJS.Dict<string | string[]> }[]
  /** The open answer to who asked for a live stream. */
  live?: ServerResponse
}

async function inFront(kind: Kind, act: (proxy: Proxy, upstream: Upstream) => Promise<void>): Promise<void> {
  const upstream: Upstream = { seen: [] }
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const { url = '', headers } = request
    upstream.seen.push({ url, headers })
    if (url.startsWith('/live')) {
      upstream.live = response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
    } else {
      request.resume()
      request.on('end', () => response.end('ok'))
    }
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
