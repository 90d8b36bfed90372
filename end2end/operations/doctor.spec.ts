// What the operator's commands say of a portal: what is wrong, and how to mend it, without a secret.
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DeskPage } from '../pages/desk.ts'
import type { Registration } from '../support/graph.ts'
import { type MicrosoftOptions, test } from '../support/microsoft.ts'
import { PASSWORD, someone } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { test as onPostgres } from '../support/postgres.ts'
import { Visitor } from '../support/http.ts'
import { Redis } from '../support/redis.ts'
import { expect, signIn } from '../support/test.ts'
import { until } from '../support/until.ts'

const DAY = 24 * 3600_000
const SENDER = 'accounts@example.org'

/** Mail through Graph, too. */
const throughGraph: MicrosoftOptions['env'] = ({ graph }) => ({
  MAIL_TRANSPORT: 'graph',
  GRAPH_URL: `${graph.url}/v1.0`,
  SENDER_EMAIL: SENDER,
})

function registered({ url }: Portal, more: Partial<Registration> = {}): Registration {
  const secretEnds = new Date(Date.now() + 200 * DAY)
  return { redirectUris: [`${url}/auth/redirect`], claims: ['auth_time', 'acct'], secretEnds, ...more }
}

/** What it says of each thing, and how it ends. */
async function examine(portal: Portal): Promise<{ code: number | null; lines: Record<string, string>; out: string; err: string }> {
  const { code, out, err } = await portal.attempt(['doctor'])
  const parts = out.trim().split('\n').map((line) => /^(ok|note|BAD) +(.+?): (.*)$/.exec(line) ?? [line, '?', line, ''])
  const lines = Object.fromEntries(parts.map(([, mark, what = '', text]) => [what, `${mark} ${text}`]))
  return { code, lines, out, err }
}

test('where everything is in order it says so, and nothing secret', async ({ startWithMicrosoft }) => {
  const { portal, graph, entra } = await startWithMicrosoft({ env: throughGraph })
  graph.registration = registered(portal, { redirectUris: [`${portal.url}/auth/redirect`, `${portal.url}/`] })
  const { code, lines, out, err } = await examine(portal)
  expect(code, out).toBe(0)
  expect(lines).toMatchObject({
    database: 'ok reached, writable and up to date',
    mail: expect.stringMatching(/^ok .*Mail\.Send/),
    Microsoft: expect.stringMatching(/^ok /),
    'built assets': expect.stringMatching(/^ok /),
    'redirect address': `ok ${portal.url}/auth/redirect is registered`,
    'after signing out': `ok ${portal.url}/ is registered`,
    'optional claims': expect.stringMatching(/^ok /),
    CLIENT_SECRET: expect.stringMatching(/^note ends on .* set CLIENT_SECRET_EXPIRES/),
  })
  expect(out + err).not.toContain(entra.clientSecret)
})

test('what is registered wrongly is named, with how to mend it, and the exit code is for scripts', async ({ startWithMicrosoft }) => {
  const { portal, graph } = await startWithMicrosoft({ env: throughGraph })
  graph.registration = registered(portal, { redirectUris: ['https://elsewhere.example/auth/redirect'], claims: ['acct'], secretEnds: new Date(Date.now() - DAY) })
  const { code, lines, err } = await examine(portal)
  expect(code).not.toBe(0)
  expect(err).toContain('3 things have to be mended.')
  expect(lines).not.toHaveProperty('settings')
  expect(lines).toMatchObject({
    'redirect address': expect.stringMatching(/^BAD .* is not registered: add it/),
    'after signing out': expect.stringMatching(/^note .* is not registered: who signs out/),
    'optional claims': expect.stringMatching(/^BAD auth_time is missing/),
    CLIENT_SECRET: expect.stringMatching(/^BAD .* ended on /),
  })
})

test('without the right to read its registration it says what has to be looked at', async ({ startWithMicrosoft }) => {
  const { portal, entra } = await startWithMicrosoft({ env: throughGraph })
  entra.roles = []
  const { code, lines } = await examine(portal)
  expect(code).toBe(0)
  expect(lines).toMatchObject({
    mail: expect.stringMatching(/without the permission Mail\.Send/),
    'redirect address': expect.stringMatching(/^note .* has to be registered/),
    'optional claims': expect.stringMatching(/^note /),
    CLIENT_SECRET: expect.stringMatching(/^note nobody knows when it ends; set CLIENT_SECRET_EXPIRES/),
  })
})

test('a wrong secret is found out, also where mail goes another way', async ({ startWithMicrosoft }) => {
  const { portal } = await startWithMicrosoft({ env: { CLIENT_SECRET: 'not the one at all' } })
  const { code, lines, out } = await examine(portal)
  expect(code).not.toBe(0)
  expect(lines).toMatchObject({
    Microsoft: expect.stringMatching(/^ok /),
    CLIENT_SECRET: expect.stringMatching(/^BAD no token for Graph: 401 .*secret's value, not its ID/),
  })
  expect(out).not.toContain('not the one at all')
})

test('in another folder than the portal\'s it says that there is no database, and makes none', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: someone('keeper'), env: { DATABASE_URL: 'sqlite://data/portal.db' } })
  const elsewhere = await mkdtemp(join(tmpdir(), 'vestibule-elsewhere-'))
  const { code, out } = await portal.attempt(['doctor'], { folder: elsewhere })
  expect(code).not.toBe(0)
  expect(out).toContain(`BAD   database: there is none at ${elsewhere}/data/portal.db: run this in the portal's folder`)
  expect(existsSync(join(elsewhere, 'data', 'portal.db'))).toBe(false)
  await rm(elsewhere, { recursive: true })
})

onPostgres('a database under another key is told, and so is one that takes nothing', async ({ startPortal, postgres }) => {
  const DATABASE_URL = await postgres.newDatabase()
  const { portal } = await startPortal({ admin: someone('keeper'), env: { DATABASE_URL } })
  const writable = 'ok    database: reached, writable and up to date'
  const right = await portal.attempt(['doctor'])
  expect(right.code, right.out).toBe(0)
  expect(right.out).toContain(writable)
  const another = await portal.attempt(['doctor'], { env: { SECRET_KEY: 'x'.repeat(32) } })
  expect(another.code).not.toBe(0)
  expect(another.out).toContain(writable)
  expect(another.out).toContain('BAD   SECRET_KEY: the database was sealed with another one')
  const standby = `${DATABASE_URL}?options=-c%20default_transaction_read_only%3Don`
  const readOnly = await portal.attempt(['doctor'], { env: { DATABASE_URL: standby } })
  expect(readOnly.code).not.toBe(0)
  expect(readOnly.out).toMatch(/^BAD   database: .*read-only transaction/m)

  // As the guide says it, where there is no old key any more.
  await portal.stop()
  for (const table of ['shut_outs', 'portal_keys']) await postgres.query(DATABASE_URL, `DELETE FROM ${table}`)
  const anew = await portal.attempt(['admin', 'list'], { env: { SECRET_KEY: 'x'.repeat(32) } })
  expect(anew.code, anew.err).toBe(0)
})

test('a password from standard input is its first line', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: someone('keeper') })
  const { username, email } = someone('second')
  const args = ['admin', 'create', '--username', username, '--email', email, '--password-stdin']
  const made = await portal.attempt(args, { input: `${PASSWORD}\r\nand something else\n` })
  expect(made.code, made.err).toBe(0)
  expect((await new Visitor(portal).send('sign_in', { username, password: PASSWORD })).body).toBe('{"goto":"/profile"}')
})

test('a setting with a slip in its name is told, by the log too', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: someone('keeper'), env: { PORTAL_ACENT: '#1d4ed8' } })
  const { code, lines } = await examine(portal)
  expect(code).toBe(0)
  expect(lines.settings).toBe('note PORTAL_ACENT is no setting; PORTAL_ACCENT is one, and is not set')
  expect(portal.logged).toContain('PORTAL_ACENT is no setting')
})

test('a line of .env that cannot be read is named, and not quoted', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: someone('keeper') })
  const elsewhere = await mkdtemp(join(tmpdir(), 'vestibule-env-'))
  await writeFile(join(elsewhere, '.env'), 'PORTAL_NAME=Example\nSMTP_URL=smtp://user:hunter2 twice@mail.example\n')
  const { code, out, err } = await portal.attempt(['doctor'], { folder: elsewhere })
  expect(code).not.toBe(0)
  expect(err).toContain('vestibule: .env: the line after PORTAL_NAME must be NAME=value')
  expect(out + err).not.toContain('hunter2')
  await rm(elsewhere, { recursive: true })
})

test('without the built assets it says where they should be', async ({ startPortal }) => {
  const { portal } = await startPortal({ admin: someone('keeper') })
  const { code, out } = await portal.attempt(['doctor'], { env: { LEPTOS_SITE_ROOT: '/nowhere/site' } })
  expect(code).not.toBe(0)
  expect(out).toContain('BAD   built assets: LEPTOS_SITE_ROOT: /nowhere/site has no pkg folder')
})

test('a Redis that does not let the portal count is named, with what to allow', async ({ afterPortals, startPortal }) => {
  const redis = await Redis.start()
  afterPortals(async () => redis.remove())
  const { portal } = await startPortal({ admin: someone('keeper'), env: { REDIS_URL: redis.url } })
  expect((await examine(portal)).lines).toMatchObject({ limits: 'ok counted in Redis, for all replicas together' })
  await redis.tell('ACL', 'SETUSER', 'default', '-@scripting')
  const { code, lines } = await examine(portal)
  expect(code).not.toBe(0)
  expect(lines.limits).toMatch(/^BAD Redis does not count \(.*\): each replica counts alone; allow its account EVALSHA, SCRIPT LOAD, /)
  await redis.tell('ACL', 'SETUSER', 'default', '+@scripting', '-decr')
  expect((await examine(portal)).lines.limits, 'a command within a script').toMatch(/^BAD /)
})

test('while Microsoft is away, what needs it is named', async ({ startWithMicrosoft }) => {
  const { portal, entra } = await startWithMicrosoft({ env: throughGraph })
  await entra.stop()
  const { code, lines } = await examine(portal)
  expect(code).not.toBe(0)
  expect(lines).toMatchObject({
    database: expect.stringMatching(/^ok /),
    mail: expect.stringMatching(/^BAD no token for Graph/),
    Microsoft: expect.stringMatching(/^BAD Microsoft cannot be reached.*AUTHORITY/),
  })
})

test('in the last month of the secret the desk and the log say so', async ({ startWithMicrosoft, newBrowser }) => {
  const ends = new Date(Date.now() + 10 * DAY)
  const { portal, people } = await startWithMicrosoft({ env: { CLIENT_SECRET_EXPIRES: ends.toISOString().slice(0, 10) } })
  const words = /The secret of the application at Microsoft \(CLIENT_SECRET\) ends on \d+ \w+ \d{4}\. Make a new one/
  await until('the log to say so', async () => (words.test(portal.logged) ? true : undefined))
  const page = await newBrowser(portal.url)
  await signIn(page, people.keeper)
  await new DeskPage(page).open()
  await expect(page.getByRole('main')).toContainText(words)
  expect((await examine(portal)).lines.CLIENT_SECRET).toMatch(/^note .* ends on /)
})

test('a test mail goes out at once, or says what keeps it', async ({ startWithMicrosoft }) => {
  const { portal, graph, entra } = await startWithMicrosoft({ env: throughGraph })
  const { email } = someone('operator')
  const sent = await portal.attempt(['mail', 'test', '--to', email])
  expect(sent.code, sent.err).toBe(0)
  const mail = await graph.wait(email, /./)
  expect(mail.sender).toBe(SENDER)
  entra.roles = []
  const refused = await portal.attempt(['mail', 'test', '--to', email])
  expect(refused.code).not.toBe(0)
  expect(refused.err).toMatch(/Graph answered 403 ErrorAccessDenied/)
  expect(refused.out + refused.err).not.toContain(entra.clientSecret)
  const nobody = await portal.attempt(['mail', 'test', '--to', 'nobody'])
  expect(nobody.code).not.toBe(0)
})
