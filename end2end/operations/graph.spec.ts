// Mail through Microsoft Graph, against doubles that speak as Entra and Graph do: how a mail looks, what it costs, and
// that every answer, and none at all, has the end it should have. What was sent again says the same; nothing is lost.
//
// The first wait after a failure is half a minute. Where a test says that time passes, it says so to the outbox.
import { Entra } from '../support/entra.ts'
import { Graph, type GraphMail, type GraphTrouble } from '../support/graph.ts'
import { Visitor, ask, wordsOf } from '../support/http.ts'
import { someone } from '../support/people.ts'
import { type OwnPortal, expect, test as base } from '../support/test.ts'
import { type Person, Portal } from '../support/portal.ts'
import { until } from '../support/until.ts'

const SENDER = 'accounts@example.org'
const DESK = 'desk@example.org'
const CONFIRM = /^Confirm your address/

/** A portal whose mail goes through Graph. */
interface Setting extends OwnPortal {
  entra: Entra
  graph: Graph
}

const test = base.extend<{ startWithGraph: (env?: Record<string, string>) => Promise<Setting> }>({
  // It ends before its portal, so that no portal waits for an answer when it is to stop.
  startWithGraph: async ({ startPortal }, use) => {
    const doubles: { stop: () => Promise<void> }[] = []
    await use(async (env = {}) => {
      const entra = await Entra.start()
      const graph = await Graph.start(entra)
      doubles.push(entra, graph)
      graph.senders.push(SENDER)
      const own = await startPortal({ admin: someone('keeper'), env: { ...settings(entra, graph), ...env } })
      return { ...own, entra, graph }
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
    ADMIN_EMAIL: DESK,
    CLIENT_ID: entra.clientId,
    CLIENT_SECRET: entra.clientSecret,
    TENANT_ID: entra.tenant,
    AUTHORITY: `${entra.url}/${entra.tenant}`,
    LIMIT_RESET: '10000/1m',
  }
}

/** Where the mail to somebody stands. */
interface Row {
  id: string
  status: string
  attempts: number
  /** In milliseconds since 1970. */
  due: number
  leased: boolean
  reason: string
  /** Whether what it said is gone. */
  wiped: boolean
}

const COLUMNS = 'id, status, attempts, due_at / 1000, leased_until > 0, sealed IS NULL, last_error'

function readRow([id = '', status = '', attempts = '', due = '', leased = '', wiped = '', reason = '']: string[]): Row {
  return { id, status, attempts: Number(attempts), due: Number(due), leased: leased === '1', reason, wiped: wiped === '1' }
}

function rowsTo(email: string): string {
  return `SELECT ${COLUMNS} FROM outbox WHERE recipient = '${email}' ORDER BY id`
}

/** Waits until somebody's one mail is as it should be. */
async function rowOf(portal: Portal, { email }: { email: string }, what: string, fits: (row: Row) => boolean, most?: number): Promise<Row> {
  return until(`the mail to ${email} to be ${what}`, async () => {
    const [row, ...others] = await portal.query(rowsTo(email))
    if (row === undefined || others.length > 0) return undefined
    const read = readRow(row)
    return fits(read) ? read : undefined
  }, most)
}

async function untilSent(portal: Portal, person: { email: string }): Promise<Row> {
  return rowOf(portal, person, 'sent', ({ status }) => status === 'sent')
}

/** Waits until it was tried and will be tried again. */
async function untilPutOff(portal: Portal, person: { email: string }, attempts = 1, most?: number): Promise<Row> {
  const putOff = (row: Row): boolean => row.status === 'waiting' && row.attempts === attempts && !row.leased
  return rowOf(portal, person, 'put off', putOff, most)
}

/** Wakes the worker: a request for somebody unknown makes no mail. */
async function wake(portal: Portal): Promise<void> {
  const answer = await new Visitor(portal).send('ask_reset', { email: someone('nobody').email })
  expect(answer.body).toBe('{"goto":"/login"}')
}

/** Every wait is over. */
async function passTime(portal: Portal): Promise<void> {
  await portal.query("UPDATE outbox SET due_at = 0, leased_until = 0 WHERE status = 'waiting'")
  await wake(portal)
}

/** The first registration's notice leaves at once, those of the next 15 minutes do not: from now on there is one mail each. */
async function sendFirst({ portal, people, graph }: Setting): Promise<void> {
  const first = await people.waiting('first')
  await graph.wait(DESK, /asks to join/)
  await untilSent(portal, first)
  await untilSent(portal, { email: DESK })
}

/** All that came for somebody, taken or not. */
function triedFor({ graph }: Setting, { email }: { email: string }): GraphMail[] {
  return graph.tried.filter(({ to }) => to.includes(email))
}

/** The one address in a mail that contains `part`. */
function linkIn({ message, subject }: GraphMail, part: string): string {
  const links = [...message.body.content.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link.replace(/&amp;/g, '&'))
  const [link, ...others] = new Set(links.filter((link) => link.includes(part)))
  if (link === undefined || others.length > 0) throw new Error(`Expected one link with ${part} in "${subject}": ${links.join(' ')}`)
  return link
}

function tokenIn(mail: GraphMail): string {
  return linkIn(mail, '/confirm/').split('/').at(-1) ?? ''
}

/** The link of a mail does what it is for. */
async function expectGood({ portal }: Setting, { password }: Person, mail: GraphMail): Promise<void> {
  const answer = await new Visitor(portal).send('confirm_address', { token: tokenIn(mail), password })
  expect(answer.body, 'the link is good').toContain('"goto"')
}

/** Every copy is the same mail. */
function expectSame(mails: GraphMail[]): void {
  expect(new Set(mails.map(tokenIn)).size, 'every copy has the same link').toBe(1)
  expect(new Set(mails.map(({ message }) => message.internetMessageId)).size, 'and the same number').toBe(1)
}

/** Nobody learns from the log what is secret. */
function expectDiscreet({ portal, entra }: Setting, mails: GraphMail[], { password }: Person): void {
  const secrets = new Set([entra.clientSecret, password, ...mails.flatMap((mail) => [mail.bearer, tokenIn(mail)])])
  for (const secret of secrets) {
    const line = portal.logged.split('\n').find((line) => line.includes(secret))
    expect(line, 'no line of the log has a secret in it').toBeUndefined()
  }
}

test('the mails of a registration come as JSON, from the right mailbox, with no copy kept', async ({ startWithGraph }) => {
  const setting = await startWithGraph({ LOG: 'trace', PORTAL_NAME: 'The Lobby' })
  const { portal, people, entra, graph } = setting
  const ada = await people.waiting()
  const mail = await graph.wait(ada.email, CONFIRM)
  const notice = await graph.wait(DESK, /asks to join/)
  for (const { sender, headers, saveToSentItems, message } of [mail, notice]) {
    expect(sender).toBe(SENDER)
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect(saveToSentItems).toBe(false)
    expect(message.from).toEqual({ emailAddress: { name: 'The Lobby', address: SENDER } })
    expect(message.body.contentType).toBe('HTML')
    expect(message.body.content.match(/<html\b/g), 'one page and nothing beside it').toHaveLength(1)
    expect(message.internetMessageHeaders).toEqual([{ name: 'X-Auto-Response-Suppress', value: 'All' }])
    const beside = ['attachments', 'ccRecipients', 'bccRecipients', 'replyTo', 'uniqueBody']
    expect(Object.keys(message).filter((name) => beside.includes(name))).toEqual([])
  }
  expect(mail.to).toEqual([ada.email])
  expect(notice.to).toEqual([DESK])
  expect(notice.message.body.content).not.toContain(tokenIn(mail))
  await expectGood(setting, ada, mail)

  await untilSent(portal, { email: DESK })
  expect((await untilSent(portal, ada)).wiped, 'what was sent is kept nowhere').toBe(true)
  expect(graph.tried, 'each was sent once').toHaveLength(2)
  expect(entra.asked.token, 'with one token').toBe(1)
  expect(entra.lastToken?.tenant).toBe(entra.tenant)
  expect(entra.lastToken?.parameters).toMatchObject({
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
  })
  expectDiscreet(setting, [mail], ada)
})

test('many mails at once cost one token, and no more than two are on their way at a time', async ({ startWithGraph }) => {
  const { portal, entra, graph } = await startWithGraph()
  const late = 300
  graph.fail({ path: 'sendMail', how: 'slow', late })
  const many = Array.from({ length: 12 }, () => someone('guest'))
  await Promise.all(
    many.map(async ({ username, email, password }) => {
      const form = { username, email, password, confirm_password: password }
      expect((await new Visitor(portal).send('register', form)).body).toBe('{"goto":"/login"}')
    }),
  )
  for (const person of many) await untilSent(portal, person)
  expect(graph.accepted.map(({ to }) => to[0]).filter((to) => to !== DESK).sort(), 'once each').toEqual(
    many.map(({ email }) => email).sort(),
  )
  expect(entra.asked.token).toBe(1)
  // A timer may be a millisecond early.
  const soonest = graph.tried.slice(2).map(({ at }, before) => at - (graph.tried[before]?.at ?? 0))
  expect(Math.min(...soonest), 'the third comes when the first is answered').toBeGreaterThanOrEqual(late - 2)
})

for (const status of [429, 503] as const) {
  test(`after ${status} a mail is sent again no earlier than Graph asks for, and once`, async ({ startWithGraph }) => {
    const setting = await startWithGraph()
    const { portal, people, graph } = setting
    await sendFirst(setting)
    const refused = async (retryAfter?: number | (() => Date)): Promise<{ person: Person; row: Row }> => {
      graph.fail({ path: 'sendMail', how: `status-${status}`, times: 1, retryAfter })
      const person = await people.waiting()
      return { person, row: await untilPutOff(portal, person) }
    }
    const { person: unsaid, row } = await refused()
    const arrive = (...those: Person[]) =>
      until('those who were told when to arrive', async () => {
        await wake(portal)
        return those.every(({ email }) => graph.to(email, CONFIRM).length > 0) ? true : undefined
      })
    const { person: seconds } = await refused(3)
    const bystander = await people.waiting('bystander')
    await arrive(seconds, bystander)
    // In a header there are whole seconds.
    let date = 0
    const { person: dated } = await refused(() => {
      date = Math.floor(Date.now() / 1000) * 1000 + 4_000
      return new Date(date)
    })
    await arrive(dated)
    // Before the portal has noted that an email has gone out, its lease must not end.
    for (const person of [seconds, bystander, dated]) await untilSent(portal, person)
    await test.step('as seconds', async () => {
      const [first, second] = triedFor(setting, seconds).map(({ at }) => at)
      expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(3_000)
    })
    await test.step('the mailbox rests meanwhile, and not that mail alone', async () => {
      const tried = triedFor(setting, bystander)
      expect(tried).toHaveLength(1)
      expect(Number(tried[0]?.at) - Number(triedFor(setting, seconds)[0]?.at)).toBeGreaterThanOrEqual(3_000)
    })
    await test.step('as a date', async () => {
      expect(triedFor(setting, dated)[1]?.at).toBeGreaterThanOrEqual(date)
    })
    await test.step('not at all: half a minute, and up to half of that by chance', async () => {
      const wait = row.due - (triedFor(setting, unsaid)[0]?.at ?? 0)
      expect(wait).toBeGreaterThanOrEqual(30_000)
      expect(wait).toBeLessThan(48_000)
      expect(row.reason).toMatch(new RegExp(`^Graph answered ${status} (ApplicationThrottled|ServiceUnavailable): `))
      await passTime(portal)
      await graph.wait(unsaid.email, CONFIRM)
    })
    for (const person of [unsaid, seconds, dated]) {
      expect((await untilSent(portal, person)).attempts).toBe(2)
      expect(graph.to(person.email, /./), 'once').toHaveLength(1)
      const tried = triedFor(setting, person)
      expect(tried).toHaveLength(2)
      expectSame(tried)
    }
  })
}

test('after 401 a mail is sent at once with one new token', async ({ startWithGraph }) => {
  const setting = await startWithGraph()
  const { portal, people, entra, graph } = setting
  await sendFirst(setting)
  expect(entra.asked.token).toBe(1)
  entra.revokeTokens()
  const ada = await people.waiting()
  await graph.wait(ada.email, CONFIRM)
  expect((await untilSent(portal, ada)).attempts, 'it was no failure').toBe(1)
  const bert = await people.waiting('bert')
  await untilSent(portal, bert)
  expect(triedFor(setting, ada)).toHaveLength(2)
  expect(triedFor(setting, bert), 'the new one is kept').toHaveLength(1)
  expect(entra.asked.token).toBe(2)
})

test('while every token gets 401, each try costs one new token, and the mail waits', async ({ startWithGraph }) => {
  const setting = await startWithGraph()
  const { portal, people, entra, graph } = setting
  await sendFirst(setting)
  graph.fail({ path: 'sendMail', how: 'status-401' })
  const ada = await people.waiting()
  for (const attempt of [1, 2]) {
    const row = await untilPutOff(portal, ada, attempt)
    expect(row.reason).toMatch(/^Graph answered 401 InvalidAuthenticationToken: Lifetime validation failed/)
    expect(triedFor(setting, ada)).toHaveLength(2 * attempt)
    expect(entra.asked.token).toBe(1 + attempt)
    if (attempt === 2) graph.heal()
    await passTime(portal)
  }
  await untilSent(portal, ada)
  expect(graph.to(ada.email, /./)).toHaveLength(1)
  const tried = triedFor(setting, ada)
  expectSame(tried)
  expectDiscreet(setting, tried, ada)
})

/** Checks that administrators see why an email is delayed. */
async function expectShown(setting: Setting, keeper: Visitor, person: Person, reason: string): Promise<void> {
  expect((await untilPutOff(setting.portal, person)).reason).toBe(reason)
  await untilPutOff(setting.portal, { email: DESK })
  const words = wordsOf(await keeper.open('/admin/mail'))
  expect(words).toContain('2 emails have not been sent yet.')
  expect(words).toContain(`Its last error: ${reason}`)
  expect(triedFor(setting, person), 'it was tried once').toHaveLength(1)
}

async function sendAllAgain(keeper: Visitor): Promise<void> {
  expect((await keeper.send('resend_all_mails', {})).body).toBe('{"goto":"/admin/mail"}')
}

test('a mailbox that is not there is shown with what Graph says, and the mails arrive once it is', async ({ startWithGraph }) => {
  const setting = await startWithGraph()
  const { portal, people, graph } = setting
  graph.senders.splice(0, 1, 'somebody.else@example.org')
  const keeper = new Visitor(portal)
  await keeper.signIn(people.keeper)
  const ada = await people.waiting()
  await expectShown(setting, keeper, ada, `Graph answered 404 ErrorInvalidUser: The requested user '${SENDER}' is invalid.`)
  const { out } = await portal.attempt(['doctor'])
  expect(out).toMatch(/^note {2}delayed emails: 2 emails could not be sent yet, .*ErrorInvalidUser/m)
  graph.senders.push(SENDER)
  await sendAllAgain(keeper)
  await expectGood(setting, ada, await graph.wait(ada.email, CONFIRM))
})

test('a missing permission is shown with what Graph says, and the mails arrive once it is given', async ({ startWithGraph }) => {
  const setting = await startWithGraph()
  const { portal, people, entra, graph } = setting
  entra.roles = []
  const keeper = new Visitor(portal)
  await keeper.signIn(people.keeper)
  const ada = await people.waiting()
  await expectShown(setting, keeper, ada, 'Graph answered 403 ErrorAccessDenied: Access is denied. Check credentials and try again.')
  // What an application may do stands in its tokens: a token from before knows nothing of it.
  entra.roles = ['Mail.Send']
  await sendAllAgain(keeper)
  await expectGood(setting, ada, await graph.wait(ada.email, CONFIRM))
})

const UNKNOWN: { how: GraphTrouble; reason: RegExp; copies: number }[] = [
  { how: 'taken-then-close', reason: /^Graph did not answer, it may have gone out: /, copies: 2 },
  { how: 'taken-then-hang', reason: /it may have gone out/, copies: 2 },
  { how: 'close', reason: /^Graph did not answer, it may have gone out: /, copies: 1 },
  { how: 'garbage', reason: /^Graph answered 200$/, copies: 1 },
  { how: 'status-500', reason: /^Graph answered 500 ErrorInternalServerError: An internal server error/, copies: 1 },
  { how: 'status-502', reason: /^Graph answered 502 BadGateway: /, copies: 1 },
  { how: 'status-504', reason: /^Graph answered 504 GatewayTimeout: /, copies: 1 },
]

for (const { how, reason, copies } of UNKNOWN) {
  test(`when nobody knows whether a mail went out (${how}), it is sent again with the same link`, async ({ startWithGraph }) => {
    const setting = await startWithGraph()
    const { portal, people, graph } = setting
    await sendFirst(setting)
    graph.fail({ path: 'sendMail', how, times: 1 })
    const ada = await people.waiting()
    const row = await untilPutOff(portal, ada, 1, 40_000)
    expect(row.reason).toMatch(reason)
    expect(row.due - Date.now(), 'not at once').toBeGreaterThan(20_000)
    expect(row.wiped).toBe(false)
    expect(triedFor(setting, ada), 'nothing in between sends it twice').toHaveLength(1)
    await passTime(portal)
    const { attempts, wiped } = await untilSent(portal, ada)
    expect({ attempts, wiped }).toEqual({ attempts: 2, wiped: true })
    const tried = triedFor(setting, ada)
    expect(tried).toHaveLength(2)
    expectSame(tried)
    expect(graph.to(ada.email, /./)).toHaveLength(copies)
    for (const mail of tried.slice(1)) await expectGood(setting, ada, mail)
    expectDiscreet(setting, tried, ada)
  })
}

const REFUSED = /^no token for Graph: 401 invalid_client: AADSTS7000215: Invalid client secret provided\./

for (const { name, how, reason } of [
  { name: 'answers with an error', how: 'status-500', reason: /^no token for Graph: 500 server_error: AADSTS90033: / },
  { name: 'hangs up', how: 'close', reason: /^no token for Graph: / },
  { name: 'says nothing', how: 'hang', reason: /^no token for Graph within 10 seconds$/ },
  { name: 'answers with a page', how: 'garbage', reason: /^no token for Graph: the answer is not what it should be$/ },
  { name: 'refuses the secret', how: 'refuse', reason: REFUSED },
] as const) {
  test(`while Entra ${name}, mails wait, and they arrive afterwards without a restart`, async ({ startWithGraph }) => {
    const setting = await startWithGraph()
    const { portal, people, entra, graph } = setting
    const secret = entra.clientSecret
    if (how === 'refuse') entra.clientSecret = 'another one'
    else entra.fail({ path: 'token', how })
    const ada = await people.waiting()
    expect((await untilPutOff(portal, ada)).reason).toMatch(reason)
    expect((await untilPutOff(portal, { email: DESK })).reason).toMatch(reason)
    expect(graph.asked.sendMail, 'nothing is sent without a token').toBe(0)
    expect((await ask(`${portal.url}/readyz`)).status, 'the portal does not need mail to be ready').toBe(200)
    entra.clientSecret = secret
    entra.heal()
    await passTime(portal)
    const mail = await graph.wait(ada.email, CONFIRM)
    await graph.wait(DESK, /asks to join/)
    await untilSent(portal, ada)
    await untilSent(portal, { email: DESK })
    expect(graph.tried, 'once each').toHaveLength(2)
    await expectGood(setting, ada, mail)
    expectDiscreet(setting, [mail], ada)
  })
}

test('who keeps the portal reads in the log why no mail leaves', async ({ startWithGraph }) => {
  const setting = await startWithGraph()
  const { portal, people, entra } = setting
  entra.clientSecret = 'another one'
  const ada = await people.waiting()
  await untilPutOff(portal, ada)
  expect(portal.logged).toContain('AADSTS7000215')
})

for (const { name, how, copies } of [
  { name: 'when Graph has taken a mail and nobody has noted it', how: 'taken-then-hang', copies: 2 },
  { name: 'when Graph has not taken a mail yet', how: 'hang', copies: 1 },
] as const) {
  test(`a portal that is killed ${name} sends it again, with the same link`, async ({ startWithGraph }) => {
    const setting = await startWithGraph()
    const { portal, people, graph } = setting
    await sendFirst(setting)
    graph.fail({ path: 'sendMail', how, times: 1 })
    const ada = await people.waiting()
    await until('Graph to have the mail', async () => triedFor(setting, ada)[0])
    await portal.kill()
    const [left = [], ...others] = await portal.queryCopy(rowsTo(ada.email))
    expect(others).toEqual([])
    expect(readRow(left)).toMatchObject({ status: 'waiting', attempts: 1, leased: true, wiped: false })

    await portal.startAgain()
    await wake(portal)
    expect(triedFor(setting, ada), 'another worker may still be at it').toHaveLength(1)
    // Two minutes pass: the lease of the worker that was killed is over.
    await passTime(portal)
    expect((await untilSent(portal, ada)).attempts).toBe(2)
    const tried = triedFor(setting, ada)
    expect(tried).toHaveLength(2)
    expectSame(tried)
    expect(graph.to(ada.email, /./)).toHaveLength(copies)
    for (const mail of tried.slice(1)) await expectGood(setting, ada, mail)
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
const HTTPS = /must be an address that begins with https:\/\/\.$/

for (const { name, env, says } of [
  { name: 'an application that is no GUID', env: { CLIENT_ID: 'vestibule' }, says: /^vestibule: CLIENT_ID: must be .*GUID\.$/ },
  { name: 'an application of zeros', env: { CLIENT_ID: NIL }, says: /^vestibule: .*CLIENT_ID: must be the application's number/ },
  { name: 'no application', env: { CLIENT_ID: '' }, says: /^vestibule: CLIENT_ID: is missing: / },
  { name: 'no secret', env: { CLIENT_SECRET: '' }, says: /^vestibule: CLIENT_SECRET: is missing: / },
  { name: 'no tenant', env: { TENANT_ID: '' }, says: /^vestibule: TENANT_ID: is missing: / },
  {
    name: 'neither application, secret nor tenant',
    env: { CLIENT_ID: '', CLIENT_SECRET: '', TENANT_ID: '' },
    says: /^vestibule: MAIL_TRANSPORT: can be graph only with CLIENT_ID, CLIENT_SECRET and TENANT_ID\.$/,
  },
  {
    name: 'a tenant that is not one',
    env: { TENANT_ID: 'organizations', MICROSOFT_TENANTS: GUID },
    says: /^vestibule: (TENANT_ID|MAIL_TRANSPORT): /,
  },
  { name: 'no mailbox', env: { SENDER_EMAIL: '' }, says: /^vestibule: SENDER_EMAIL: must be the mailbox that Graph sends from\.$/ },
  { name: 'tokens in the clear', env: { AUTHORITY: `http://login.example.org/${GUID}` }, says: HTTPS },
  { name: 'mail in the clear', env: { GRAPH_URL: 'http://graph.example.org/v1.0' }, says: HTTPS },
  { name: 'mail in the clear to the next machine', env: { GRAPH_URL: 'http://10.0.0.1/v1.0' }, says: HTTPS },
]) {
  test(`with ${name} the start is refused in one sentence`, async () => {
    const started = await Portal.start({ env: { ...COMPLETE, ...env } }).catch((error: Error) => error.message)
    if (started instanceof Portal) await started.remove()
    expect(started, 'it does not start').toEqual(expect.any(String))
    const [first, ...lines] = String(started).trim().split('\n')
    expect(first).toBe('The portal did not start:')
    expect(lines, 'one line').toHaveLength(1)
    expect(lines[0]).toMatch(says)
    expect(lines[0]).not.toContain(COMPLETE.CLIENT_SECRET)
  })
}
