// Outages of the services that the portal depends on: the pages that people see, and the recovery without a restart. Each
// test stops the real thing: it kills or freezes a process, closes the connection to the mail server or fills a file system.
//
// Response times are part of the tests. The limits are those of docs/reference/limits.md, with a margin.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { type HttpResponse, TcpProxy, Visitor, mainText, sendRequest } from '../support/http.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import type { Person, Portal } from '../support/portal.ts'
import { type Postgres, test } from '../support/postgres.ts'
import { Redis, startCluster, startWithSentinel } from '../support/redis.ts'
import { MailServer } from '../support/smtp.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

/** A command to Redis may take a second. The rest is a margin. */
const REDIS_WAIT = 2_500
/** Signing in needs two commands: one for the counters and one for the session. */
const SIGN_IN_WAIT = REDIS_WAIT + 1_000
/** A database connection may take five seconds. The rest is a margin. */
const DATABASE_WAIT = 6_500
/** The maximum response time of requests that do not need the missing service. */
const IMMEDIATELY = 1_000

const UNAVAILABLE = 'The portal is not available right now Try again in a moment.'
const INTERNAL_ERROR = /Something went wrong on our side\. If it happens again, tell your administrator and quote reference [0-9A-Z]{4}-[0-9A-Z]{4}\. Nothing has changed\./

const FAILURES = ['gone', 'hanging'] as const

/** Expects the error page that a signed-in person gets while sessions cannot be checked. */
function expectUnavailable(answer: HttpResponse, timeout: number): void {
  expect(answer.status, answer.description).toBe(503)
  expect(answer.headers['retry-after'], answer.description).toMatch(/^\d+$/)
  expect(mainText(answer), answer.description).toContain(UNAVAILABLE)
  expectNoInternals(answer, timeout)
}

/** Expects a response in time that contains no internal details. */
function expectNoInternals(answer: HttpResponse, timeout: number): void {
  // Sealed cookies are random and may contain any text.
  const headers = { ...answer.headers, 'set-cookie': undefined, 'content-security-policy': undefined }
  const text = `${JSON.stringify(headers)} ${mainText(answer)}`
  expect(text, answer.description).not.toMatch(/sqlx|sea.?orm|postgres|sqlite|redis|smtp|database|pool|timed out|os error|panick/i)
  expect(answer.took, `the time of ${answer.description}`).toBeLessThan(timeout)
}

/** Expects the JSON result of an error: a 503 with Retry-After, or a 500 with the number for the reference. */
function expectErrorResult(answer: HttpResponse, timeout: number): void {
  const text = Object.keys(JSON.parse(answer.body) as object)
  if (answer.status === 503) {
    expect(answer.headers['retry-after'], answer.description).toMatch(/^\d+$/)
    expect(text, answer.description).toEqual(['refused'])
  } else {
    expect(answer.status, answer.description).toBe(500)
    expect(text, answer.description).toEqual(['internal'])
  }
  expectNoInternals(answer, timeout)
}

async function readiness(portal: Portal): Promise<{ status: number; state: unknown; took: number }> {
  const answer = await sendRequest(`${portal.url}/readyz`)
  return { status: answer.status, state: JSON.parse(answer.body), took: answer.took }
}

/** Returns the readiness once it has changed. The previous answer is cached for a second. */
async function untilUnready(portal: Portal): ReturnType<typeof readiness> {
  return until('the portal not to be ready', async () => {
    const answer = await readiness(portal)
    return answer.status === 200 ? undefined : answer
  })
}

async function untilReady(portal: Portal): Promise<void> {
  await until('the portal to be ready again', async () => ((await readiness(portal)).status === 200 ? true : undefined))
}

/** Expects that the process is alive and that pages without dependencies work as usual. */
async function expectPublicPages(portal: Portal): Promise<void> {
  const visitor = new Visitor(portal)
  for (const page of ['/', '/login', '/register', '/healthz']) {
    const answer = await visitor.open(page)
    expect(answer.status, page).toBe(200)
    expect(answer.took, page).toBeLessThan(IMMEDIATELY)
  }
}

function registration({ username, email, password }: Person): Record<string, string> {
  return { username, email, password, confirm_password: password }
}

test.describe('Redis', () => {
  for (const failure of FAILURES) {
    test(`while it is ${failure}, a signed-in person gets an error in time, public pages work, and the portal recovers`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const { portal, people } = await startPortal({
        admin: ADMIN,
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
        expectedErrors: /session lookup failed|action failed/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      expect((await visitor.open('/profile')).status).toBe(200)

      await test.step('the outage begins', async () => {
        if (failure === 'gone') await redis.crash()
        else redis.freeze()
      })

      await test.step('pages and actions of a signed-in person', async () => {
        const [signOutResult, ...pages] = await Promise.all([
          visitor.send('sign_out', {}),
          visitor.submit('sign_out', {}),
          ...['/profile', '/', '/login'].map(async (page) => visitor.open(page)),
        ])
        for (const page of pages) expectUnavailable(page, REDIS_WAIT)
        expect(signOutResult.status).toBe(503)
        expect(signOutResult.headers['retry-after']).toMatch(/^\d+$/)
        expect(JSON.parse(signOutResult.body)).toMatchObject({ refused: { form: { busy: 5 } } })
      })
      await test.step('the readiness of the portal', async () => {
        const { status, state, took } = await untilUnready(portal)
        expect(status).toBe(503)
        expect(state).toEqual({ ready: false, database: 'up', redis: 'down', email: 'up', cleanup: 'up' })
        expect(took).toBeLessThan(REDIS_WAIT)
      })
      await test.step('visitors', async () => {
        await expectPublicPages(portal)
        const bert = newPerson('bert')
        const registered = await new Visitor(portal).submit('register', registration(bert))
        expect(mainText(registered), 'registration needs no session').toContain('Your account has been created')
      })

      await test.step('the outage ends', async () => {
        if (failure === 'gone') await redis.startAgain()
        else redis.resume()
        await untilReady(portal)
        if (failure === 'hanging') {
          expect((await visitor.open('/profile')).status, 'the session is kept').toBe(200)
          return
        }
        const answer = await visitor.open('/profile')
        expect(answer.status, 'the session is lost with the data').toBe(302)
        expect(answer.headers.location).toBe('/login?next=%2Fprofile')
        expect(mainText(await visitor.open('/login?next=%2Fprofile'))).toContain('Your session has ended. Sign in to continue.')
        await visitor.signIn(ada)
        expect((await visitor.open('/profile')).status).toBe(200)
      })
    })
  }
})

test.describe('Redis', () => {
  for (const failure of FAILURES) {
    test(`while it is ${failure}, sign-in fails in time with an error`, async ({ afterPortals, postgres, startPortal }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const { portal, people } = await startPortal({
        admin: ADMIN,
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
        expectedErrors: /action failed/,
      })
      const ada = await people.active()
      const { username, password } = ada
      if (failure === 'gone') await redis.crash()
      else redis.freeze()
      const page = new Visitor(portal).submit('sign_in', { username, password })
      // For two seconds after they have noticed the outage, the counters send no command.
      await until('the counters to notice the outage', async () => {
        return portal.logged.includes('rate limits are per process') ? true : undefined
      })
      expectErrorResult(await new Visitor(portal).send('sign_in', { username, password }), REDIS_WAIT)
      expectUnavailable(await page, SIGN_IN_WAIT)

      if (failure === 'gone') await redis.startAgain()
      else redis.resume()
      await untilReady(portal)
      await new Visitor(portal).signIn(ada)
    })
  }
})

test.describe('PostgreSQL', () => {
  for (const failure of FAILURES) {
    test(`while it is ${failure}, every request gets an answer in time, nothing is half done, and the portal recovers`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const database = await postgres.newDatabase()
      const { portal, people } = await startPortal({
        admin: ADMIN,
        env: { DATABASE_URL: database, REDIS_URL: redis.url },
        expectedErrors: /session lookup failed|action failed|(writing|sending) emails failed|cleanup failed/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      expect((await visitor.open('/profile')).status).toBe(200)
      const [bert, grace] = [newPerson('bert'), newPerson('grace')]

      await test.step('the outage begins', async () => {
        if (failure === 'gone') await postgres.crash()
        else postgres.freeze()
      })

      await test.step('all kinds of requests at the same time', async () => {
        const visitors = Array.from({ length: 4 }, () => new Visitor(portal))
        const [page, action, plain, scripted, signIn, state] = await Promise.all([
          visitor.open('/profile'),
          visitor.submit('sign_out', {}),
          visitors[0]?.submit('register', registration(bert)),
          visitors[1]?.send('register', registration(grace)),
          visitors[2]?.submit('sign_in', { username: ada.username, password: ada.password }),
          untilUnready(portal),
          expectPublicPages(portal),
        ])
        expectUnavailable(page, DATABASE_WAIT)
        expectUnavailable(action, DATABASE_WAIT)
        for (const answer of [plain, signIn]) expectUnavailable(answer as HttpResponse, DATABASE_WAIT)
        expectErrorResult(scripted as HttpResponse, DATABASE_WAIT)
        expect(state).toMatchObject({ status: 503, state: { ready: false, database: 'down', redis: 'up' } })
        expect(state.took).toBeLessThan(DATABASE_WAIT)
      })

      await test.step('the outage ends', async () => {
        if (failure === 'gone') await postgres.startAgain()
        else postgres.resume()
        await untilReady(portal)
        expect((await visitor.open('/profile')).status, 'the session is kept').toBe(200)
      })

      await test.step('nothing is left behind, and the same registrations work', async () => {
        for (const person of [bert, grace]) {
          expect(await countOf(postgres, database, person)).toEqual(['0', '0', '0'])
          const repeated = await new Visitor(portal).submit('register', registration(person))
          expect(mainText(repeated)).toContain('Your account has been created')
          await portal.emails.wait(person.email, /^Confirm your email address/)
          expect(await countOf(postgres, database, person)).toEqual(['1', '1', '1'])
          expect(await portal.emails.to(person.email, /./)).toHaveLength(1)
        }
      })
    })
  }

  test('a request under way when it freezes gets an answer, and nothing is half done', async ({
    postgres,
    startPortal,
  }) => {
    const database = await postgres.newDatabase()
    const { portal, people } = await startPortal({
      admin: ADMIN,
      env: { DATABASE_URL: database },
      expectedErrors: /session lookup failed|action failed|(writing|sending) emails failed|cleanup failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)
    const bert = newPerson('bert')

    // With the table locked, a page and a registration wait in the middle of a query.
    const lock = await postgres.lock(database, 'users')
    const [page, action] = [
      visitor.open('/profile', 2 * DATABASE_WAIT).catch((error: Error) => error),
      new Visitor(portal).send('register', registration(bert), 2 * DATABASE_WAIT).catch((error: Error) => error),
    ]
    await lock.until(2)
    postgres.freeze()
    const answers = await Promise.all([page, action])
    const state = await untilUnready(portal)
    postgres.resume()
    await lock.release()
    await untilReady(portal)

    await test.step('nothing is half done, and the portal recovers', async () => {
      expect((await visitor.open('/profile')).status).toBe(200)
      // By now the registration is either done or not.
      const isRegistered = await until('the registration to end', async () => {
        const [users, audit] = await countOf(postgres, database, bert)
        return users === audit ? users === '1' : undefined
      })
      const repeated = await new Visitor(portal).send('register', registration(bert))
      expect(repeated.body).toContain(isRegistered ? 'username_taken' : '{"goto":"/login"}')
      await portal.emails.wait(bert.email, /^Confirm your email address/)
      expect(await countOf(postgres, database, bert)).toEqual(['1', '1', '1'])
    })
    await test.step('both requests got an answer', async () => {
      expect(state).toMatchObject({ status: 503, state: { ready: false, database: 'down' } })
      expect(answers.map((answer) => (answer instanceof Error ? answer.message : answer.status))).toEqual([503, expect.any(Number)])
      for (const answer of answers) if (!(answer instanceof Error)) expectNoInternals(answer, 2 * DATABASE_WAIT)
    })
  })
})

test.describe('the connection to Redis', () => {
  const failures = {
    'while others are answered': (proxy: TcpProxy) => proxy.freezeConnections(),
    'while new ones are not answered either': (proxy: TcpProxy) => proxy.stopResponding(),
  }
  for (const [failure, close] of Object.entries(failures)) {
    test(`a connection that is never answered again is closed, ${failure}`, async ({ afterPortals, postgres, startPortal }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const proxy = await TcpProxy.to(redis.url)
      afterPortals(async () => proxy.close())
      const { portal, people } = await startPortal({
        admin: ADMIN,
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: proxy.url },
        expectedErrors: /session lookup failed/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      close(proxy)
      expectUnavailable(await visitor.open('/profile'), REDIS_WAIT)
      await until('the portal to notice', async () => (portal.logged.includes('Redis connection unresponsive') ? true : undefined), 30_000)
      await expectPublicPages(portal)
      if (close === failures['while new ones are not answered either']) await proxy.open()
      await until('the portal to be ready again, without a restart', async () => {
        return (await readiness(portal)).status === 200 ? true : undefined
      }, 30_000)
      expect((await visitor.open('/profile')).status).toBe(200)
      await new Visitor(portal).signIn(ada)
    })
  }
})

test('after a failover of Redis, the portal connects to the new primary behind the same URL', async ({
  afterPortals,
  postgres,
  startPortal,
}) => {
  const [first, second] = [await Redis.start(), await Redis.start()]
  for (const redis of [first, second]) afterPortals(async () => redis.remove())
  const proxy = await TcpProxy.to(first.url)
  afterPortals(async () => proxy.close())
  const { portal, people } = await startPortal({
    admin: ADMIN,
    env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: proxy.url },
    expectedErrors: /session lookup failed|action failed/,
  })
  const ada = await people.active()
  const visitor = new Visitor(portal)
  await visitor.signIn(ada)

  // The second server has the data of the first and takes its place. The portal's connection still leads to the first.
  await second.replicate(first)
  proxy.retarget(second.url)
  await second.run('REPLICAOF', 'NO', 'ONE')
  await first.replicate(second)
  const password = { username: ada.username, password: ada.password }
  await until('a sign-in to succeed, without a restart', async () => {
    return (await new Visitor(portal).send('sign_in', password)).body === '{"goto":"/profile"}' ? true : undefined
  })
  expect((await readiness(portal)).state).toMatchObject({ redis: 'up' })
  expect((await visitor.open('/profile')).status, 'the session is kept').toBe(200)
  expect(portal.logged.split('Redis is read-only').length - 1, 'logged once').toBe(1)
})

for (const [kind, start] of [['Sentinel', startWithSentinel], ['a cluster', startCluster]] as const) {
  test(`with ${kind}, the portal uses the new primary after the old one is killed`, async ({
    afterPortals,
    postgres,
    startPortal,
  }) => {
    const redis = await start()
    afterPortals(redis.remove)
    const { portal, people } = await startPortal({
      admin: ADMIN,
      env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
      expectedErrors: /session lookup failed|action failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)
    expect((await readiness(portal)).state).toMatchObject({ redis: 'up' })
    // Redis replicates asynchronously: a sign-in that only the primary knows would be lost.
    await redis.primary.untilReplicated()
    await redis.primary.crash()
    const password = { username: ada.username, password: ada.password }
    await until('a sign-in to succeed, without a restart', async () => {
      return (await new Visitor(portal).send('sign_in', password)).body === '{"goto":"/profile"}' ? true : undefined
    })
    await untilReady(portal)
    expect((await visitor.open('/profile')).status, 'the session is kept').toBe(200)
  })
}

test.describe('the connection to PostgreSQL', () => {
  test('a connection that is never answered again does not block email', async ({ afterPortals, postgres, startPortal }) => {
    const database = await postgres.newDatabase()
    const proxy = await TcpProxy.to(database)
    afterPortals(async () => proxy.close())
    const address = new URL(database)
    address.port = new URL(proxy.url).port
    const { portal } = await startPortal({
      admin: ADMIN,
      env: { DATABASE_URL: address.href },
      expectedErrors: /(writing|sending) emails failed/,
    })
    // The worker is in the middle of a query that turns jobs into emails. (The cleanup, which starts with the portal
    // and has a longer timeout, reads other tables.)
    const lock = await postgres.lock(database, 'email_jobs')
    await new Visitor(portal).send('ask_reset', { email: newPerson('unknown').email })
    await lock.until(1)
    proxy.freezeConnections()
    await lock.release()
    await until('the portal to be ready, on another connection', async () => {
      return (await readiness(portal)).status === 200 ? true : undefined
    }, 30_000)
    const bert = newPerson('bert')
    expect((await new Visitor(portal).send('register', registration(bert))).body).toBe('{"goto":"/login"}')
    await until('the worker to stop waiting', async () => {
      return portal.logged.includes('could not get an answer from the database') ? true : undefined
    })
    // The worker continues within 15 seconds.
    await until('the email', async () => (await portal.emails.to(bert.email, /^Confirm your email address/))[0], 20_000)
  })

  test('connections that are never answered again block requests only briefly, as after a failover or behind a firewall that drops them', async ({
    afterPortals,
    postgres,
    startPortal,
  }) => {
    const database = await postgres.newDatabase()
    const proxy = await TcpProxy.to(database)
    afterPortals(async () => proxy.close())
    const address = new URL(database)
    address.port = new URL(proxy.url).port
    const { portal, people } = await startPortal({
      admin: ADMIN,
      env: { DATABASE_URL: address.href },
      expectedErrors: /session lookup failed|action failed|(writing|sending) emails failed|cleanup failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)

    // Enough requests wait in the middle of a query to occupy every connection of the pool.
    const lock = await postgres.lock(database, 'users')
    const requests = Promise.all(
      Array.from({ length: 16 }, async () => visitor.open('/profile', 2 * DATABASE_WAIT).catch((error: Error) => error.message)),
    )
    await lock.until(15)
    proxy.freezeConnections()
    await lock.release()
    // A request that times out abandons its connection.
    await requests
    await until('the portal to be ready again, without a restart', async () => {
      return (await readiness(portal)).status === 200 ? true : undefined
    }, 30_000)
    expect((await visitor.open('/profile')).status).toBe(200)
    const bert = newPerson('bert')
    expect((await new Visitor(portal).send('register', registration(bert))).body).toBe('{"goto":"/login"}')
    await portal.emails.wait(bert.email, /^Confirm your email address/)
  })
})

/** Returns the numbers of users, audit rows and emails of a person. */
async function countOf(postgres: Postgres, database: string, { username, email }: Person): Promise<string[]> {
  const [row = []] = await postgres.query(
    database,
    `SELECT (SELECT count(*) FROM users WHERE username = '${username}'),
            (SELECT count(*) FROM audit WHERE action = 'user.register' AND subject_name = '${username}'),
            (SELECT count(*) FROM outbox WHERE recipient = '${email}')`,
  )
  return row
}

/** Returns true if every email has been sent, and undefined otherwise, for `until`. */
async function allSent(postgres: Postgres, database: string): Promise<true | undefined> {
  const [row] = await postgres.query(database, "SELECT count(*) FROM outbox WHERE state <> 'sent'")
  return row?.[0] === '0' ? true : undefined
}

test.describe('the mail server', () => {
  for (const failure of FAILURES) {
    test(`while it is ${failure}, people register and are approved as usual, and each of their emails arrives once afterwards`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const server = await MailServer.start()
      afterPortals(async () => server.stop())
      const proxy = await TcpProxy.to(server.url)
      afterPortals(async () => proxy.close())
      const database = await postgres.newDatabase()
      const { portal, people } = await startPortal({
        admin: ADMIN,
        env: { DATABASE_URL: database, MAIL_TRANSPORT: 'smtp', SMTP_URL: proxy.url, ADMIN_EMAIL: 'admins@example.org', LIMIT_RESET: '100000/1h' },
      })
      await people.pending('before')
      await server.wait('admins@example.org', /has asked to join/)
      // The server has the email, but the portal may not have received the response. It would wait for it if the
      // connection broke now.
      await until('all emails so far to be sent', () => allSent(postgres, database))

      if (failure === 'gone') await proxy.close()
      else proxy.stopResponding()
      const admin = new Visitor(portal)
      await admin.signIn(people.admin)
      const ada = newPerson('ada')
      const registered = await new Visitor(portal).send('register', registration(ada))
      const id = String(await people.idOf(ada.username))
      const approved = await admin.send('decide', { id, decision: 'approve', stay: 'yes' })
      for (const answer of [registered, approved]) {
        expect(answer.body, answer.description).toMatch(/goto|done/)
        expect(answer.took, 'no delay').toBeLessThan(IMMEDIATELY)
      }
      expect((await sendRequest(`${portal.url}/readyz`)).status, 'the portal is ready without email').toBe(200)

      const PENDING_EMAILS = `SELECT kind, attempts, due_at - created_at, leased_until FROM outbox
                       WHERE recipient = '${ada.email}' AND state = 'pending' ORDER BY id`
      if (failure === 'gone') {
        await test.step('the emails wait, half a minute at first', async () => {
          const emails = await until('both emails to be tried', async () => {
            const rows = await postgres.query(database, PENDING_EMAILS)
            // An attempt is counted before it begins.
            const tried = rows.every(([, attempts, , leased]) => attempts === '1' && leased === '0')
            return rows.length === 2 && tried ? rows : undefined
          })
          for (const [kind, , wait] of emails) {
            expect(Number(wait) / 1_000_000, kind).toBeGreaterThanOrEqual(30)
            expect(Number(wait) / 1_000_000, kind).toBeLessThan(50)
          }
        })
      } else {
        await until('the first email to be under way', async () => {
          const emails = await postgres.query(database, PENDING_EMAILS)
          return emails.some(([, attempts]) => attempts === '1') ? true : undefined
        })
      }

      await test.step('after the outage, the emails arrive', async () => {
        await proxy.open()
        // A minute passes: the wait of every email has ended.
        const newcomer = newPerson('carl')
        await new Visitor(portal).send('register', registration(newcomer))
        await until('the emails to arrive', async () => {
          await postgres.query(database, "UPDATE outbox SET due_at = 0 WHERE state = 'pending'")
          // Every request wakes the worker.
          await new Visitor(portal).send('ask_reset', { email: newPerson('unknown').email })
          return server.accepted.filter((email) => email.to === ada.email).length >= 2 ? true : undefined
        }, 40_000)
        await server.wait(newcomer.email, /^Confirm your email address/)
        await until('all emails to be sent', () => allSent(postgres, database))
        const subjects = server.accepted.filter((email) => email.to === ada.email).map((email) => email.subject)
        expect(subjects.sort(), 'each email once').toEqual([
          expect.stringMatching(/^Confirm your email address/),
          expect.stringMatching(/approved$/),
        ])
      })
    })
  }
})

test.describe('a full disk with SQLite', () => {
  const expectedErrors = /action failed|(writing|sending) emails failed|cleanup failed|session lookup failed/

  test('actions report that nothing has changed, and work again once there is space', async ({ afterPortals, startPortal }) => {
    const disk = await SmallDisk.make()
    afterPortals(async () => disk.remove())
    const { portal, people } = await startPortal({ admin: ADMIN, env: disk.env, wrapper: disk.wrapper, expectedErrors })
    const ada = await people.active()
    const bert = await people.pendingConfirmed('bert')
    const carl = newPerson('carl')
    const admin = new Visitor(portal)
    await admin.signIn(people.admin)
    const approval = { id: String(bert.id), decision: 'approve', stay: 'yes' }

    await disk.fill(portal)
    await test.step('actions report that nothing has changed', async () => {
      // The free space in the file is used first.
      await until('the disk to be full for the portal', async () => {
        const answer = await new Visitor(portal).send('register', registration(newPerson('filler')))
        return answer.status === 200 ? undefined : true
      })
      const refused = await new Visitor(portal).submit('register', registration(carl))
      if (refused.status === 503) expectUnavailable(refused, DATABASE_WAIT)
      else expect(mainText(refused)).toMatch(INTERNAL_ERROR)
      expectNoInternals(refused, DATABASE_WAIT)
      expectErrorResult(await new Visitor(portal).send('register', registration(carl)), DATABASE_WAIT)
      expectErrorResult(await new Visitor(portal).send('sign_in', { username: ada.username, password: ada.password }), DATABASE_WAIT)
      expectErrorResult(await admin.send('decide', approval), DATABASE_WAIT)
      expect((await admin.open(`/admin/users/${bert.id}`)).body, 'the status has not changed').toContain('Pending')
      await expectPublicPages(portal)
    })

    await disk.free(portal)
    await test.step('with free space the actions work, and every confirmed registration has created an account', async () => {
      const registered = await new Visitor(portal).submit('register', registration(carl))
      expect(mainText(registered)).toContain('Your account has been created')
      const more = Array.from({ length: 10 }, () => newPerson('dora'))
      for (const person of more) {
        const answer = await new Visitor(portal).send('register', registration(person))
        expect(answer.body, person.username).toBe('{"goto":"/login"}')
      }
      const decided = await admin.send('decide', approval)
      expect(Object.keys(JSON.parse(decided.body) as object)).toEqual(['done'])
      // Another process reads the file itself, and not the cache of one of the portal's connections.
      for (const person of [carl, ...more]) {
        const [row] = await portal.query(`SELECT count(*) FROM users WHERE username = '${person.username}'`, disk.database)
        expect(row, `${person.username} is in the database`).toEqual(['1'])
        await portal.emails.wait(person.email, /^Confirm your email address/)
      }
      await portal.emails.wait(bert.email, /approved$/)
      await new Visitor(portal).signIn(ada)
    })
  })

  test('signed-in people can read their pages, although the time of their visit cannot be recorded', async ({
    afterPortals,
    startPortal,
  }) => {
    const disk = await SmallDisk.make()
    afterPortals(async () => disk.remove())
    const { portal, people } = await startPortal({ admin: ADMIN, env: disk.env, wrapper: disk.wrapper, expectedErrors })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    const admin = new Visitor(portal)
    await visitor.signIn(ada)
    await admin.signIn(people.admin)
    // Two minutes pass, so the next request would record the time of the visit.
    await portal.query('UPDATE user_sessions SET last_seen_at = last_seen_at - 120000000', disk.database)
    await disk.fill(portal)
    await until('the disk to be full for the portal', async () => {
      const answer = await new Visitor(portal).send('register', registration(newPerson('filler')))
      return answer.status === 200 ? undefined : true
    })
    for (let times = 0; times < 3; times += 1) {
      const profile = await visitor.open('/profile')
      expect(profile.status, mainText(profile)).toBe(200)
      expect(profile.body).toContain(ada.username)
      expect((await admin.open('/admin')).status).toBe(200)
    }
    await disk.free(portal)
  })
})

/**
 * A folder for a database that can be filled up. As root, it is a file system of its own. Otherwise the size of the
 * program's files is limited, which has the same effect on a database.
 */
class SmallDisk {
  /**
   * Mebibytes. The unfilled disk must have space for everything that the portal does: SQLite's write-ahead log grows to
   * a thousand pages of 4 KiB before a checkpoint.
   */
  private static readonly SIZE = 8

  private constructor(
    private readonly folder: string,
    private readonly mounted: boolean,
  ) {}

  static async make(): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-disk-'))
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${SmallDisk.SIZE}m,mode=700`, 'vestibule-test', folder]).then(
      () => true,
      () => false,
    )
    return new SmallDisk(folder, mounted)
  }

  get database(): string {
    return join(this.folder, 'portal.db')
  }

  get env(): Record<string, string> {
    return { DATABASE_URL: `sqlite://${this.database}` }
  }

  /** Exceeding the limit sends a signal that ends the process by default. On a full disk there is no signal. */
  get wrapper(): string[] {
    return this.mounted ? [] : ['sh', '-c', 'trap "" XFSZ; exec "$0" "$@"']
  }

  async fill(portal: Portal): Promise<void> {
    if (!this.mounted) return this.limitFileSize(portal, String(4096))
    // The ballast is larger than the disk, so writing it ends in an error and fills the last partial page.
    await expect(writeFile(join(this.folder, 'ballast'), Buffer.alloc(SmallDisk.SIZE * 1024 * 1024))).rejects.toThrow(/ENOSPC/)
  }

  async free(portal: Portal): Promise<void> {
    if (this.mounted) await rm(join(this.folder, 'ballast'))
    else await this.limitFileSize(portal, 'unlimited')
  }

  private async limitFileSize(portal: Portal, limit: string): Promise<void> {
    await run('prlimit', ['--pid', String(portal.pid), `--fsize=${limit}:`])
  }

  /** The portal's files are still open. The file system disappears when they are closed. */
  async remove(): Promise<void> {
    if (this.mounted) await run('umount', ['--lazy', this.folder])
    await rm(this.folder, { recursive: true, force: true })
  }
}
