// What people see while something that the portal depends on is gone or does not answer, and that all is well again
// once it is back, without a restart. Each test takes away the real thing: a process is killed or frozen, a door to the
// mail server shut, a file system filled.
//
// How long anybody waits for an answer is part of it; the bounds are those of docs/operating.md with a little on top.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { type Answer, Door, Visitor, ask, wordsOf } from '../support/http.ts'
import { someone } from '../support/people.ts'
import type { Person, Portal } from '../support/portal.ts'
import { type Postgres, test } from '../support/postgres.ts'
import { Redis, startCluster, startWithSentinel } from '../support/redis.ts'
import { MailServer } from '../support/smtp.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

/** A command to Redis may take a second; the rest is ours. */
const REDIS_WAIT = 2_500
/** Signing in gives two commands, the counters' and the session's. */
const SIGN_IN_WAIT = REDIS_WAIT + 1_000
/** A connection to the database is waited for for five seconds; the rest is ours. */
const DATABASE_WAIT = 6_500
/** What needs nothing that is missing is answered as ever. */
const AT_ONCE = 1_000

const DEAD_END = "The portal can't answer right now Nothing was changed. Try again in a moment."
const OUR_FAULT = /Something went wrong on our side, and nothing was changed\. Reference [0-9A-Z]{4}-[0-9A-Z]{4}\./

const WAYS = ['gone', 'hanging'] as const

/** The page that somebody with a session gets while nobody can tell whose it is. */
function expectDeadEnd(answer: Answer, most: number): void {
  expect(answer.status, answer.what).toBe(503)
  expect(answer.headers['retry-after'], answer.what).toMatch(/^\d+$/)
  expect(wordsOf(answer), answer.what).toContain(DEAD_END)
  expectDiscreet(answer, most)
}

/** No answer says what is wrong inside, and none is waited for too long. */
function expectDiscreet(answer: Answer, most: number): void {
  // Sealed cookies are random, and may spell anything.
  const headers = { ...answer.headers, 'set-cookie': undefined, 'content-security-policy': undefined }
  const said = `${JSON.stringify(headers)} ${wordsOf(answer)}`
  expect(said, answer.what).not.toMatch(/sqlx|sea.?orm|postgres|sqlite|redis|smtp|database|pool|timed out|os error|panick/i)
  expect(answer.took, `${answer.what} is answered in time`).toBeLessThan(most)
}

/** How scripts are told: to come again, or that it was our fault, with the number that becomes the reference. */
function expectFault(answer: Answer, most: number): void {
  const said = Object.keys(JSON.parse(answer.body) as object)
  if (answer.status === 503) {
    expect(answer.headers['retry-after'], answer.what).toMatch(/^\d+$/)
    expect(said, answer.what).toEqual(['refused'])
  } else {
    expect(answer.status, answer.what).toBe(500)
    expect(said, answer.what).toEqual(['internal'])
  }
  expectDiscreet(answer, most)
}

async function readiness(portal: Portal): Promise<{ status: number; state: unknown; took: number }> {
  const answer = await ask(`${portal.url}/readyz`)
  return { status: answer.status, state: JSON.parse(answer.body), took: answer.took }
}

/** The answer once it is about the present: one of before is given for a second. */
async function untilUnready(portal: Portal): ReturnType<typeof readiness> {
  return until('the portal to say that it is not ready', async () => {
    const answer = await readiness(portal)
    return answer.status === 200 ? undefined : answer
  })
}

async function untilReady(portal: Portal): Promise<void> {
  await until('the portal to be ready again', async () => ((await readiness(portal)).status === 200 ? true : undefined))
}

/** The process lives and says so, and pages that need nothing come as ever. */
async function expectOpenToStrangers(portal: Portal): Promise<void> {
  const stranger = new Visitor(portal)
  for (const page of ['/', '/login', '/register', '/healthz']) {
    const answer = await stranger.open(page)
    expect(answer.status, page).toBe(200)
    expect(answer.took, page).toBeLessThan(AT_ONCE)
  }
}

function registration({ username, email, password }: Person): Record<string, string> {
  return { username, email, password, confirm_password: password }
}

test.describe('Redis', () => {
  for (const way of WAYS) {
    test(`while it is ${way}, who is signed in is told at once, strangers notice nothing, and it recovers by itself`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const { portal, people } = await startPortal({
        admin: someone('keeper'),
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
        faults: /could not find out who is calling|an action failed/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      expect((await visitor.open('/profile')).status).toBe(200)

      await test.step('take it away', async () => {
        if (way === 'gone') await redis.crash()
        else redis.hang()
      })

      await test.step('pages and actions of somebody with a session', async () => {
        const [told, ...pages] = await Promise.all([
          visitor.send('sign_out', {}),
          visitor.submit('sign_out', {}),
          ...['/profile', '/', '/login'].map(async (page) => visitor.open(page)),
        ])
        for (const page of pages) expectDeadEnd(page, REDIS_WAIT)
        expect(told.status).toBe(503)
        expect(told.headers['retry-after']).toMatch(/^\d+$/)
        expect(JSON.parse(told.body)).toMatchObject({ refused: { form: { busy: 5 } } })
      })
      await test.step('the state of the portal', async () => {
        const { status, state, took } = await untilUnready(portal)
        expect(status).toBe(503)
        expect(state).toEqual({ ready: false, database: 'up', redis: 'down', email: 'up', cleanup: 'up' })
        expect(took).toBeLessThan(REDIS_WAIT)
      })
      await test.step('strangers', async () => {
        await expectOpenToStrangers(portal)
        const bert = someone('bert')
        const registered = await new Visitor(portal).submit('register', registration(bert))
        expect(wordsOf(registered), 'registering needs no session').toContain('Your account was created')
      })

      await test.step('give it back', async () => {
        if (way === 'gone') await redis.startAgain()
        else redis.resume()
        await untilReady(portal)
        if (way === 'hanging') {
          expect((await visitor.open('/profile')).status, 'the session was kept').toBe(200)
          return
        }
        const answer = await visitor.open('/profile')
        expect(answer.status, 'the session was lost with the data').toBe(302)
        expect(answer.headers.location).toBe('/login?next=%2Fprofile')
        expect(wordsOf(await visitor.open('/login?next=%2Fprofile'))).toContain('Your session is over. Sign in to go on.')
        await visitor.signIn(ada)
        expect((await visitor.open('/profile')).status).toBe(200)
      })
    })
  }
})

test.describe('Redis', () => {
  for (const way of WAYS) {
    test(`while it is ${way}, who wants to sign in is told to come again`, async ({ afterPortals, postgres, startPortal }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const { portal, people } = await startPortal({
        admin: someone('keeper'),
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
        faults: /an action failed/,
      })
      const ada = await people.active()
      const { username, password } = ada
      if (way === 'gone') await redis.crash()
      else redis.hang()
      const page = await new Visitor(portal).submit('sign_in', { username, password })
      expectDeadEnd(page, SIGN_IN_WAIT)
      // The counters have found out meanwhile, and don't ask.
      expectFault(await new Visitor(portal).send('sign_in', { username, password }), REDIS_WAIT)

      if (way === 'gone') await redis.startAgain()
      else redis.resume()
      await untilReady(portal)
      await new Visitor(portal).signIn(ada)
    })
  }
})

test.describe('PostgreSQL', () => {
  for (const way of WAYS) {
    test(`while it is ${way}, everybody is told in time, nothing is half done, and it recovers by itself`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const database = await postgres.newDatabase()
      const { portal, people } = await startPortal({
        admin: someone('keeper'),
        env: { DATABASE_URL: database, REDIS_URL: redis.url },
        faults: /could not find out who is calling|an action failed|(writing|sending) emails failed|purging failed/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      expect((await visitor.open('/profile')).status).toBe(200)
      const [bert, grace] = [someone('bert'), someone('grace')]

      await test.step('take it away', async () => {
        if (way === 'gone') await postgres.crash()
        else postgres.hang()
      })

      await test.step('all that anybody can ask for, at the same time', async () => {
        const strangers = Array.from({ length: 4 }, () => new Visitor(portal))
        const [page, action, plain, scripted, signIn, state] = await Promise.all([
          visitor.open('/profile'),
          visitor.submit('sign_out', {}),
          strangers[0]?.submit('register', registration(bert)),
          strangers[1]?.send('register', registration(grace)),
          strangers[2]?.submit('sign_in', { username: ada.username, password: ada.password }),
          untilUnready(portal),
          expectOpenToStrangers(portal),
        ])
        expectDeadEnd(page, DATABASE_WAIT)
        expectDeadEnd(action, DATABASE_WAIT)
        for (const answer of [plain, signIn]) expectDeadEnd(answer as Answer, DATABASE_WAIT)
        expectFault(scripted as Answer, DATABASE_WAIT)
        expect(state).toMatchObject({ status: 503, state: { ready: false, database: 'down', redis: 'up' } })
        expect(state.took).toBeLessThan(DATABASE_WAIT)
      })

      await test.step('give it back', async () => {
        if (way === 'gone') await postgres.startAgain()
        else postgres.resume()
        await untilReady(portal)
        expect((await visitor.open('/profile')).status, 'the session was kept').toBe(200)
      })

      await test.step('nothing was left behind, and the same registrations work', async () => {
        for (const person of [bert, grace]) {
          expect(await countOf(postgres, database, person)).toEqual(['0', '0', '0'])
          const again = await new Visitor(portal).submit('register', registration(person))
          expect(wordsOf(again)).toContain('Your account was created')
          await portal.mails.wait(person.email, /^Confirm your address/)
          expect(await countOf(postgres, database, person)).toEqual(['1', '1', '1'])
          expect(await portal.mails.to(person.email, /./)).toHaveLength(1)
        }
      })
    })
  }

  test('who is in the middle of something when it stops answering is not left waiting, and nothing is half done', async ({
    postgres,
    startPortal,
  }) => {
    const database = await postgres.newDatabase()
    const { portal, people } = await startPortal({
      admin: someone('keeper'),
      env: { DATABASE_URL: database },
      faults: /could not find out who is calling|an action failed|(writing|sending) emails failed|purging failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)
    const bert = someone('bert')

    // With the table locked, a page and a registration stand in the middle of a query, where they can be caught.
    const lock = await postgres.lock(database, 'users')
    const [page, action] = [
      visitor.open('/profile', 2 * DATABASE_WAIT).catch((error: Error) => error),
      new Visitor(portal).send('register', registration(bert), 2 * DATABASE_WAIT).catch((error: Error) => error),
    ]
    await lock.until(2)
    postgres.hang()
    const answers = await Promise.all([page, action])
    const state = await untilUnready(portal)
    postgres.resume()
    await lock.release()
    await untilReady(portal)

    await test.step('nothing is half done, and it recovers by itself', async () => {
      expect((await visitor.open('/profile')).status).toBe(200)
      // Whether it was done is decided by now, one way or the other.
      const there = await until('the registration to be over', async () => {
        const [users, audit] = await countOf(postgres, database, bert)
        return users === audit ? users === '1' : undefined
      })
      const again = await new Visitor(portal).send('register', registration(bert))
      expect(again.body).toContain(there ? 'username_taken' : '{"goto":"/login"}')
      await portal.mails.wait(bert.email, /^Confirm your address/)
      expect(await countOf(postgres, database, bert)).toEqual(['1', '1', '1'])
    })
    await test.step('they were answered', async () => {
      expect(state).toMatchObject({ status: 503, state: { ready: false, database: 'down' } })
      expect(answers.map((answer) => (answer instanceof Error ? answer.message : answer.status))).toEqual([503, expect.any(Number)])
      for (const answer of answers) if (!(answer instanceof Error)) expectDiscreet(answer, 2 * DATABASE_WAIT)
    })
  })
})

test.describe('the way to Redis', () => {
  const ways = {
    'while others are answered': (door: Door) => door.abandon(),
    'nor is any other for a while': (door: Door) => door.hush(),
  }
  for (const [way, close] of Object.entries(ways)) {
    test(`a connection that is never answered again is given up, ${way}`, async ({ afterPortals, postgres, startPortal }) => {
      const redis = await Redis.start()
      afterPortals(async () => redis.remove())
      const door = await Door.to(redis.url)
      afterPortals(async () => door.shut())
      const { portal, people } = await startPortal({
        admin: someone('keeper'),
        env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: door.url },
        faults: /could not find out who is calling/,
      })
      const ada = await people.active()
      const visitor = new Visitor(portal)
      await visitor.signIn(ada)
      close(door)
      expectDeadEnd(await visitor.open('/profile'), REDIS_WAIT)
      await until('the portal to notice', async () => (portal.logged.includes('is silent') ? true : undefined), 30_000)
      await expectOpenToStrangers(portal)
      if (close === ways['nor is any other for a while']) await door.open()
      await until('the portal to be ready again, without a restart', async () => {
        return (await readiness(portal)).status === 200 ? true : undefined
      }, 30_000)
      expect((await visitor.open('/profile')).status).toBe(200)
      await new Visitor(portal).signIn(ada)
    })
  }
})

test('after a failover of Redis the portal follows its address to the new primary', async ({
  afterPortals,
  postgres,
  startPortal,
}) => {
  const [first, second] = [await Redis.start(), await Redis.start()]
  for (const redis of [first, second]) afterPortals(async () => redis.remove())
  const door = await Door.to(first.url)
  afterPortals(async () => door.shut())
  const { portal, people } = await startPortal({
    admin: someone('keeper'),
    env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: door.url },
    faults: /could not find out who is calling|an action failed/,
  })
  const ada = await people.active()
  const visitor = new Visitor(portal)
  await visitor.signIn(ada)

  // The second has what the first holds, and takes its place. The portal's connection still leads to the first.
  await second.follow(first)
  door.leadTo(second.url)
  await second.tell('REPLICAOF', 'NO', 'ONE')
  await first.follow(second)
  const password = { username: ada.username, password: ada.password }
  await until('somebody to sign in, without a restart', async () => {
    return (await new Visitor(portal).send('sign_in', password)).body === '{"goto":"/profile"}' ? true : undefined
  })
  expect((await readiness(portal)).state).toMatchObject({ redis: 'up' })
  expect((await visitor.open('/profile')).status, 'who was signed in still is').toBe(200)
  expect(portal.logged.split('Redis takes no writes').length - 1, 'it is said once').toBe(1)
})

for (const [kind, start] of [['Sentinel', startWithSentinel], ['a cluster', startCluster]] as const) {
  test(`with ${kind}, the portal goes on with the new primary when the old one is killed`, async ({
    afterPortals,
    postgres,
    startPortal,
  }) => {
    const redis = await start()
    afterPortals(redis.remove)
    const { portal, people } = await startPortal({
      admin: someone('keeper'),
      env: { DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url },
      faults: /could not find out who is calling|an action failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)
    expect((await readiness(portal)).state).toMatchObject({ redis: 'up' })
    await redis.primary.crash()
    const password = { username: ada.username, password: ada.password }
    await until('somebody to sign in, without a restart', async () => {
      return (await new Visitor(portal).send('sign_in', password)).body === '{"goto":"/profile"}' ? true : undefined
    })
    await untilReady(portal)
    expect((await visitor.open('/profile')).status, 'who was signed in still is').toBe(200)
  })
}

test.describe('the way to PostgreSQL', () => {
  test('a connection that is never answered again does not hold up the mail', async ({ afterPortals, postgres, startPortal }) => {
    const database = await postgres.newDatabase()
    const door = await Door.to(database)
    afterPortals(async () => door.shut())
    const address = new URL(database)
    address.port = new URL(door.url).port
    const { portal } = await startPortal({
      admin: someone('keeper'),
      env: { DATABASE_URL: address.href },
      faults: /(writing|sending) emails failed/,
    })
    // The worker is in the middle of a query that turns jobs into mails. (Purging, which begins with the portal and is given
    // longer, reads other tables.)
    const lock = await postgres.lock(database, 'mail_jobs')
    await new Visitor(portal).send('ask_reset', { email: someone('nobody').email })
    await lock.until(1)
    door.abandon()
    await lock.release()
    await until('the portal to be ready, on another connection', async () => {
      return (await readiness(portal)).status === 200 ? true : undefined
    }, 30_000)
    const bert = someone('bert')
    expect((await new Visitor(portal).send('register', registration(bert))).body).toBe('{"goto":"/login"}')
    await until('the worker to have given up', async () => {
      return portal.logged.includes('could not hear from the database') ? true : undefined
    })
    // It comes back within a quarter of a minute by itself.
    await until('the mail', async () => (await portal.mails.to(bert.email, /^Confirm your address/))[0], 20_000)
  })

  test('connections that are never answered again hold nobody up for long, as after a failover or a firewall that forgets', async ({
    afterPortals,
    postgres,
    startPortal,
  }) => {
    const database = await postgres.newDatabase()
    const door = await Door.to(database)
    afterPortals(async () => door.shut())
    const address = new URL(database)
    address.port = new URL(door.url).port
    const { portal, people } = await startPortal({
      admin: someone('keeper'),
      env: { DATABASE_URL: address.href },
      faults: /could not find out who is calling|an action failed|(writing|sending) emails failed|purging failed/,
    })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    await visitor.signIn(ada)

    // So many in the middle of a query that every connection of the pool is one of those.
    const lock = await postgres.lock(database, 'users')
    const caught = Promise.all(
      Array.from({ length: 16 }, async () => visitor.open('/profile', 2 * DATABASE_WAIT).catch((error: Error) => error.message)),
    )
    await lock.until(15)
    door.abandon()
    await lock.release()
    // Whoever gives up leaves their connection behind.
    await caught
    await until('the portal to be ready again, without a restart', async () => {
      return (await readiness(portal)).status === 200 ? true : undefined
    }, 30_000)
    expect((await visitor.open('/profile')).status).toBe(200)
    const bert = someone('bert')
    expect((await new Visitor(portal).send('register', registration(bert))).body).toBe('{"goto":"/login"}')
    await portal.mails.wait(bert.email, /^Confirm your address/)
  })
})

/** How often somebody is in the tables of people, of what was done, and of mails. */
async function countOf(postgres: Postgres, database: string, { username, email }: Person): Promise<string[]> {
  const [row = []] = await postgres.query(
    database,
    `SELECT (SELECT count(*) FROM users WHERE username = '${username}'),
            (SELECT count(*) FROM audit WHERE action = 'user.register' AND subject_name = '${username}'),
            (SELECT count(*) FROM outbox WHERE recipient = '${email}')`,
  )
  return row
}

/** Whether every mail is known to have been taken by its server; `undefined` where one is not, for `until`. */
async function nothingWaits(postgres: Postgres, database: string): Promise<true | undefined> {
  const [row] = await postgres.query(database, "SELECT count(*) FROM outbox WHERE status <> 'sent'")
  return row?.[0] === '0' ? true : undefined
}

test.describe('the mail server', () => {
  for (const way of WAYS) {
    test(`while it is ${way}, people register and are approved as ever, and their mails arrive once afterwards`, async ({
      afterPortals,
      postgres,
      startPortal,
    }) => {
      const server = await MailServer.start()
      afterPortals(async () => server.stop())
      const door = await Door.to(server.url)
      afterPortals(async () => door.shut())
      const database = await postgres.newDatabase()
      const { portal, people } = await startPortal({
        admin: someone('keeper'),
        env: { DATABASE_URL: database, MAIL_TRANSPORT: 'smtp', SMTP_URL: door.url, ADMIN_EMAIL: 'desk@example.org', LIMIT_RESET: '100000/1h' },
      })
      await people.waiting('before')
      await server.wait('desk@example.org', /asks to join/)
      // The server has it, but the portal may not have heard so yet: cut off there, it would wait for that answer first.
      await until('every mail so far to be known as sent', () => nothingWaits(postgres, database))

      if (way === 'gone') await door.shut()
      else door.hush()
      const keeper = new Visitor(portal)
      await keeper.signIn(people.keeper)
      const ada = someone('ada')
      const registered = await new Visitor(portal).send('register', registration(ada))
      const id = String(await people.idOf(ada.username))
      const approved = await keeper.send('decide', { id, decision: 'approve', stay: 'yes' })
      for (const answer of [registered, approved]) {
        expect(answer.body, answer.what).toMatch(/goto|done/)
        expect(answer.took, 'no longer than ever').toBeLessThan(AT_ONCE)
      }
      expect((await ask(`${portal.url}/readyz`)).status, 'the portal does not need mail to be ready').toBe(200)

      const waiting = `SELECT kind, attempts, due_at - created_at, leased_until FROM outbox
                       WHERE recipient = '${ada.email}' AND status = 'waiting' ORDER BY id`
      if (way === 'gone') {
        await test.step('the mails wait, half a minute at first', async () => {
          const rows = await until('both mails to have been tried', async () => {
            const rows = await postgres.query(database, waiting)
            // A try is counted before it is made.
            const tried = rows.every(([, attempts, , leased]) => attempts === '1' && leased === '0')
            return rows.length === 2 && tried ? rows : undefined
          })
          for (const [kind, , wait] of rows) {
            expect(Number(wait) / 1_000_000, kind).toBeGreaterThanOrEqual(30)
            expect(Number(wait) / 1_000_000, kind).toBeLessThan(50)
          }
        })
      } else {
        await until('the first mail to be on its way', async () => {
          const rows = await postgres.query(database, waiting)
          return rows.some(([, attempts]) => attempts === '1') ? true : undefined
        })
      }

      await test.step('when it is back, they arrive', async () => {
        await door.open()
        // A minute passes: each wait is over.
        const wakened = someone('carl')
        await new Visitor(portal).send('register', registration(wakened))
        await until('the mails to arrive', async () => {
          await postgres.query(database, "UPDATE outbox SET due_at = 0 WHERE status = 'waiting'")
          // Each request wakes the worker, whoever it is for.
          await new Visitor(portal).send('ask_reset', { email: someone('nobody').email })
          return server.accepted.filter((mail) => mail.to === ada.email).length >= 2 ? true : undefined
        }, 40_000)
        await server.wait(wakened.email, /^Confirm your address/)
        await until('the outbox to be empty', () => nothingWaits(postgres, database))
        const subjects = server.accepted.filter((mail) => mail.to === ada.email).map((mail) => mail.subject)
        expect(subjects.sort(), 'once each').toEqual([
          expect.stringMatching(/^Confirm your address/),
          expect.stringMatching(/approved$/),
        ])
      })
    })
  }
})

test.describe('a full disk, under SQLite', () => {
  const faults = /an action failed|(writing|sending) emails failed|purging failed|could not find out who is calling/

  test('actions say that nothing was changed, and with room again they work and what they say is true', async ({ afterPortals, startPortal }) => {
    const disk = await SmallDisk.make()
    afterPortals(async () => disk.remove())
    const { portal, people } = await startPortal({ admin: someone('keeper'), env: disk.env, through: disk.through, faults })
    const ada = await people.active()
    const bert = await people.confirmed('bert')
    const carl = someone('carl')
    const keeper = new Visitor(portal)
    await keeper.signIn(people.keeper)
    const approval = { id: String(bert.id), decision: 'approve', stay: 'yes' }

    await disk.fill(portal)
    await test.step('actions say that nothing was changed', async () => {
      // What is still free inside the file goes first.
      await until('the disk to be full for the portal', async () => {
        const answer = await new Visitor(portal).send('register', registration(someone('filler')))
        return answer.status === 200 ? undefined : true
      })
      const refused = await new Visitor(portal).submit('register', registration(carl))
      if (refused.status === 503) expectDeadEnd(refused, DATABASE_WAIT)
      else expect(wordsOf(refused)).toMatch(OUR_FAULT)
      expectDiscreet(refused, DATABASE_WAIT)
      expectFault(await new Visitor(portal).send('register', registration(carl)), DATABASE_WAIT)
      expectFault(await new Visitor(portal).send('sign_in', { username: ada.username, password: ada.password }), DATABASE_WAIT)
      expectFault(await keeper.send('decide', approval), DATABASE_WAIT)
      expect((await keeper.open(`/admin/users/${bert.id}`)).body, 'and it was not').toContain('Waiting')
      await expectOpenToStrangers(portal)
    })

    await disk.free(portal)
    await test.step('with room again they work, and who was told so has an account', async () => {
      const registered = await new Visitor(portal).submit('register', registration(carl))
      expect(wordsOf(registered)).toContain('Your account was created')
      const more = Array.from({ length: 10 }, () => someone('dora'))
      for (const person of more) {
        const answer = await new Visitor(portal).send('register', registration(person))
        expect(answer.body, person.username).toBe('{"goto":"/login"}')
      }
      const decided = await keeper.send('decide', approval)
      expect(Object.keys(JSON.parse(decided.body) as object)).toEqual(['done'])
      // Another process sees what is really in the file, and not what a connection of the portal's believes.
      for (const person of [carl, ...more]) {
        const [row] = await portal.query(`SELECT count(*) FROM users WHERE username = '${person.username}'`, disk.database)
        expect(row, `${person.username} is in the database`).toEqual(['1'])
        await portal.mails.wait(person.email, /^Confirm your address/)
      }
      await portal.mails.wait(bert.email, /approved$/)
      await new Visitor(portal).signIn(ada)
    })
  })

  test('who is signed in still reads their pages, though nobody can note when they were seen', async ({ afterPortals, startPortal }) => {
    const disk = await SmallDisk.make()
    afterPortals(async () => disk.remove())
    const { portal, people } = await startPortal({ admin: someone('keeper'), env: disk.env, through: disk.through, faults })
    const ada = await people.active()
    const visitor = new Visitor(portal)
    const keeper = new Visitor(portal)
    await visitor.signIn(ada)
    await keeper.signIn(people.keeper)
    // Two minutes pass: the next request would like to note that they were seen.
    await portal.query('UPDATE user_sessions SET last_seen_at = last_seen_at - 120000000', disk.database)
    await disk.fill(portal)
    await until('the disk to be full for the portal', async () => {
      const answer = await new Visitor(portal).send('register', registration(someone('filler')))
      return answer.status === 200 ? undefined : true
    })
    for (let times = 0; times < 3; times += 1) {
      const profile = await visitor.open('/profile')
      expect(profile.status, wordsOf(profile)).toBe(200)
      expect(profile.body).toContain(ada.username)
      expect((await keeper.open('/admin')).status).toBe(200)
    }
    await disk.free(portal)
  })
})

/**
 * A place for a database that can be filled up. As root a file system of its own; else a bound on how large files of the
 * program may grow, which for a database comes to the same.
 */
class SmallDisk {
  /**
   * Mebibytes. When it is not filled up there must be room for all that the portal does: the log that SQLite keeps beside
   * its file grows to a thousand pages of 4 KiB before it is written back.
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

  /** Beyond the bound there is a signal, whose usual effect is death; on a full disk there is none. */
  get through(): string[] {
    return this.mounted ? [] : ['sh', '-c', 'trap "" XFSZ; exec "$0" "$@"']
  }

  async fill(portal: Portal): Promise<void> {
    if (!this.mounted) return this.bound(portal, String(4096))
    // Larger than the disk, so that it ends in an error, and then in what is left of a page.
    await expect(writeFile(join(this.folder, 'ballast'), Buffer.alloc(SmallDisk.SIZE * 1024 * 1024))).rejects.toThrow(/ENOSPC/)
  }

  async free(portal: Portal): Promise<void> {
    if (this.mounted) await rm(join(this.folder, 'ballast'))
    else await this.bound(portal, 'unlimited')
  }

  private async bound(portal: Portal, most: string): Promise<void> {
    await run('prlimit', ['--pid', String(portal.pid), `--fsize=${most}:`])
  }

  /** The portal still has its files open: the file system goes when they are closed. */
  async remove(): Promise<void> {
    if (this.mounted) await run('umount', ['--lazy', this.folder])
    await rm(this.folder, { recursive: true, force: true })
  }
}
