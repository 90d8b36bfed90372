// Slow clients, floods of connections and malformed HTTP against a portal on 127.0.0.1.
//
// The limits are those of server/src/listener.rs and server/src/http/middleware/ (10 seconds for a header or an idle
// connection, 10 for a form, 2,048 connections, 512 concurrent requests), with a margin for slow machines. Connections of
// trusted proxies may be idle for longer, so a test of idle connections trusts none.
//
// # Guarantees
//
// - The portal closes connections that make no progress.
// - Meanwhile, other visitors are served or get a 503 immediately.
import { Agent } from 'node:http'

import { type HttpResponse, RawConnection, Visitor, sendRequest } from '../support/http.ts'
import { ADMIN } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { test } from '../support/postgres.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** Milliseconds after which all connections without progress are closed. */
const CLOSED_WITHIN = 20_000
/** The maximum response time for other visitors, in milliseconds. */
const PROMPTLY = 1_000
const SLOW_CONNECTIONS = 300
/** More connections than the limit. */
const CONNECTIONS = 2_200
/** More requests than the limit. */
const REQUESTS = 700

/** Returns a request that announces a form of 500 bytes and sends one byte. */
function partialForm(portal: Portal): string {
  const host = new URL(portal.url).host
  const head = `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n`
  return `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nu`
}

/** Waits until all connections are closed, and returns the number of those that are still open after the timeout. */
async function countStillOpen(connections: RawConnection[], timeout = CLOSED_WITHIN): Promise<number> {
  const open = (): number => connections.filter((connection) => connection.closed === undefined).length
  await until('all connections to be closed', async () => (open() === 0 ? true : undefined), timeout).catch(() => undefined)
  return open()
}

/** Opens the sign-in page on a new connection four times a second, until `end`. */
async function visitUntil<T>(portal: Portal, end: Promise<T>): Promise<{ visits: (HttpResponse | Error)[]; result: T }> {
  const visits: (HttpResponse | Error)[] = []
  let hasEnded = false
  const ended = end.finally(() => (hasEnded = true))
  while (!hasEnded) {
    const next = new Promise((resolve) => setTimeout(resolve, 250))
    visits.push(await new Visitor(portal).open('/login').catch((error: Error) => error))
    await next
  }
  return { visits, result: await ended }
}

/** Expects the page from every visit, without a delay. */
function expectServed(visits: (HttpResponse | Error)[]): void {
  expect(visits.length).toBeGreaterThan(0)
  const failures = visits.filter((visit) => visit instanceof Error || visit.status !== 200 || visit.took > PROMPTLY)
  expect(failures.map((visit) => (visit instanceof Error ? visit.message : `${visit.status} after ${visit.took} ms`))).toEqual([])
}

/** Expects the page or a 503 with Retry-After from every visit, within the timeout. */
function expectAnswered(visits: (HttpResponse | Error)[], timeout: number): void {
  expect(visits.length).toBeGreaterThan(0)
  const failures = visits.filter((visit) => {
    if (visit instanceof Error || visit.took > timeout) return true
    return visit.status !== 200 && !(visit.status === 503 && /^\d+$/.test(String(visit.headers['retry-after'])))
  })
  expect(failures.map((visit) => (visit instanceof Error ? visit.message : `${visit.status} after ${visit.took} ms`))).toEqual([])
}

/**
 * Sends the same request on all connections, and waits until no more than `waiting` of them are open. Then it runs `release`, and waits
 * for the others. Expects 200 or 503 with Retry-After, and returns the response times in milliseconds.
 */
async function flood(connections: RawConnection[], request: string, waiting: number, release: () => Promise<void>): Promise<number[]> {
  const sent = performance.now()
  for (const connection of connections) connection.write(request)
  const open = (): number => connections.filter((connection) => connection.closed === undefined).length
  await until('the other requests to be answered', async () => (open() <= waiting ? true : undefined)).finally(release)
  expect(await countStillOpen(connections), 'requests without an answer').toBe(0)
  const wrong = connections.map(({ received }) => received).filter((text) => !/^HTTP\/1\.1 (200 |503 .*\r\nretry-after: \d+\r\n)/is.test(text))
  expect(wrong).toEqual([])
  return connections.map(({ closed = Infinity }) => closed - sent)
}

/** Expects that the process still runs and works. */
async function expectHealthy(portal: Portal): Promise<void> {
  const answer = await new Visitor(portal).open('/login')
  expect(answer.status).toBe(200)
  expect(answer.took).toBeLessThan(PROMPTLY)
  expect(portal.logged).not.toContain('panicked')
}

test('connections with an incomplete header are closed, even if they send a byte a second, and other visitors notice nothing', async ({
  startPortal,
}) => {
  const { portal } = await startPortal({ env: { TRUSTED_PROXIES: 'none' } })
  const [silent, halfway, slow] = [50, SLOW_CONNECTIONS - 50, 100]
  const connections = await RawConnection.openMany(portal.url, silent + halfway + slow)
  const slowly = `GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Patience: ${'a'.repeat(200)}`
  for (const connection of connections.slice(silent, silent + halfway)) connection.write('GET /login HTTP/1.1\r\nHost: 127.')
  let position = 0
  const timer = setInterval(() => {
    for (const connection of connections.slice(-slow)) connection.write(slowly[position] ?? '')
    position += 1
  }, 1_000)
  try {
    const { visits, result } = await visitUntil(portal, countStillOpen(connections))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
  } finally {
    clearInterval(timer)
    for (const connection of connections) connection.end()
  }
})

test('connections with an incomplete form are closed, even if they send a byte a second, and other visitors notice nothing', async ({
  portal,
}) => {
  const connections = await RawConnection.openMany(portal.url, SLOW_CONNECTIONS)
  for (const connection of connections) connection.write(partialForm(portal))
  const timer = setInterval(() => {
    for (const connection of connections.slice(0, SLOW_CONNECTIONS / 2)) connection.write('a')
  }, 1_000)
  try {
    const { visits, result } = await visitUntil(portal, countStillOpen(connections))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
    const responses = connections.map((connection) => connection.received).filter((text) => text !== '' && !/^HTTP\/1\.1 4\d\d /.test(text))
    expect(responses, 'every response is a client error').toEqual([])
  } finally {
    clearInterval(timer)
    for (const connection of connections) connection.end()
  }
})

test('requests above the concurrency limit get a 503 immediately', async ({ postgres, startPortal }) => {
  const database = await postgres.newDatabase()
  const expectedErrors = /session lookup failed|(writing|sending) emails failed/
  const { portal, people } = await startPortal({ admin: ADMIN, env: { DATABASE_URL: database }, expectedErrors })
  const visitor = new Visitor(portal)
  await visitor.signIn(people.admin)
  // The answers are JSON, because a debug build needs seconds for hundreds of error pages.
  const fields = ['Accept: application/json', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 10', 'Connection: close']
  const head = ['POST /do/end_session HTTP/1.1', `Host: ${new URL(portal.url).host}`, `Cookie: ${visitor.cookie}`, ...fields]
  const request = [...head, '', 'handle=404'].join('\r\n')
  // The connections are opened before, because Node.js needs seconds for so many on a busy machine.
  const connections = await RawConnection.openMany(portal.url, REQUESTS)
  // With the table locked, requests of signed-in users wait: the first ones for the table, the others for a database
  // connection, of which there are at most 16.
  const lock = await postgres.lock(database, 'users')
  const times = await flood(connections, request, 16, lock.release)
  expect(times.filter((time) => time > 10_000), 'late answers').toEqual([])
  // Other requests are answered only after the database timeout of five seconds.
  const immediate = times.filter((time) => time < 3_000)
  expect(immediate.length, 'requests rejected immediately').toBeGreaterThanOrEqual(REQUESTS - 512)
  await until('the portal to answer again', async () => ((await visitor.open('/profile')).status === 200 ? true : undefined))
  await expectHealthy(portal)
})

test('connections above the limit get a 503 immediately, and afterwards the portal works as before', async ({ portal }) => {
  const connections = await RawConnection.openMany(portal.url, CONNECTIONS)
  try {
    for (const connection of connections) connection.write('GET /login HTTP/1.1\r\n')
    const { visits, result } = await visitUntil(portal, countStillOpen(connections))
    expect(result, 'connections that are still open').toBe(0)
    expectAnswered(visits, PROMPTLY)
    expect(connections.filter((connection) => connection.received.startsWith('HTTP/1.1 503 ')).length, 'rejected connections').toBeGreaterThanOrEqual(CONNECTIONS - 2_048)
    await expectHealthy(portal)
  } finally {
    for (const connection of connections) connection.end()
  }
})

test('an HTTP/2 preface does not extend the timeout', async ({ portal }) => {
  const connections = await RawConnection.openMany(portal.url, 20)
  const settings = '\x00\x00\x00\x04\x00\x00\x00\x00\x00'
  try {
    for (const connection of connections.slice(0, 10)) connection.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    for (const connection of connections.slice(10)) connection.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`)
    const { visits, result } = await visitUntil(portal, countStillOpen(connections))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
  } finally {
    for (const connection of connections) connection.end()
  }
})

test('malformed HTTP gets a client error or a closed connection, and does no harm', async ({ portal }) => {
  const host = new URL(portal.url).host
  const good = `GET /login HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const cases: [string, string, RegExp][] = [
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n', /^(HTTP\/1\.1 400 |$)/],
    ['garbage after a request', `${good}\x00\x01\x02 garbage\r\n\r\n`, /^HTTP\/1\.1 200 /],
    ['a header field of 100 kB', `GET /login HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${'a'.repeat(100_000)}\r\n\r\n`, /^(HTTP\/1\.1 4(00|31) |$)/],
    [
      'header fields of 100 kB',
      `GET /login HTTP/1.1\r\nHost: ${host}\r\n${'X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2_000)}\r\n`,
      /^(HTTP\/1\.1 4(00|31) |$)/,
    ],
    ['a path of 100 kB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /^(HTTP\/1\.1 4(00|14|31) |$)/],
    ['two hosts', `GET /login HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['two content lengths', `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=bc`, /^(HTTP\/1\.1 400 |$)/],
    [
      'a content length and chunks',
      `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${good}`,
      /^(HTTP\/1\.1 4\d\d |$)/,
    ],
    ['malformed chunks', `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, /^(HTTP\/1\.1 4\d\d |$)/],
  ]
  for (const [name, text, expected] of cases) {
    await test.step(name, async () => {
      const connection = await RawConnection.open(portal.url)
      try {
        connection.write(text)
        await until(`a response or a closed connection for ${name}`, async () => (connection.received !== '' || connection.closed !== undefined ? true : undefined))
        expect.soft(connection.received.slice(0, 200), name).toMatch(expected)
        expect(connection.received, name).not.toContain('HTTP/1.1 500')
        await expectHealthy(portal)
      } finally {
        connection.end()
      }
    })
  }
})

test('a connection can be reused for further requests', async ({ portal }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const sockets = new Set<unknown>()
    agent.on('free', (socket: unknown) => sockets.add(socket))
    for (let visit = 0; visit < 20; visit += 1) {
      const answer = await sendRequest(`${portal.url}/login`, { agent })
      expect(answer.status).toBe(200)
    }
    expect(sockets.size, 'one connection for all requests').toBe(1)
  } finally {
    agent.destroy()
  }
})
