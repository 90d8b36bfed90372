// The operator's commands: they report problems and how to fix them, without secrets.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AdminUsersPage } from '../pages/admin-users.ts'
import type { Registration } from '../support/graph.ts'
import { Visitor } from '../support/http.ts'
import { type MicrosoftOptions, test } from '../support/microsoft.ts'
import { ADMIN, PASSWORD, newPerson } from '../support/people.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import type { Portal } from '../support/portal.ts'
import { test as onPostgres } from '../support/postgres.ts'
import { Redis } from '../support/redis.ts'
import { expect, signIn } from '../support/test.ts'
import { until } from '../support/until.ts'

const DAY = 24 * 3600_000
const SENDER = 'accounts@example.org'

/** Settings for sending email through Graph. */
const withGraph: MicrosoftOptions['env'] = ({ graph }) => ({
  MAIL_TRANSPORT: 'graph',
  GRAPH_URL: `${graph.url}/v1.0`,
  SENDER_EMAIL: SENDER,
})

function registered({ url }: Portal, more: Partial<Registration> = {}): Registration {
  const secretEnds = new Date(Date.now() + 200 * DAY)
  return { redirectUris: [`${url}/auth/redirect`], claims: ['auth_time', 'acct'], secretEnds, ...more }
}

/** Runs doctor, and returns its exit code and its line for each subject. */
async function runDoctor(portal: Portal): Promise<{ code: number | null; lines: Record<string, string>; out: string; err: string }> {
  const { code, out, err } = await portal.attempt(['doctor'])
  const parts = out.trim().split('\n').map((line) => /^(ok|warn|fail) +(.+?): (.*)$/.exec(line) ?? [line, '?', line, ''])
  const lines = Object.fromEntries(parts.map(([, level, what = '', text]) => [what, `${level} ${text}`]))
  return { code, lines, out, err }
}

test('without problems, doctor reports so and shows no secret', async ({ startWithMicrosoft }) => {
  const { portal, graph, entra } = await startWithMicrosoft({ env: withGraph })
  graph.registration = registered(portal, { redirectUris: [`${portal.url}/auth/redirect`, `${portal.url}/`] })
  const { code, lines, out, err } = await runDoctor(portal)
  expect(code, out).toBe(0)
  expect(lines).toMatchObject({
    database: 'ok connected, writable and up to date',
    email: expect.stringMatching(/^ok .*Mail\.Send/),
    Microsoft: expect.stringMatching(/^ok /),
    'built assets': expect.stringMatching(/^ok /),
    'redirect URI': `ok ${portal.url}/auth/redirect is registered`,
    'sign-out redirect': `ok ${portal.url}/ is registered`,
    'optional claims': expect.stringMatching(/^ok /),
    CLIENT_SECRET: expect.stringMatching(/^warn expires on .* Fix: set CLIENT_SECRET_EXPIRES/),
  })
  expect(out + err).not.toContain(entra.clientSecret)
})

test('doctor reports a wrong registration and how to fix it, and exits with an error', async ({ startWithMicrosoft }) => {
  const { portal, graph } = await startWithMicrosoft({ env: withGraph })
  graph.registration = registered(portal, { redirectUris: ['https://elsewhere.example/auth/redirect'], claims: ['acct'], secretEnds: new Date(Date.now() - DAY) })
  const { code, lines, err } = await runDoctor(portal)
  expect(code).not.toBe(0)
  expect(err).toContain('3 checks failed.')
  expect(lines).not.toHaveProperty('settings')
  expect(lines).toMatchObject({
    'redirect URI': expect.stringMatching(/^fail .* is not registered in Entra\. Fix: add it/),
    'sign-out redirect': expect.stringMatching(/^warn .* is not registered in Entra, so people stay/),
    'optional claims': expect.stringMatching(/^fail auth_time is missing/),
    CLIENT_SECRET: expect.stringMatching(/^fail expired on .* Fix: create a new secret/),
  })
})

test('without permission to read its registration, doctor reports what to check', async ({ startWithMicrosoft }) => {
  const { portal, entra } = await startWithMicrosoft({ env: withGraph })
  entra.roles = []
  const { code, lines } = await runDoctor(portal)
  expect(code).toBe(0)
  expect(lines).toMatchObject({
    email: expect.stringMatching(/without the permission Mail\.Send/),
    'redirect URI': expect.stringMatching(/^warn cannot check .* Fix: register it/),
    'optional claims': expect.stringMatching(/^warn /),
    CLIENT_SECRET: expect.stringMatching(/^warn its expiry date is unknown\. Fix: set CLIENT_SECRET_EXPIRES/),
  })
})

test('doctor reports a wrong client secret, even if email does not use Graph', async ({ startWithMicrosoft }) => {
  const { portal } = await startWithMicrosoft({ env: { CLIENT_SECRET: 'not the one at all' } })
  const { code, lines, out } = await runDoctor(portal)
  expect(code).not.toBe(0)
  expect(lines).toMatchObject({
    Microsoft: expect.stringMatching(/^ok /),
    CLIENT_SECRET: expect.stringMatching(/^fail no token for Graph: 401 .*secret's value, not its ID/),
  })
  expect(out).not.toContain('not the one at all')
})

test('outside the folder of the portal, doctor reports that there is no database, and creates none', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN, env: { DATABASE_URL: 'sqlite://data/portal.db' } })
  const otherFolder = await mkdtemp(join(tmpdir(), 'vestibule-elsewhere-'))
  const { code, out } = await portal.attempt(['doctor'], { folder: otherFolder })
  expect(code).not.toBe(0)
  expect(out).toContain(`fail  database: ${otherFolder}/data/portal.db does not exist. Fix: run this command in the portal's working directory`)
  expect(existsSync(join(otherFolder, 'data', 'portal.db'))).toBe(false)
  await rm(otherFolder, { recursive: true })
})

test('doctor reports a database that another program has locked', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN })
  const unlock = await portal.lockDatabase()
  const { code, out } = await portal.attempt(['doctor'])
  expect(code).not.toBe(0)
  expect(out).toMatch(/^fail {2}database: not writable \(.*database is locked\)\. Fix: end the other program that keeps the database open for writing$/m)
  await unlock()
  expect((await portal.attempt(['doctor'])).out).toContain('ok    database: connected, writable and up to date')
})

onPostgres('doctor reports a database with another secret key, and one that is read-only', async ({ startPortal, postgres }) => {
  const DATABASE_URL = await postgres.newDatabase()
  const { portal } = await startPortal({ admin: ADMIN, env: { DATABASE_URL } })
  const writable = 'ok    database: connected, writable and up to date'
  const right = await portal.attempt(['doctor'])
  expect(right.code, right.out).toBe(0)
  expect(right.out).toContain(writable)
  const another = await portal.attempt(['doctor'], { env: { SECRET_KEY: randomBytes(32).toString('base64') } })
  expect(another.code).not.toBe(0)
  expect(another.out).toContain(writable)
  expect(another.out).toContain('fail  SECRET_KEY: the database was encrypted with a different key')
  const standby = `${DATABASE_URL}?options=-c%20default_transaction_read_only%3Don`
  const readOnly = await portal.attempt(['doctor'], { env: { DATABASE_URL: standby } })
  expect(readOnly.code).not.toBe(0)
  expect(readOnly.out).toMatch(/^fail  database: .*read-only transaction/m)

  // The steps of the guide for a portal whose former key is lost.
  await portal.stop()
  for (const table of ['blocked_identities', 'portal_keys']) await postgres.query(DATABASE_URL, `DELETE FROM ${table}`)
  const withNewKey = await portal.attempt(['admin', 'list'], { env: { SECRET_KEY: randomBytes(32).toString('base64') } })
  expect(withNewKey.code, withNewKey.err).toBe(0)
})

onPostgres('doctor recognises the mode of a connection pooler, whatever the statement cache', async ({ afterPortals, startPortal, postgres }) => {
  const database = await postgres.newDatabase()
  const { portal } = await startPortal({ admin: ADMIN, env: { DATABASE_URL: database } })
  const lineOf = async (url: string): Promise<string> => {
    const { out } = await portal.attempt(['doctor'], { env: { DATABASE_URL: url } })
    return /^.*connection pooling.*$/m.exec(out)?.[0] ?? out
  }
  const without = '?statement-cache-capacity=0'
  for (const url of [database, database + without]) expect(await lineOf(url)).toBe('ok    connection pooling: session mode, or no pooler')
  for (const mode of ['session', 'transaction'] as const) {
    const pooler = await startPgBouncer(database, mode)
    afterPortals(pooler.stop)
    for (const url of [pooler.url, pooler.url + without]) {
      const line = await lineOf(url)
      if (mode === 'session') expect(line, url).toBe('ok    connection pooling: session mode, or no pooler')
      else expect(line, url).toMatch(/^fail {2}connection pooling: transaction mode, and repeated statements fail \(.*Fix: set your pooler to session mode/)
    }
  }
})

test('only the first line of standard input is the password', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN })
  const { username, email } = newPerson('second')
  const args = ['admin', 'create', '--username', username, '--email', email, '--password-stdin']
  const created = await portal.attempt(args, { input: `${PASSWORD}\r\nand something else\n` })
  expect(created.code, created.err).toBe(0)
  expect((await new Visitor(portal).send('sign_in', { username, password: PASSWORD })).body).toBe('{"goto":"/profile"}')
})

test('doctor and the log report a setting with a typing error in its name', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN, env: { PORTAL_ACENT: '#1d4ed8' } })
  const { code, lines } = await runDoctor(portal)
  expect(code).toBe(0)
  expect(lines.settings).toBe('warn Unknown setting PORTAL_ACENT. Did you mean PORTAL_ACCENT? Fix: correct the name, or remove the variable')
  expect(portal.logged).toContain('Unknown setting PORTAL_ACENT')
})

test('a line of .env that cannot be parsed is named but not shown', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN })
  const otherFolder = await mkdtemp(join(tmpdir(), 'vestibule-env-'))
  await writeFile(join(otherFolder, '.env'), 'PORTAL_NAME=Example\nSMTP_URL=smtp://user:hunter2 twice@mail.example\n')
  const { code, out, err } = await portal.attempt(['doctor'], { folder: otherFolder })
  expect(code).not.toBe(0)
  expect(out).toContain('.env: the line after PORTAL_NAME is not valid. Use NAME=value')
  expect(out + err).not.toContain('hunter2')
  await rm(otherFolder, { recursive: true })
})

test('without the built assets, doctor reports the expected folder', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: ADMIN })
  const { code, out } = await portal.attempt(['doctor'], { env: { LEPTOS_SITE_ROOT: '/nowhere/site' } })
  expect(code).not.toBe(0)
  expect(out).toContain('fail  built assets: LEPTOS_SITE_ROOT: /nowhere/site has no pkg folder')
})

test('doctor reports a Redis without permission for scripts, and the commands to allow', async ({ afterPortals, startPortal }) => {
  const redis = await Redis.start()
  afterPortals(async () => redis.remove())
  const { portal } = await startPortal({ admin: ADMIN, env: { REDIS_URL: redis.url } })
  expect((await runDoctor(portal)).lines).toMatchObject({ 'rate limits': 'ok counted in Redis for all replicas together' })
  await redis.run('ACL', 'SETUSER', 'default', '-@scripting')
  const { code, lines } = await runDoctor(portal)
  expect(code).not.toBe(0)
  expect(lines['rate limits']).toMatch(
    /^fail cannot count in Redis \(.*\), so each replica counts on its own\. Fix: run ACL SETUSER in Redis /,
  )
  await redis.run('ACL', 'SETUSER', 'default', '+@scripting', '-decr')
  expect((await runDoctor(portal)).lines['rate limits'], 'a command that the script uses').toMatch(/^fail /)
})

test('during a Microsoft outage, doctor reports everything that needs Microsoft', async ({ startWithMicrosoft }) => {
  const { portal, entra } = await startWithMicrosoft({ env: withGraph })
  await entra.stop()
  const { code, lines } = await runDoctor(portal)
  expect(code).not.toBe(0)
  expect(lines).toMatchObject({
    database: expect.stringMatching(/^ok /),
    email: expect.stringMatching(/^fail no token for Graph/),
    Microsoft: expect.stringMatching(/^fail Microsoft cannot be reached.*AUTHORITY/),
  })
})

test('in the last month of the client secret, the admin pages and the log show a warning', async ({ startWithMicrosoft, newBrowser }) => {
  const ends = new Date(Date.now() + 10 * DAY)
  const { portal, people } = await startWithMicrosoft({ env: { CLIENT_SECRET_EXPIRES: ends.toISOString().slice(0, 10) } })
  const warning = /The Microsoft client secret \(CLIENT_SECRET\) expires on \d+ \w+ \d{4}\. Before that, create a new secret/
  await until('the log to show the warning', async () => (warning.test(portal.logged) ? true : undefined))
  const page = await newBrowser(portal.url)
  await signIn(page, people.admin)
  await new AdminUsersPage(page).open()
  await expect(page.getByRole('main')).toContainText(/The portal's access to Microsoft expires on \d+ \w+ \d{4}\. Before that, ask/)
  expect((await runDoctor(portal)).lines.CLIENT_SECRET).toMatch(/^warn expires on .* Fix: create a new secret/)
})

test('a test email is sent immediately, or the command reports the error', async ({ startWithMicrosoft }) => {
  const { portal, graph, entra } = await startWithMicrosoft({ env: withGraph })
  const { email } = newPerson('operator')
  const sent = await portal.attempt(['mail', 'test', '--to', email])
  expect(sent.code, sent.err).toBe(0)
  const received = await graph.wait(email, /./)
  expect(received.sender).toBe(SENDER)
  entra.roles = []
  const refused = await portal.attempt(['mail', 'test', '--to', email])
  expect(refused.code).not.toBe(0)
  expect(refused.err).toMatch(/Graph answered 403 ErrorAccessDenied/)
  expect(refused.out + refused.err).not.toContain(entra.clientSecret)
  const invalid = await portal.attempt(['mail', 'test', '--to', 'unknown'])
  expect(invalid.code).not.toBe(0)
})
