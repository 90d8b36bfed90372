// Email through Microsoft Graph, with test doubles of Entra and Graph: the content of emails, the number of requests,
// and the result of every response or missing response. No email is lost, and a repeated email has the same content.
//
// The first wait after a failure is half a minute. Tests end such waits in the outbox.
import { Entra } from '../support/entra.ts'
import { Graph, type GraphEmail, type GraphFault } from '../support/graph.ts'
import { Visitor, mainText, sendRequest } from '../support/http.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { type Person, Portal } from '../support/portal.ts'
import { type TestPortal, expect, test as base } from '../support/test.ts'
import { until } from '../support/until.ts'

const SENDER = 'accounts@example.org'
const ADMINS = 'admins@example.org'
const CONFIRM = /^Confirm your email address/

/** A portal that sends email through Graph. */
interface Setup extends TestPortal {
  entra: Entra
  graph: Graph
}

const test = base.extend<{ startWithGraph: (env?: Record<string, string>) => Promise<Setup> }>({
  // The doubles stop before the portal, so that no request of the portal waits for an answer.
  startWithGraph: async ({ startPortal }, use) => {
    const doubles: { stop: () => Promise<void> }[] = []
    await use(async (env = {}) => {
      const entra = await Entra.start()
      const graph = await Graph.start(entra)
      doubles.push(entra, graph)
      graph.mailboxes.push(SENDER)
      const started = await startPortal({ admin: ADMIN, env: { ...settings(entra, graph), ...env } })
      return { ...started, entra, graph }
    })
    for (const double of doubles) await double.stop()
  },
})

function settings(entra: Entra, graph: Graph): Record<string, string> {
  return {
    MAIL_TRANSPORT: 'graph',
    GRAPH_URL: `${graph.url}/v1.0`,
    ENDPOINT: `${graph.url}/v1.0/me`,
    SENDER_EMAIL: SENDER,
    ADMIN_EMAIL: ADMINS,
    CLIENT_ID: entra.clientId,
    CLIENT_SECRET: entra.clientSecret,
    TENANT_ID: entra.tenant,
    AUTHORITY: `${entra.url}/${entra.tenant}`,
    LIMIT_RESET: '10000/1m',
  }
}

/** The state of an email. */
interface Row {
  id: string
  state: string
  attempts: number
  /** In milliseconds since 1970. */
  due: number
  leased: boolean
  reason: string
  /** True if the content has been erased. */
  erased: boolean
}

const COLUMNS = 'id, state, attempts, due_at / 1000, leased_until > 0, sealed IS NULL, last_error'

function readRow([id = '', state = '', attempts = '', due = '', leased = '', erased = '', reason = '']: string[]): Row {
  return { id, state, attempts: Number(attempts), due: Number(due), leased: leased === '1', reason, erased: erased === '1' }
}

function rowsTo(email: string): string {
  return `SELECT ${COLUMNS} FROM outbox WHERE recipient = '${email}' ORDER BY id`
}

/** Waits until the only email to a recipient has the expected state. */
async function untilRow(portal: Portal, { email }: { email: string }, what: string, fits: (row: Row) => boolean, timeout?: number): Promise<Row> {
  return until(`the email to ${email} to be ${what}`, async () => {
    const [row, ...others] = await portal.query(rowsTo(email))
    if (row === undefined || others.length > 0) return undefined
    const read = readRow(row)
    return fits(read) ? read : undefined
  }, timeout)
}

async function untilSent(portal: Portal, person: { email: string }): Promise<Row> {
  return untilRow(portal, person, 'sent', ({ state }) => state === 'sent')
}

/** Waits until sending has failed and the email will be sent again. */
async function untilDelayed(portal: Portal, person: { email: string }, attempts = 1, timeout?: number): Promise<Row> {
  const isDelayed = (row: Row): boolean => row.state === 'pending' && row.attempts === attempts && !row.leased
  return untilRow(portal, person, 'delayed', isDelayed, timeout)
}

/** Wakes the worker. A request for an unknown email address creates no email. */
async function wakeWorker(portal: Portal): Promise<void> {
  const answer = await new Visitor(portal).send('ask_reset', { email: newPerson('unknown').email })
  expect(answer.body).toBe('{"goto":"/login"}')
}

/** Ends all waits in the outbox. */
async function endWaits(portal: Portal): Promise<void> {
  await portal.query("UPDATE outbox SET due_at = 0, leased_until = 0 WHERE state = 'pending'")
  await wakeWorker(portal)
}

/**
 * The first notification is sent immediately, and the next 15 minutes later. From now on, there is one email per
 * registration.
 */
async function sendFirstNotification({ portal, people, graph }: Setup): Promise<void> {
  const first = await people.pending('first')
  await graph.wait(ADMINS, /has asked to join/)
  await untilSent(portal, first)
  await untilSent(portal, { email: ADMINS })
}

/** Returns all emails that Graph has received for a recipient, accepted or not. */
function receivedFor({ graph }: Setup, { email }: { email: string }): GraphEmail[] {
  return graph.received.filter(({ to }) => to.includes(email))
}

/** Returns the one link in an email that contains `part`. */
function linkIn({ message, subject }: GraphEmail, part: string): string {
  const links = [...message.body.content.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link.replace(/&amp;/g, '&'))
  const [link, ...others] = new Set(links.filter((link) => link.includes(part)))
  if (link === undefined || others.length > 0) throw new Error(`Expected one link with ${part} in "${subject}": ${links.join(' ')}`)
  return link
}

function tokenIn(email: GraphEmail): string {
  return linkIn(email, '/confirm/').split('/').at(-1) ?? ''
}

/** Expects that the link in an email works. */
async function expectLinkWorks({ portal }: Setup, { password }: Person, email: GraphEmail): Promise<void> {
  const answer = await new Visitor(portal).send('confirm_address', { token: tokenIn(email), password })
  expect(answer.body, 'the link works').toContain('"goto"')
}

/** Expects that all copies are the same email. */
function expectSameEmail(emails: GraphEmail[]): void {
  expect(new Set(emails.map(tokenIn)).size, 'every copy has the same link').toBe(1)
  expect(new Set(emails.map(({ message }) => message.internetMessageId)).size, 'every copy has the same message id').toBe(1)
}

/** Expects that the log contains no secrets. */
function expectNoSecretsLogged({ portal, entra }: Setup, emails: GraphEmail[], { password }: Person): void {
  const secrets = new Set([entra.clientSecret, password, ...emails.flatMap((email) => [email.bearer, tokenIn(email)])])
  for (const secret of secrets) {
    const line = portal.logged.split('\n').find((line) => line.includes(secret))
    expect(line, 'no log line contains a secret').toBeUndefined()
  }
}

test('the emails of a registration are sent as JSON from the configured mailbox, and no copy is kept', async ({ startWithGraph }) => {
  const setup = await startWithGraph({ LOG: 'trace', PORTAL_NAME: 'Example Accounts' })
  const { portal, people, entra, graph } = setup
  const ada = await people.pending()
  const email = await graph.wait(ada.email, CONFIRM)
  const notification = await graph.wait(ADMINS, /has asked to join/)
  for (const { sender, headers, saveToSentItems, message } of [email, notification]) {
    expect(sender).toBe(SENDER)
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect(saveToSentItems).toBe(false)
    expect(message.from).toEqual({ emailAddress: { name: 'Example Accounts', address: SENDER } })
    expect(message.body.contentType).toBe('HTML')
    expect(message.body.content.match(/<html\b/g), 'one HTML document').toHaveLength(1)
    expect(message.internetMessageHeaders).toEqual([{ name: 'X-Auto-Response-Suppress', value: 'All' }])
    const unexpectedFields = ['attachments', 'ccRecipients', 'bccRecipients', 'replyTo', 'uniqueBody']
    expect(Object.keys(message).filter((name) => unexpectedFields.includes(name))).toEqual([])
  }
  expect(email.to).toEqual([ada.email])
  expect(notification.to).toEqual([ADMINS])
  expect(notification.message.body.content).not.toContain(tokenIn(email))
  await expectLinkWorks(setup, ada, email)

  await untilSent(portal, { email: ADMINS })
  expect((await untilSent(portal, ada)).erased, 'the content of a sent email is erased').toBe(true)
  expect(graph.received, 'each email is sent once').toHaveLength(2)
  expect(entra.requestCounts.token, 'one token').toBe(1)
  expect(entra.lastToken?.tenant).toBe(entra.tenant)
  expect(entra.lastToken?.parameters).toMatchObject({
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
  })
  expectNoSecretsLogged(setup, [email], ada)
})

test('many emails need one token, and at most two are sent at the same time', async ({ startWithGraph }) => {
  const { portal, entra, graph } = await startWithGraph()
  const delay = 300
  graph.fail({ endpoint: 'sendMail', fault: 'slow', delay })
  const registrations = Array.from({ length: 12 }, () => newPerson('guest'))
  await Promise.all(
    registrations.map(async ({ username, email, password }) => {
      const form = { username, email, password, confirm_password: password }
      expect((await new Visitor(portal).send('register', form)).body).toBe('{"goto":"/login"}')
    }),
  )
  for (const person of registrations) await untilSent(portal, person)
  expect(graph.accepted.map(({ to }) => to[0]).filter((to) => to !== ADMINS).sort(), 'each email is sent once').toEqual(
    registrations.map(({ email }) => email).sort(),
  )
  expect(entra.requestCounts.token).toBe(1)
  // A timer may fire a millisecond early.
  const intervals = graph.received.slice(2).map(({ at: time }, before) => time - (graph.received[before]?.at ?? 0))
  expect(Math.min(...intervals), 'the third email is sent after the response to the first').toBeGreaterThanOrEqual(delay - 2)
})

for (const status of [429, 503] as const) {
  test(`after status ${status}, an email is sent again not earlier than Graph demands, and once`, async ({ startWithGraph }) => {
    const setup = await startWithGraph()
    const { portal, people, graph } = setup
    await sendFirstNotification(setup)
    const refused = async (retryAfter?: number | (() => Date)): Promise<{ person: Person; row: Row }> => {
      graph.fail({ endpoint: 'sendMail', fault: `status-${status}`, count: 1, retryAfter })
      const person = await people.pending()
      return { person, row: await untilDelayed(portal, person) }
    }
    const { person: withoutHeader, row } = await refused()
    const untilArrived = (...those: Person[]) =>
      until('the emails with a Retry-After header', async () => {
        await wakeWorker(portal)
        return those.every(({ email }) => graph.to(email, CONFIRM).length > 0) ? true : undefined
      })
    const { person: withSeconds } = await refused(3)
    const bystander = await people.pending('bystander')
    await untilArrived(withSeconds, bystander)
    // The header has whole seconds.
    let date = 0
    const { person: withDate } = await refused(() => {
      date = Math.floor(Date.now() / 1000) * 1000 + 4_000
      return new Date(date)
    })
    await untilArrived(withDate)
    // The lease of an email must not end before the portal has recorded that it was sent.
    for (const person of [withSeconds, bystander, withDate]) await untilSent(portal, person)
    await test.step('with seconds in the header', async () => {
      const [first, second] = receivedFor(setup, withSeconds).map(({ at: time }) => time)
      expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(3_000)
    })
    await test.step('in the meantime, no other email of the mailbox is sent either', async () => {
      const received = receivedFor(setup, bystander)
      expect(received).toHaveLength(1)
      expect(Number(received[0]?.at) - Number(receivedFor(setup, withSeconds)[0]?.at)).toBeGreaterThanOrEqual(3_000)
    })
    await test.step('with a date in the header', async () => {
      expect(receivedFor(setup, withDate)[1]?.at).toBeGreaterThanOrEqual(date)
    })
    await test.step('without the header: half a minute, and a random delay of up to half of that', async () => {
      const wait = row.due - (receivedFor(setup, withoutHeader)[0]?.at ?? 0)
      expect(wait).toBeGreaterThanOrEqual(30_000)
      expect(wait).toBeLessThan(48_000)
      expect(row.reason).toMatch(new RegExp(`^Graph answered ${status} (ApplicationThrottled|ServiceUnavailable): `))
      await endWaits(portal)
      await graph.wait(withoutHeader.email, CONFIRM)
    })
    for (const person of [withoutHeader, withSeconds, withDate]) {
      expect((await untilSent(portal, person)).attempts).toBe(2)
      expect(graph.to(person.email, /./), 'once').toHaveLength(1)
      const received = receivedFor(setup, person)
      expect(received).toHaveLength(2)
      expectSameEmail(received)
    }
  })
}

test('after status 401, an email is sent immediately with one new token', async ({ startWithGraph }) => {
  const setup = await startWithGraph()
  const { portal, people, entra, graph } = setup
  await sendFirstNotification(setup)
  expect(entra.requestCounts.token).toBe(1)
  entra.revokeTokens()
  const ada = await people.pending()
  await graph.wait(ada.email, CONFIRM)
  expect((await untilSent(portal, ada)).attempts, 'one attempt').toBe(1)
  const bert = await people.pending('bert')
  await untilSent(portal, bert)
  expect(receivedFor(setup, ada)).toHaveLength(2)
  expect(receivedFor(setup, bert), 'the new token is kept').toHaveLength(1)
  expect(entra.requestCounts.token).toBe(2)
})

test('while every token gets status 401, each attempt needs one new token, and the email waits', async ({ startWithGraph }) => {
  const setup = await startWithGraph()
  const { portal, people, entra, graph } = setup
  await sendFirstNotification(setup)
  graph.fail({ endpoint: 'sendMail', fault: 'status-401' })
  const ada = await people.pending()
  for (const attempt of [1, 2]) {
    const row = await untilDelayed(portal, ada, attempt)
    expect(row.reason).toMatch(/^Graph answered 401 InvalidAuthenticationToken: Lifetime validation failed/)
    expect(receivedFor(setup, ada)).toHaveLength(2 * attempt)
    expect(entra.requestCounts.token).toBe(1 + attempt)
    if (attempt === 2) graph.restore()
    await endWaits(portal)
  }
  await untilSent(portal, ada)
  expect(graph.to(ada.email, /./)).toHaveLength(1)
  const received = receivedFor(setup, ada)
  expectSameEmail(received)
  expectNoSecretsLogged(setup, received, ada)
})

/** Expects that administrators see why an email is delayed. */
async function expectErrorShown(setup: Setup, admin: Visitor, person: Person, reason: string): Promise<void> {
  expect((await untilDelayed(setup.portal, person)).reason).toBe(reason)
  await untilDelayed(setup.portal, { email: ADMINS })
  const text = mainText(await admin.open('/admin/mail'))
  expect(text).toContain('2 emails have not been sent yet.')
  expect(text).toContain(`Its last error: ${reason}`)
  expect(receivedFor(setup, person), 'one attempt').toHaveLength(1)
}

async function sendAllAgain(admin: Visitor): Promise<void> {
  expect((await admin.send('resend_all_mails', {})).body).toBe('{"goto":"/admin/mail"}')
}

test("an unknown mailbox is shown with Graph's error, and the emails are sent once it exists", async ({ startWithGraph }) => {
  const setup = await startWithGraph()
  const { portal, people, graph } = setup
  graph.mailboxes.splice(0, 1, 'someone.else@example.org')
  const admin = new Visitor(portal)
  await admin.signIn(people.admin)
  const ada = await people.pending()
  await expectErrorShown(setup, admin, ada, `Graph answered 404 ErrorInvalidUser: The requested user '${SENDER}' is invalid.`)
  const { out } = await portal.attempt(['doctor'])
  expect(out).toMatch(/^warn {2}delayed emails: 2 emails could not be sent yet\. .*ErrorInvalidUser/m)
  graph.mailboxes.push(SENDER)
  await sendAllAgain(admin)
  await expectLinkWorks(setup, ada, await graph.wait(ada.email, CONFIRM))
})

test("a missing permission is shown with Graph's error, and the emails are sent once it is granted", async ({ startWithGraph }) => {
  const setup = await startWithGraph()
  const { portal, people, entra, graph } = setup
  entra.roles = []
  const admin = new Visitor(portal)
  await admin.signIn(people.admin)
  const ada = await people.pending()
  await expectErrorShown(setup, admin, ada, 'Graph answered 403 ErrorAccessDenied: Access is denied. Check credentials and try again.')
  // Permissions are part of a token, so an older token does not have the new one.
  entra.roles = ['Mail.Send']
  await sendAllAgain(admin)
  await expectLinkWorks(setup, ada, await graph.wait(ada.email, CONFIRM))
})

const UNCERTAIN_RESULTS: { fault: GraphFault; reason: RegExp; copies: number }[] = [
  { fault: 'accept-then-close', reason: /^Graph did not answer, the email may have been sent: /, copies: 2 },
  { fault: 'accept-then-hang', reason: /the email may have been sent/, copies: 2 },
  { fault: 'close', reason: /^Graph did not answer, the email may have been sent: /, copies: 1 },
  { fault: 'garbage', reason: /^Graph answered 200$/, copies: 1 },
  { fault: 'status-500', reason: /^Graph answered 500 ErrorInternalServerError: An internal server error/, copies: 1 },
  { fault: 'status-502', reason: /^Graph answered 502 BadGateway: /, copies: 1 },
  { fault: 'status-504', reason: /^Graph answered 504 GatewayTimeout: /, copies: 1 },
]

for (const { fault, reason, copies } of UNCERTAIN_RESULTS) {
  test(`if it is unknown whether an email was sent (${fault}), it is sent again with the same link`, async ({ startWithGraph }) => {
    const setup = await startWithGraph()
    const { portal, people, graph } = setup
    await sendFirstNotification(setup)
    graph.fail({ endpoint: 'sendMail', fault, count: 1 })
    const ada = await people.pending()
    const row = await untilDelayed(portal, ada, 1, 40_000)
    expect(row.reason).toMatch(reason)
    expect(row.due - Date.now(), 'not immediately').toBeGreaterThan(20_000)
    expect(row.erased).toBe(false)
    expect(receivedFor(setup, ada), 'one attempt so far').toHaveLength(1)
    await endWaits(portal)
    const { attempts, erased } = await untilSent(portal, ada)
    expect({ attempts, erased }).toEqual({ attempts: 2, erased: true })
    const received = receivedFor(setup, ada)
    expect(received).toHaveLength(2)
    expectSameEmail(received)
    expect(graph.to(ada.email, /./)).toHaveLength(copies)
    for (const email of received.slice(1)) await expectLinkWorks(setup, ada, email)
    expectNoSecretsLogged(setup, received, ada)
  })
}

const REJECTED = /^no token for Graph: 401 invalid_client: AADSTS7000215: Invalid client secret provided\./

for (const { name, fault, reason } of [
  { name: 'responds with an error', fault: 'status-500', reason: /^no token for Graph: 500 server_error: AADSTS90033: / },
  { name: 'closes the connection', fault: 'close', reason: /^no token for Graph: / },
  { name: 'does not respond', fault: 'hang', reason: /^no token for Graph within 10 seconds$/ },
  { name: 'responds with a page', fault: 'garbage', reason: /^no token for Graph: the answer is not valid$/ },
  { name: 'rejects the client secret', fault: 'refuse', reason: REJECTED },
] as const) {
  test(`while Entra ${name}, emails wait, and they are sent afterwards without a restart`, async ({ startWithGraph }) => {
    const setup = await startWithGraph()
    const { portal, people, entra, graph } = setup
    const secret = entra.clientSecret
    if (fault === 'refuse') entra.clientSecret = 'a wrong secret'
    else entra.fail({ endpoint: 'token', fault })
    const ada = await people.pending()
    expect((await untilDelayed(portal, ada)).reason).toMatch(reason)
    expect((await untilDelayed(portal, { email: ADMINS })).reason).toMatch(reason)
    expect(graph.requestCounts.sendMail, 'nothing is sent without a token').toBe(0)
    expect((await sendRequest(`${portal.url}/readyz`)).status, 'the portal is ready without email').toBe(200)
    entra.clientSecret = secret
    entra.restore()
    await endWaits(portal)
    const email = await graph.wait(ada.email, CONFIRM)
    await graph.wait(ADMINS, /has asked to join/)
    await untilSent(portal, ada)
    await untilSent(portal, { email: ADMINS })
    expect(graph.received, 'each email is sent once').toHaveLength(2)
    await expectLinkWorks(setup, ada, email)
    expectNoSecretsLogged(setup, [email], ada)
  })
}

test('the log shows why no email is sent', async ({ startWithGraph }) => {
  const setup = await startWithGraph()
  const { portal, people, entra } = setup
  entra.clientSecret = 'a wrong secret'
  const ada = await people.pending()
  await untilDelayed(portal, ada)
  expect(portal.logged).toContain('AADSTS7000215')
})

for (const { name, fault, copies } of [
  { name: 'after Graph has accepted an email and before it is recorded', fault: 'accept-then-hang', copies: 2 },
  { name: 'before Graph has accepted an email', fault: 'hang', copies: 1 },
] as const) {
  test(`a portal that is killed ${name} sends it again, with the same link`, async ({ startWithGraph }) => {
    const setup = await startWithGraph()
    const { portal, people, graph } = setup
    await sendFirstNotification(setup)
    graph.fail({ endpoint: 'sendMail', fault, count: 1 })
    const ada = await people.pending()
    await until('Graph to receive the email', async () => receivedFor(setup, ada)[0])
    await portal.kill()
    const [remaining = [], ...others] = await portal.queryCopy(rowsTo(ada.email))
    expect(others).toEqual([])
    expect(readRow(remaining)).toMatchObject({ state: 'pending', attempts: 1, leased: true, erased: false })

    await portal.startAgain()
    await wakeWorker(portal)
    expect(receivedFor(setup, ada), 'another worker may still send it').toHaveLength(1)
    // Two minutes pass: the lease of the killed worker has expired.
    await endWaits(portal)
    expect((await untilSent(portal, ada)).attempts).toBe(2)
    const received = receivedFor(setup, ada)
    expect(received).toHaveLength(2)
    expectSameEmail(received)
    expect(graph.to(ada.email, /./)).toHaveLength(copies)
    for (const email of received.slice(1)) await expectLinkWorks(setup, ada, email)
  })
}

const GUID = '3e6f3a1c-8f6a-4b1e-9d57-0c8f5b1f7a21'
const COMPLETE = {
  MAIL_TRANSPORT: 'graph',
  SENDER_EMAIL: SENDER,
  CLIENT_ID: GUID,
  CLIENT_SECRET: 'not-a-secret-at-all',
  TENANT_ID: GUID,
}
const NIL = '00000000-0000-0000-0000-000000000000'
const HTTPS = /must be a URL that begins with https:\/\/\.$/

for (const { name, env, message } of [
  { name: 'a client ID that is no GUID', env: { CLIENT_ID: 'vestibule' }, message: /^vestibule: CLIENT_ID: must be .*GUID\.$/ },
  { name: 'a client ID of zeros', env: { CLIENT_ID: NIL }, message: /^vestibule: .*CLIENT_ID: must be the application \(client\) ID/ },
  { name: 'no client ID', env: { CLIENT_ID: '' }, message: /^vestibule: CLIENT_ID: must be set, because / },
  { name: 'no client secret', env: { CLIENT_SECRET: '' }, message: /^vestibule: CLIENT_SECRET: must be set, because / },
  { name: 'no tenant ID', env: { TENANT_ID: '' }, message: /^vestibule: TENANT_ID: must be set, because / },
  {
    name: 'no client ID, client secret and tenant ID',
    env: { CLIENT_ID: '', CLIENT_SECRET: '', TENANT_ID: '' },
    message: /^vestibule: MAIL_TRANSPORT: must not be graph without CLIENT_ID, CLIENT_SECRET and TENANT_ID\.$/,
  },
  {
    name: 'a tenant ID for all organisations',
    env: { TENANT_ID: 'organizations', MICROSOFT_TENANTS: GUID },
    message: /^vestibule: (TENANT_ID|MAIL_TRANSPORT): /,
  },
  { name: 'no mailbox', env: { SENDER_EMAIL: '' }, message: /^vestibule: SENDER_EMAIL: must be the mailbox that sends email through Microsoft Graph, for example accounts@example\.com\.$/ },
  { name: 'an AUTHORITY without https', env: { AUTHORITY: `http://login.example.org/${GUID}` }, message: HTTPS },
  { name: 'a GRAPH_URL without https', env: { GRAPH_URL: 'http://graph.example.org/v1.0' }, message: HTTPS },
  { name: 'a GRAPH_URL without https on a local network', env: { GRAPH_URL: 'http://10.0.0.1/v1.0' }, message: HTTPS },
]) {
  test(`with ${name}, the start fails with one line`, async () => {
    const started = await Portal.start({ env: { ...COMPLETE, ...env } }).catch((error: Error) => error.message)
    if (started instanceof Portal) await started.remove()
    expect(started, 'the portal does not start').toEqual(expect.any(String))
    const [first, ...lines] = String(started).trim().split('\n')
    expect(first).toBe('The portal did not start:')
    expect(lines, 'one line').toHaveLength(1)
    expect(lines[0]).toMatch(message)
    expect(lines[0]).not.toContain(COMPLETE.CLIENT_SECRET)
  })
}
