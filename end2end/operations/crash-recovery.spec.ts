// Kills the program in the middle of an action, as a power cut or the kernel would.
//
// # Guarantees
//
// - The action is done completely or not at all: the change, its audit row and its email.
// - If it is not done, the same request works.
// - Every answer sent before the end is true.
// - No email is lost.
//
// The moments of the kill are spread over the duration of the action, with a random offset. The seed is part of the
// messages, and KILL_SEED=… repeats a run. In the last rounds the kill follows the answer, when the worker is about to
// send the email.
import { type Email, linkIn, temporaryPasswordIn } from '../support/emails.ts'
import { Visitor } from '../support/http.ts'
import { ADMIN, type People, newPerson } from '../support/people.ts'
import type { Person, Portal } from '../support/portal.ts'
import { type Postgres, test } from '../support/postgres.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** The number of kills per action, and the number of those that follow the answer. */
const ROUNDS = 10
const ROUNDS_AFTER_ANSWER = 2
const SEED = Number(process.env.KILL_SEED ?? '20261124')

/** Returns a generator of random numbers (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The portal's database, SQLite or PostgreSQL. */
interface Database {
  env: Record<string, string>
  /** Reads while the portal runs. */
  read: (portal: Portal, sql: string) => Promise<string[][]>
  /** Reads the state after a kill, without changing it. */
  readAfterKill: (portal: Portal, sql: string) => Promise<string[][]>
}

const SQLITE: Database = {
  env: {},
  read: (portal, sql) => portal.query(sql),
  readAfterKill: (portal, sql) => portal.queryCopy(sql),
}

async function onPostgres(postgres: Postgres): Promise<Database> {
  const database = await postgres.newDatabase()
  return {
    env: { DATABASE_URL: database },
    read: (_, sql) => postgres.query(database, sql),
    readAfterKill: async (_, sql) => {
      await postgres.untilDisconnected(database)
      return postgres.query(database, sql)
    },
  }
}

/** An action that is interrupted. */
interface InterruptedAction {
  /** The name of the action in the test title. */
  name: string
  /** Creates the state before the action. `visitor` is the browser of the person. */
  prepare: (people: People, visitor: Visitor) => Promise<Subject>
  /** The sender of the form: the person or an administrator. */
  by: 'person' | 'admin'
  action: string
  form: (subject: Subject) => Record<string, string>
  /** The time of the last kill, in milliseconds after the request. It is about the duration of the action. */
  longest: number
  /** SQL expressions that count the parts of the change. All are 0, or all are 1. */
  parts: (subject: Subject) => string[]
  /** The answer to the action and, if a repeated request is not a new one, the answer to the repeated request. */
  done: string
  repeated?: string
  /** The email about the action, and the secret that every copy must contain. */
  subject: RegExp
  kind: string
  secret: (email: Email) => string
  /** Uses the result of the action or the email. */
  use: (portal: Portal, subject: Subject, secret: string) => Promise<void>
}

interface Subject extends Person {
  id?: number
}

const users = (condition: string): string => `(SELECT count(*) FROM users WHERE ${condition})`
const audit = (action: string, { username }: Subject): string =>
  `(SELECT count(*) FROM audit WHERE action = '${action}' AND subject_name = '${username}')`
const emails = (kind: string, { email }: Subject): string =>
  `(SELECT count(*) FROM outbox WHERE kind = '${kind}' AND recipient = '${email}')`
const tokens = (purpose: string, { username }: Subject): string =>
  `(SELECT count(*) FROM user_tokens JOIN users ON users.id = user_id
    WHERE purpose = '${purpose}' AND username = '${username}')`

/** Expects that the page of a link exists. */
async function open(portal: Portal, _: Subject, link: string): Promise<void> {
  expect((await new Visitor(portal).open(new URL(link).pathname)).status, 'the status of the link').toBe(200)
}

const NEW_PASSWORD = 'nine copper kettles whistle'

/** The interrupted actions. */
const ACTIONS: InterruptedAction[] = [
  {
    name: 'a registration',
    prepare: async () => newPerson('ada'),
    by: 'person',
    action: 'register',
    form: ({ username, email, password }) => ({ username, email, password, confirm_password: password }),
    longest: 90,
    parts: (subject) => [
      users(`username = '${subject.username}'`),
      audit('user.register', subject),
      // The job counts until the worker has written the email, and the email from then on: never both and never
      // neither.
      `(SELECT count(*) FROM email_jobs JOIN users ON users.id = user_id
        WHERE kind = 'registered' AND username = '${subject.username}') + ${emails('confirm_email', subject)}`,
    ],
    done: '{"goto":"/login"}',
    repeated: '{"goto":"/login"}',
    subject: /^Confirm your email address/,
    kind: 'confirm_email',
    secret: (email) => linkIn(email, '/confirm/'),
    use: open,
  },
  {
    name: 'an approval',
    prepare: async (people) => people.pending('grace'),
    by: 'admin',
    action: 'decide',
    form: ({ id }) => ({ id: String(id), decision: 'approve', stay: 'yes' }),
    longest: 40,
    parts: (subject) => [
      users(`username = '${subject.username}' AND status = 'active'`),
      users(`username = '${subject.username}' AND credential_version = 1`),
      audit('user.approve', subject),
      emails('approved', subject),
      tokens('sign_in', subject),
    ],
    done: '{"done":',
    repeated: '{"done":',
    subject: /approved$/,
    kind: 'approved',
    secret: (email) => linkIn(email, '/auto-login/'),
    use: open,
  },
  {
    name: 'a request for a temporary password',
    prepare: async (people) => people.active('rose'),
    by: 'person',
    action: 'ask_reset',
    form: ({ email }) => ({ email }),
    longest: 20,
    parts: (subject) => [
      // The request counts until the worker has written the email with the password, and the email from then on.
      `(SELECT count(*) FROM password_reset_requests WHERE email_canonical = '${subject.email}') + ${emails('temporary_password', subject)}`,
    ],
    done: '{"goto":"/login"}',
    subject: /^Your temporary password/,
    kind: 'temporary_password',
    secret: temporaryPasswordIn,
    use: async (portal, { username }, password) => {
      const answer = await new Visitor(portal).send('sign_in', { username, password })
      expect(answer.body, 'the temporary password works').toContain('"goto":"/change-password')
    },
  },
  {
    name: 'a password change',
    prepare: async (people, visitor) => {
      const person = await people.active('mary')
      await visitor.signIn(person)
      return person
    },
    by: 'person',
    action: 'change_password',
    form: ({ password }) => ({ current_password: password, new_password: NEW_PASSWORD, confirm_password: NEW_PASSWORD }),
    longest: 90,
    parts: (subject) => [
      users(`username = '${subject.username}' AND credential_version = 2`),
      audit('password.change', subject),
      emails('password_changed', subject),
      `(SELECT count(*) FROM user_sessions JOIN users ON users.id = user_id
        WHERE user_sessions.credential_version = 2 AND username = '${subject.username}')`,
    ],
    done: '{"goto":"/profile"}',
    subject: /was changed$/,
    kind: 'password_changed',
    secret: (email) => linkIn(email, '/reset-password'),
    use: async (portal, { username, password }) => {
      await new Visitor(portal).signIn({ username, password: NEW_PASSWORD })
      const old = await new Visitor(portal).send('sign_in', { username, password })
      expect(old.body, 'the old password no longer works').toContain('invalid_credentials')
    },
  },
]

for (const [number, testCase] of ACTIONS.entries()) {
  for (const database of ['SQLite', 'PostgreSQL'] as const) {
    test(`${testCase.name} that is interrupted by the end of the process is done completely or not at all, on ${database}`, async ({
      postgres,
      startPortal,
    }) => {
      const db = database === 'SQLite' ? SQLITE : await onPostgres(postgres)
      const random = seededRandom(SEED + number)
      const { portal, people } = await startPortal({ admin: ADMIN, env: db.env })
      const admin = new Visitor(portal)
      await admin.signIn(people.admin)
      const outcomes = { nothing: 0, all: 0 }
      for (let round = 0; round < ROUNDS; round += 1) {
        const timed = ROUNDS - ROUNDS_AFTER_ANSWER
        // The first kill precedes the arrival of the request.
        const killAt = round === 0 ? 0 : round < timed ? ((round - random()) * testCase.longest) / (timed - 1) : undefined
        const when = killAt === undefined ? 'after its answer' : `${killAt.toFixed(1)} ms after the request`
        await test.step(`round ${round + 1} of seed ${SEED}: killed ${when}`, async () => {
          outcomes[await interrupt(testCase, db, portal, people, admin, killAt)] += 1
        })
      }
      test.info().annotations.push({ type: 'interrupted', description: `nothing ${outcomes.nothing}, all ${outcomes.all}` })
      expect(outcomes.all, 'answered actions are done').toBeGreaterThanOrEqual(ROUNDS_AFTER_ANSWER)
      expect(outcomes.nothing, 'the first kill precedes the action').toBeGreaterThanOrEqual(1)
    })
  }
}

/** Runs one round, and returns the state of the database after the kill. */
async function interrupt(
  testCase: InterruptedAction,
  db: Database,
  portal: Portal,
  people: People,
  admin: Visitor,
  killAt: number | undefined,
): Promise<'nothing' | 'all'> {
  const person = new Visitor(portal)
  const subject = await testCase.prepare(people, person)
  const visitor = testCase.by === 'admin' ? admin : person
  let answered: string | undefined
  const sent = visitor.send(testCase.action, testCase.form(subject)).then(
    (answer) => (answered = answer.body),
    () => undefined, // The client sees a broken connection.
  )
  if (killAt === undefined) await sent
  else if (killAt > 0) await new Promise((resolve) => setTimeout(resolve, killAt))
  const answerBeforeKill = answered
  await portal.kill()
  await sent

  const parts = `SELECT ${testCase.parts(subject).join(', ')}`
  const emailCondition = `kind = '${testCase.kind}' AND recipient = '${subject.email}'`
  const lease = `(SELECT coalesce(max(leased_until), 0) FROM outbox WHERE state = 'pending' AND ${emailCondition})`
  const [[leased, ...counts] = []] = await db.readAfterKill(portal, parts.replace('SELECT', `SELECT ${lease},`))
  expect(['0', '1'], 'the change is there once or not at all').toContain(counts[0])
  expect(counts, 'all parts of the change or none').toEqual(counts.map(() => counts[0]))
  const isDone = counts[0] === '1'
  if (answerBeforeKill !== undefined) {
    expect(answerBeforeKill, 'the answer before the kill').toContain(testCase.done)
    expect(isDone, 'an answered action is done').toBe(true)
  }

  await portal.startAgain()
  const expected = isDone ? testCase.repeated : testCase.done
  if (expected !== undefined) {
    const repeatedAnswer = await visitor.send(testCase.action, testCase.form(subject))
    expect(repeatedAnswer.body, 'the answer to the repeated request').toContain(expected)
  }
  if (leased !== '0') {
    // Two minutes pass: the lease of the killed worker has expired. A registration wakes the current worker.
    await db.read(portal, `UPDATE outbox SET leased_until = 0 WHERE leased_until = ${leased} AND ${emailCondition}`)
    const { username, email, password } = newPerson('later')
    await new Visitor(portal).send('register', { username, email, password, confirm_password: password })
  }
  const { copies, secret } = await untilDelivered(testCase, db, portal, subject, emailCondition)
  expect(copies, 'a second copy only if the kill came between sending the email and recording it').toBeLessThanOrEqual(leased === '0' ? 1 : 2)
  expect((await db.read(portal, parts))[0], 'all parts of the change, once').toEqual(counts.map(() => '1'))
  await testCase.use(portal, subject, secret)
  return isDone ? 'all' : 'nothing'
}

/** Waits for the email, expects the same secret in every copy, and returns the number of copies. */
async function untilDelivered(
  testCase: InterruptedAction,
  db: Database,
  portal: Portal,
  subject: Subject,
  emailCondition: string,
): Promise<{ copies: number; secret: string }> {
  await portal.emails.wait(subject.email, testCase.subject)
  await until(`the email of ${testCase.name} to be sent`, async () => {
    const [row] = await db.read(portal, `SELECT state FROM outbox WHERE ${emailCondition}`)
    return row?.[0] === 'sent' ? true : undefined
  })
  const copiesReceived = await portal.emails.to(subject.email, testCase.subject)
  const [secret = '', ...others] = new Set(copiesReceived.map((email) => testCase.secret(email)))
  expect(others, 'every copy has the same secret').toEqual([])
  return { copies: copiesReceived.length, secret }
}
