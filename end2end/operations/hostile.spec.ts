// Those who do not want to be served: connections that say half a sentence and wait, more of them than there is room for,
// and bytes that are no HTTP. All of it goes to a portal of this file's own on 127.0.0.1, is bounded, and ends by itself.
//
// The bounds are those of server/src/listen.rs and middleware/ (10 seconds for a header, 10 for a form, 2,048 connections,
// 512 requests at a time) with room for a slow machine. What is guaranteed: who does not go on is cut, and whoever behaves is served
// meanwhile, or told at once to come back.
import { Agent } from 'node:http'

import { type Answer, Line, Visitor, ask } from '../support/http.ts'
import { someone } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { test } from '../support/postgres.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** When everybody who does not go on has been cut, in milliseconds. */
const CUT = 20_000
/** What a visitor waits for a page at most while others besiege the portal. */
const PROMPT = 1_000
const CROWD = 300
/** More than may be connected. */
const FLOOD = 2_200
/** More than are worked on at a time. */
const QUEUE = 700

/** A form whose sender says that there are 500 bytes, and sends one. */
function halfForm(portal: Portal): string {
  const host = new URL(portal.url).host
  const head = `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n`
  return `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nu`
}

/** Waits until all have been cut; answers how many were not in time. */
async function stillOpen(lines: Line[], most = CUT): Promise<number> {
  const open = (): number => lines.filter((line) => line.closed === undefined).length
  await until('everybody to be cut', async () => (open() === 0 ? true : undefined), most).catch(() => undefined)
  return open()
}

/** A visitor who opens the sign-in page on a connection of their own, four times a second, until the end. */
async function visitUntil<T>(portal: Portal, end: Promise<T>): Promise<{ visits: (Answer | Error)[]; result: T }> {
  const visits: (Answer | Error)[] = []
  let over = false
  const ended = end.finally(() => (over = true))
  while (!over) {
    const next = new Promise((resolve) => setTimeout(resolve, 250))
    visits.push(await new Visitor(portal).open('/login').catch((error: Error) => error))
    await next
  }
  return { visits, result: await ended }
}

/** Each visit has brought the page, and none was waited for. */
function expectServed(visits: (Answer | Error)[]): void {
  expect(visits.length).toBeGreaterThan(0)
  const bad = visits.filter((visit) => visit instanceof Error || visit.status !== 200 || visit.took > PROMPT)
  expect(bad.map((visit) => (visit instanceof Error ? visit.message : `${visit.status} after ${visit.took} ms`))).toEqual([])
}

/** Each visit has brought the page or the word to come back, within `most`. */
function expectAnswered(visits: (Answer | Error)[], most: number): void {
  expect(visits.length).toBeGreaterThan(0)
  const bad = visits.filter((visit) => {
    if (visit instanceof Error || visit.took > most) return true
    return visit.status !== 200 && !(visit.status === 503 && /^\d+$/.test(String(visit.headers['retry-after'])))
  })
  expect(bad.map((visit) => (visit instanceof Error ? visit.message : `${visit.status} after ${visit.took} ms`))).toEqual([])
}

/** It is the same process as before, and it works. */
async function expectUnharmed(portal: Portal): Promise<void> {
  const answer = await new Visitor(portal).open('/login')
  expect(answer.status).toBe(200)
  expect(answer.took).toBeLessThan(PROMPT)
  expect(portal.logged).not.toContain('panicked')
}

test('connections that say half a header and no more are cut, a byte a second is no way around it, and visitors notice nothing', async ({
  portal,
}) => {
  const [silent, halfway, slow] = [50, CROWD - 50, 100]
  const lines = await Line.openMany(portal.url, silent + halfway + slow)
  const slowly = `GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Patience: ${'a'.repeat(200)}`
  for (const line of lines.slice(silent, silent + halfway)) line.write('GET /login HTTP/1.1\r\nHost: 127.')
  let at = 0
  const drip = setInterval(() => {
    for (const line of lines.slice(-slow)) line.write(slowly[at] ?? '')
    at += 1
  }, 1_000)
  try {
    const { visits, result } = await visitUntil(portal, stillOpen(lines))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
  } finally {
    clearInterval(drip)
    for (const line of lines) line.end()
  }
})

test('forms that do not come to their end are cut, a byte a second or none, and visitors notice nothing', async ({ portal }) => {
  const lines = await Line.openMany(portal.url, CROWD)
  for (const line of lines) line.write(halfForm(portal))
  const drip = setInterval(() => {
    for (const line of lines.slice(0, CROWD / 2)) line.write('a')
  }, 1_000)
  try {
    const { visits, result } = await visitUntil(portal, stillOpen(lines))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
    const said = lines.map((line) => line.received).filter((text) => text !== '' && !/^HTTP\/1\.1 4\d\d /.test(text))
    expect(said, 'who is told anything is told that it was their fault').toEqual([])
  } finally {
    clearInterval(drip)
    for (const line of lines) line.end()
  }
})

test('past the requests that are worked on at a time, the next are told at once to come back', async ({ postgres, startPortal }) => {
  const database = await postgres.newDatabase()
  const faults = /could not find out who is calling|(writing|sending) emails failed/
  const { portal, people } = await startPortal({ admin: someone('keeper'), env: { DATABASE_URL: database }, faults })
  const visitor = new Visitor(portal)
  await visitor.signIn(people.keeper)
  // With the table locked, whoever is signed in waits: the first for the table, the others for a connection to the database.
  const lock = await postgres.lock(database, 'users')
  let answered = 0
  const asked = Array.from({ length: QUEUE }, async () => {
    const answer = await visitor.open('/profile').catch((error: Error) => error)
    answered += 1
    return answer
  })
  // All but those who have a connection, at most 16.
  await until('the others to be answered', async () => (answered >= QUEUE - 16 ? true : undefined)).finally(lock.release)
  const answers = await Promise.all(asked)
  expectAnswered(answers, 10_000)
  const atOnce = answers.filter((answer) => !(answer instanceof Error) && answer.took < 3_000)
  // Nobody else has an answer before the database's five seconds are over.
  expect(atOnce.length, 'turned away at once').toBeGreaterThanOrEqual(QUEUE - 512)
  await until('the portal to serve again', async () => ((await visitor.open('/profile')).status === 200 ? true : undefined))
  await expectUnharmed(portal)
})

test('more connections than there is room for: the next are told so at once, and afterwards all is as before', async ({ portal }) => {
  const lines = await Line.openMany(portal.url, FLOOD)
  try {
    for (const line of lines) line.write('GET /login HTTP/1.1\r\n')
    const { visits, result } = await visitUntil(portal, stillOpen(lines))
    expect(result, 'connections that are still open').toBe(0)
    expectAnswered(visits, PROMPT)
    expect(lines.filter((line) => line.received.startsWith('HTTP/1.1 503 ')).length, 'turned away').toBeGreaterThanOrEqual(FLOOD - 2_048)
    await expectUnharmed(portal)
  } finally {
    for (const line of lines) line.end()
  }
})

test('a connection that speaks HTTP/2 unasked gets no more time than others', async ({ portal }) => {
  const lines = await Line.openMany(portal.url, 20)
  const settings = '\x00\x00\x00\x04\x00\x00\x00\x00\x00'
  try {
    for (const line of lines.slice(0, 10)) line.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    for (const line of lines.slice(10)) line.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`)
    const { visits, result } = await visitUntil(portal, stillOpen(lines))
    expect(result, 'connections that are still open').toBe(0)
    expectServed(visits)
  } finally {
    for (const line of lines) line.end()
  }
})

test('what is no HTTP is answered with a refusal or a closed connection, and harms nobody', async ({ portal }) => {
  const host = new URL(portal.url).host
  const good = `GET /login HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const cases: [string, string, RegExp][] = [
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n', /^(HTTP\/1\.1 400 |$)/],
    ['garbage after a request', `${good}\x00\x01\x02 garbage\r\n\r\n`, /^HTTP\/1\.1 200 /],
    ['a header of 100 kB', `GET /login HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${'a'.repeat(100_000)}\r\n\r\n`, /^(HTTP\/1\.1 4(00|31) |$)/],
    [
      'headers of 100 kB',
      `GET /login HTTP/1.1\r\nHost: ${host}\r\n${'X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2_000)}\r\n`,
      /^(HTTP\/1\.1 4(00|31) |$)/,
    ],
    ['an address of 100 kB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /^(HTTP\/1\.1 4(00|14|31) |$)/],
    ['two lengths', `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=bc`, /^(HTTP\/1\.1 400 |$)/],
    [
      'a length and chunks',
      `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${good}`,
      /^(HTTP\/1\.1 4\d\d |$)/,
    ],
    ['chunks that are none', `POST /do/sign_in HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, /^(HTTP\/1\.1 4\d\d |$)/],
  ]
  for (const [name, text, fits] of cases) {
    await test.step(name, async () => {
      const line = await Line.open(portal.url)
      try {
        line.write(text)
        await until(`an answer or an end to ${name}`, async () => (line.received !== '' || line.closed !== undefined ? true : undefined))
        expect.soft(line.received.slice(0, 200), name).toMatch(fits)
        expect(line.received, name).not.toContain('HTTP/1.1 500')
        await expectUnharmed(portal)
      } finally {
        line.end()
      }
    })
  }
})

test('whoever keeps their connection is served on it again', async ({ portal }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const sockets = new Set<unknown>()
    agent.on('free', (socket: unknown) => sockets.add(socket))
    for (let visit = 0; visit < 20; visit += 1) {
      const answer = await ask(`${portal.url}/login`, { agent })
      expect(answer.status).toBe(200)
    }
    expect(sockets.size, 'one connection for all').toBe(1)
  } finally {
    agent.destroy()
  }
})
