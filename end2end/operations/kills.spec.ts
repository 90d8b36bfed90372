// The program killed in the middle of an action, again and again, as a power cut or the kernel would. Afterwards either
// nothing has happened, and the same request works, or all has: the change, its line in the audit and its mail. No mail is
// lost, no account is without its mail, and what was answered before the end is true.
//
// The moments are spread over the time that an action takes, each a little off by chance. The chance is seeded, the seed
// stands in the messages, and KILL_SEED=… repeats a run. In the last rounds the end comes with the answer, when the
// worker is about to send the mail.
import { Visitor } from '../support/http.ts'
import { type Mail, linkIn, secretIn } from '../support/mail.ts'
import { type People, someone } from '../support/people.ts'
import type { Person, Portal } from '../support/portal.ts'
import { type Postgres, test } from '../support/postgres.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** How often each action is cut off, and how often of these together with its answer. */
const ROUNDS = 10
const WITH_ANSWER = 2
const SEED = Number(process.env.KILL_SEED ?? '20261124')

/** Small and good enough: mulberry32. */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The portal's tables, on either database. */
interface Tables {
  env: Record<string, string>
  /** Reads while the portal runs. */
  read: (portal: Portal, sql: string) => Promise<string[][]>
  /** Reads what a killed portal has left, without changing it. */
  readLeft: (portal: Portal, sql: string) => Promise<string[][]>
}

const SQLITE: Tables = {
  env: {},
  read: (portal, sql) => portal.query(sql),
  readLeft: (portal, sql) => portal.queryCopy(sql),
}

async function onPostgres(postgres: Postgres): Promise<Tables> {
  const database = await postgres.newDatabase()
  return {
    env: { DATABASE_URL: database },
    read: (_, sql) => postgres.query(database, sql),
    readLeft: async (_, sql) => {
      await postgres.whenLeft(database)
      return postgres.query(database, sql)
    },
  }
}

/** One action that is cut off. */
interface Act {
  /** What the test is called by. */
  name: string
  /** Brings somebody to where the action begins; `visitor` is a browser of theirs. */
  prepare: (people: People, visitor: Visitor) => Promise<Subject>
  /** Who sends which form: the person, or the keeper of the portal. */
  by: 'person' | 'keeper'
  action: string
  form: (subject: Subject) => Record<string, string>
  /** The latest moment, in milliseconds after the request was sent: it takes about that long. */
  latest: number
  /** Counts of what of the change is in the database. All are 0, or all 1. */
  parts: (subject: Subject) => string[]
  /** What the answer says when it was done, and, where asking twice is no new request, when it had been done before. */
  done: string
  repeated?: string
  /** The mail that tells of it, and what every copy of it has to say alike. */
  subject: RegExp
  kind: string
  secret: (mail: Mail) => string
  /** Uses what was done, or the mail. */
  use: (portal: Portal, subject: Subject, secret: string) => Promise<void>
}

interface Subject extends Person {
  id?: number
}

const users = (condition: string): string => `(SELECT count(*) FROM users WHERE ${condition})`
const audit = (action: string, { username }: Subject): string =>
  `(SELECT count(*) FROM audit WHERE action = '${action}' AND subject_name = '${username}')`
const mails = (kind: string, { email }: Subject): string =>
  `(SELECT count(*) FROM outbox WHERE kind = '${kind}' AND recipient = '${email}')`
const tokens = (purpose: string, { username }: Subject): string =>
  `(SELECT count(*) FROM user_tokens JOIN users ON users.id = user_id
    WHERE purpose = '${purpose}' AND username = '${username}')`

/** The page of a link is there. */
async function open(portal: Portal, _: Subject, link: string): Promise<void> {
  expect((await new Visitor(portal).open(new URL(link).pathname)).status, 'the link is good').toBe(200)
}

const NEW_PASSWORD = 'nine copper kettles whistle'

/** Every action that is cut off. The next ones go here. */
const ACTS: Act[] = [
  {
    name: 'a registration',
    prepare: async () => someone('ada'),
    by: 'person',
    action: 'register',
    form: ({ username, email, password }) => ({ username, email, password, confirm_password: password }),
    latest: 90,
    parts: (subject) => [
      users(`username = '${subject.username}'`),
      audit('user.register', subject),
      // Until the worker has turned the job into the mail, the job; from then on the mail; never both, never neither.
      `(SELECT count(*) FROM mail_jobs JOIN users ON users.id = user_id
        WHERE kind = 'registered' AND username = '${subject.username}') + ${mails('confirm_address', subject)}`,
    ],
    done: '{"goto":"/login"}',
    repeated: '{"refused":',
    subject: /^Confirm your address/,
    kind: 'confirm_address',
    secret: (mail) => linkIn(mail, '/confirm/'),
    use: open,
  },
  {
    name: 'an approval',
    prepare: async (people) => people.waiting('grace'),
    by: 'keeper',
    action: 'decide',
    form: ({ id }) => ({ id: String(id), decision: 'approve', stay: 'yes' }),
    latest: 40,
    parts: (subject) => [
      users(`username = '${subject.username}' AND status = 'active'`),
      users(`username = '${subject.username}' AND auth_epoch = 1`),
      audit('user.approve', subject),
      mails('approved', subject),
      tokens('sign_in', subject),
    ],
    done: '{"done":',
    repeated: '{"stale":',
    subject: /approved$/,
    kind: 'approved',
    secret: (mail) => linkIn(mail, '/auto-login/'),
    use: open,
  },
  {
    name: 'a request for a temporary password',
    prepare: async (people) => people.active('rose'),
    by: 'person',
    action: 'ask_reset',
    form: ({ email }) => ({ email }),
    latest: 20,
    parts: (subject) => [
      // The request, and from then on the mail; the password is made together with the mail.
      `(SELECT count(*) FROM reset_requests WHERE email_canonical = '${subject.email}') + ${mails('temporary_password', subject)}`,
    ],
    done: '{"goto":"/login"}',
    subject: /^Your temporary password/,
    kind: 'temporary_password',
    secret: secretIn,
    use: async (portal, { username }, password) => {
      const answer = await new Visitor(portal).send('sign_in', { username, password })
      expect(answer.body, 'the temporary password is good').toContain('"goto":"/change-password')
    },
  },
  {
    name: 'a change of the password',
    prepare: async (people, visitor) => {
      const person = await people.active('mary')
      await visitor.signIn(person)
      return person
    },
    by: 'person',
    action: 'change_password',
    form: ({ password }) => ({ current_password: password, new_password: NEW_PASSWORD, confirm_password: NEW_PASSWORD }),
    latest: 90,
    parts: (subject) => [
      users(`username = '${subject.username}' AND auth_epoch = 2`),
      audit('password.change', subject),
      mails('password_changed', subject),
      `(SELECT count(*) FROM user_sessions JOIN users ON users.id = user_id
        WHERE epoch = 2 AND username = '${subject.username}')`,
    ],
    done: '{"goto":"/profile"}',
    subject: /was changed$/,
    kind: 'password_changed',
    secret: (mail) => linkIn(mail, '/reset-password'),
    use: async (portal, { username, password }) => {
      await new Visitor(portal).signIn({ username, password: NEW_PASSWORD })
      const old = await new Visitor(portal).send('sign_in', { username, password })
      expect(old.body, 'the old password is none any more').toContain('incorrect')
    },
  },
]

for (const [number, act] of ACTS.entries()) {
  for (const database of ['SQLite', 'PostgreSQL'] as const) {
    test(`${act.name} that is cut off by the end of the process has happened or not, on ${database}`, async ({
      postgres,
      startPortal,
    }) => {
      const tables = database === 'SQLite' ? SQLITE : await onPostgres(postgres)
      const random = chance(SEED + number)
      const { portal, people } = await startPortal({ admin: someone('keeper'), env: tables.env })
      const keeper = new Visitor(portal)
      await keeper.signIn(people.keeper)
      const seen = { nothing: 0, all: 0 }
      for (let round = 0; round < ROUNDS; round += 1) {
        const timed = ROUNDS - WITH_ANSWER
        // The first is over before the request has arrived.
        const moment = round === 0 ? 0 : round < timed ? ((round - random()) * act.latest) / (timed - 1) : undefined
        const when = moment === undefined ? 'with its answer' : `${moment.toFixed(1)} ms after it was sent`
        await test.step(`round ${round + 1} of seed ${SEED}: cut off ${when}`, async () => {
          seen[await cutOff(act, tables, portal, people, keeper, moment)] += 1
        })
      }
      test.info().annotations.push({ type: 'cut off', description: `nothing ${seen.nothing}, all ${seen.all}` })
      expect(seen.all, 'what was answered has happened').toBeGreaterThanOrEqual(WITH_ANSWER)
      expect(seen.nothing, 'the first moment is before anything').toBeGreaterThanOrEqual(1)
    })
  }
}

/** One round; answers what the database held after the end. */
async function cutOff(
  act: Act,
  tables: Tables,
  portal: Portal,
  people: People,
  keeper: Visitor,
  moment: number | undefined,
): Promise<'nothing' | 'all'> {
  const person = new Visitor(portal)
  const subject = await act.prepare(people, person)
  const visitor = act.by === 'keeper' ? keeper : person
  let answered: string | undefined
  const sent = visitor.send(act.action, act.form(subject)).then(
    (answer) => (answered = answer.body),
    () => undefined, // That is what a client sees of it.
  )
  if (moment === undefined) await sent
  else if (moment > 0) await new Promise((resolve) => setTimeout(resolve, moment))
  const told = answered
  await portal.kill()
  await sent

  const parts = `SELECT ${act.parts(subject).join(', ')}`
  const mail = `kind = '${act.kind}' AND recipient = '${subject.email}'`
  const lease = `(SELECT coalesce(max(leased_until), 0) FROM outbox WHERE status = 'waiting' AND ${mail})`
  const [[leased, ...counts] = []] = await tables.readLeft(portal, parts.replace('SELECT', `SELECT ${lease},`))
  expect(['0', '1'], 'the change is there once or not at all').toContain(counts[0])
  expect(counts, 'all of it or nothing').toEqual(counts.map(() => counts[0]))
  const happened = counts[0] === '1'
  if (told !== undefined) {
    expect(told, 'it was carried out').toContain(act.done)
    expect(happened, 'what was answered has happened').toBe(true)
  }

  await portal.startAgain()
  const expected = happened ? act.repeated : act.done
  if (expected !== undefined) {
    const again = await visitor.send(act.action, act.form(subject))
    expect(again.body, 'the same request again').toContain(expected)
  }
  if (leased !== '0') {
    // Two minutes pass: the lease of the worker that was killed is over. Whoever registers wakes the present one.
    await tables.read(portal, `UPDATE outbox SET leased_until = 0 WHERE leased_until = ${leased} AND ${mail}`)
    const { username, email, password } = someone('awaker')
    await new Visitor(portal).send('register', { username, email, password, confirm_password: password })
  }
  const { copies, secret } = await arrives(act, tables, portal, subject, mail)
  expect(copies, 'a second copy only if the end came between sending and noting it').toBeLessThanOrEqual(leased === '0' ? 1 : 2)
  expect((await tables.read(portal, parts))[0], 'once and for all').toEqual(counts.map(() => '1'))
  await act.use(portal, subject, secret)
  return happened ? 'all' : 'nothing'
}

/** The mail comes, and if it comes again, then with the same link or password; answers how often it came. */
async function arrives(
  act: Act,
  tables: Tables,
  portal: Portal,
  subject: Subject,
  mail: string,
): Promise<{ copies: number; secret: string }> {
  await portal.mails.wait(subject.email, act.subject)
  await until(`the mail of ${act.name} to be done with`, async () => {
    const [row] = await tables.read(portal, `SELECT status FROM outbox WHERE ${mail}`)
    return row?.[0] === 'sent' ? true : undefined
  })
  const arrived = await portal.mails.to(subject.email, act.subject)
  const [secret = '', ...others] = new Set(arrived.map((mail) => act.secret(mail)))
  expect(others, 'every copy says the same').toEqual([])
  return { copies: arrived.length, secret }
}
