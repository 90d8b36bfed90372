// Who gets in by Microsoft, and who does not any more: what a thief could keep, what a stranger could learn, and how much
// of the portal somebody could take up.
import { mergeTests } from '@playwright/test'

import { DUE_FOR_DELETION } from '../pages/delete-account.ts'
import { linkIn } from '../support/mail.ts'
import { ask, Visitor, wordsOf } from '../support/http.ts'
import { comeBack, leave, leaveToLink, newcomer, pathOf, signIn } from '../support/microsoft-visitor.ts'
import { SAYS, colleague, originOf, test } from '../support/microsoft.ts'
import { PASSWORD, someone } from '../support/people.ts'
import type { Account, Entra } from '../support/entra.ts'
import type { Portal } from '../support/portal.ts'
import { test as withPostgres } from '../support/postgres.ts'
import { Redis } from '../support/redis.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

const WAITS = /waiting for an administrator/
const AT_ONCE = 2_000

async function link(visitor: Visitor, entra: Entra, owner: { password: string }, account: Account): Promise<void> {
  const { path } = await comeBack(visitor, await entra.choose(await leaveToLink(visitor, owner), account))
  expect(path).toBe('/profile')
}

async function statusOf(portal: Portal, username: string): Promise<string | undefined> {
  const [row] = await portal.query(`SELECT status FROM users WHERE username = '${username}'`)
  return row?.[0]
}

function tokenIn(text: string, path: string): string {
  return linkIn(text, path).split('/').at(-1) ?? ''
}

test('who takes a change of address back has no thief at the account, nor their Microsoft account', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const [thief, account, theirs] = [new Visitor(portal), colleague(entra, 'mallory'), someone('mallory').email]
  await thief.signIn(ada)
  await thief.send('ask_address_change', { email: theirs, current_password: ada.password })
  const token = tokenIn(await portal.mails.wait(theirs, /^Confirm your new address/), '/confirm-address/')
  await thief.send('change_address', { token, password: ada.password })
  await link(thief, entra, ada, account)
  // The owner hears of both where they can take it back.
  const undo = tokenIn(await portal.mails.wait(ada.email, /was changed$/), '/undo/')
  await portal.mails.wait(ada.email, /Microsoft/)
  await portal.mails.wait(theirs, /Microsoft/)
  const owner = new Visitor(portal)
  expect((await owner.send('undo_address_change', { token: undo })).body).toBe('{"goto":"/change-password"}')

  const { page } = await signIn(new Visitor(portal), entra, account)
  expect(wordsOf(page)).toMatch(WAITS)
  expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['0']])
})

test('a Microsoft account that was linked before the change goes too, and its owner links it again', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const [owner, account, next] = [new Visitor(portal), colleague(entra), someone('ada').email]
  await owner.signIn(ada)
  await link(owner, entra, ada, account)
  await owner.send('ask_address_change', { email: next, current_password: ada.password })
  const token = tokenIn(await portal.mails.wait(next, /^Confirm your new address/), '/confirm-address/')
  await owner.send('change_address', { token, password: ada.password })
  const undo = tokenIn(await portal.mails.wait(ada.email, /was changed$/), '/undo/')
  const back = new Visitor(portal)
  await back.send('undo_address_change', { token: undo })
  const password = 'quiet orchard spins brightly'
  expect((await back.send('change_password', { new_password: password, confirm_password: password })).body).toBe('{"goto":"/profile"}')
  expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['0']])
  await link(back, entra, { password }, account)
  expect((await signIn(new Visitor(portal), entra, account)).path).toBe('/profile')
})

test('whose only way in is Microsoft keeps it when they take a change of address back', async ({ portal, entra }) => {
  const { visitor, account } = await newcomer(portal, entra)
  const next = someone('ada').email
  await visitor.send('ask_address_change', { email: next })
  const token = tokenIn(await portal.mails.wait(next, /^Confirm your new address/), '/confirm-address/')
  await visitor.send('change_address', { token })
  const undo = tokenIn(await portal.mails.wait(account.username, /was changed$/), '/undo/')
  await new Visitor(portal).send('undo_address_change', { token: undo })
  expect((await signIn(new Visitor(portal), entra, account)).path).toBe('/profile')
})

for (const [what, authTime] of [
  ['of six hours ago', () => Math.floor(Date.now() / 1000) - 6 * 3600],
  ['whose time Microsoft does not tell', () => false as const],
] as const) {
  test(`a sign-in at Microsoft ${what} opens a session but is no proof`, async ({ portal, entra }) => {
    const account = colleague(entra, 'ada', { authTime: authTime() })
    const visitor = new Visitor(portal)
    expect((await signIn(visitor, entra, account)).path).toBe('/profile')
    for (const [action, form] of [
      ['change_password', { new_password: PASSWORD, confirm_password: PASSWORD }],
      ['ask_address_change', { email: someone('ada').email }],
      ['delete_account', {}],
    ] as const) {
      const answer = await visitor.send(action, form)
      expect(JSON.parse(answer.body), action).toMatchObject({ refused: { form: 'proof_too_old' } })
    }
  })
}

test('unlinking ends the sessions that the Microsoft account opened, and no others', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const account = colleague(entra)
  const [owner, other, byMicrosoft] = [new Visitor(portal), new Visitor(portal), new Visitor(portal)]
  await owner.signIn(ada)
  await other.signIn(ada)
  await link(owner, entra, ada, account)
  expect((await signIn(byMicrosoft, entra, account)).path).toBe('/profile')
  await owner.send('unlink_microsoft', { current_password: ada.password })
  expect((await byMicrosoft.open('/profile')).headers.location).toContain('/login')
  for (const visitor of [owner, other]) expect((await visitor.open('/profile')).status).toBe(200)
})

test("declining a stranger who typed a colleague's address does not keep the colleague out", async ({ portal, people, entra }) => {
  const bogus = await people.waiting('bogus')
  await people.decide(bogus, 'reject')
  const colleagues = colleague(entra, 'ada', { username: bogus.email, email: bogus.email })
  expect((await signIn(new Visitor(portal), entra, colleagues)).path).toBe('/profile')
})

test.describe('With a second tenant', () => {
  const second = '33333333-4444-5555-6666-777777777777'
  const env = ({ entra }: { entra: Entra }): Record<string, string> => ({
    MICROSOFT_TENANTS: second,
    AUTHORITY: `${originOf(entra)}/organizations`,
  })

  test('its people see the same whether or not somebody here has their address, whose owner is told', async ({ startWithMicrosoft }) => {
    const { portal, people, entra } = await startWithMicrosoft({ env })
    const ada = await people.active()
    const known = colleague(entra, 'eve', { tid: second, email: ada.email })
    const unknown = colleague(entra, 'eve', { tid: second, email: someone('nobody').email })
    for (const account of [known, unknown]) {
      expect((await signIn(new Visitor(portal), entra, account)).path, account.email).toBe('/profile')
      expect(await statusOf(portal, account.name)).toBe('active')
    }
    await portal.mails.wait(ada.email, /You already have an account/)
    await portal.mails.wait(unknown.email ?? '', /^Confirm your address/)
    await new Visitor(portal).signIn({ username: ada.email, password: ada.password })
  })

  test('who deletes an account with an address that was never confirmed keeps nobody out', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft({ env })
    const { email } = someone('victim')
    const visitor = new Visitor(portal)
    expect((await signIn(visitor, entra, colleague(entra, 'eve', { tid: second, email }))).path).toBe('/profile')
    expect((await visitor.send('delete_account', {})).body).toBe('{"goto":"/"}')
    expect((await signIn(new Visitor(portal), entra, colleague(entra, 'victim', { email }))).path).toBe('/profile')
  })
})

test('who came by Microsoft before linking can link all the same', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const account = colleague(entra, 'guest', { acct: 1, email: ada.email })
  const first = await signIn(new Visitor(portal), entra, account)
  expect(wordsOf(first.page)).toMatch(WAITS)
  expect(await statusOf(portal, account.name)).toBe('shadow')
  const visitor = new Visitor(portal)
  await visitor.signIn(ada)
  await link(visitor, entra, ada, account)
  expect(await statusOf(portal, account.name)).toBeUndefined()
  const again = new Visitor(portal)
  expect((await signIn(again, entra, account)).path).toBe('/profile')
  expect(wordsOf(await again.open('/profile'))).toContain(ada.username)
})

test("pictures on another site's page use up nobody's tries", async ({ startWithMicrosoft }) => {
  const { portal } = await startWithMicrosoft()
  for (const path of ['/ms-login', '/ms-logout', '/auth/redirect?state=x&code=y']) {
    for (const mode of ['no-cors', 'cors', 'same-origin']) {
      const answer = await ask(`${portal.url}${path}`, { headers: { 'sec-fetch-mode': mode, 'sec-fetch-site': 'cross-site' } })
      expect(answer.status, `${path} as ${mode}`).toBe(403)
    }
    const visit = await ask(`${portal.url}${path}`, { headers: { 'sec-fetch-mode': 'navigate' } })
    expect(visit.status, path).toBe(302)
  }
  expect(await portal.query('SELECT count(*) FROM microsoft_trips')).toEqual([['1']])
})

test('while Microsoft hangs, many who go there leave everybody else their turn', async ({ startWithMicrosoft }) => {
  const { portal, people, entra } = await startWithMicrosoft()
  entra.fail({ path: 'discovery', how: 'hang' })
  const many = Array.from({ length: 530 }, async () => ask(`${portal.url}/ms-logout`))
  const login = await new Visitor(portal).open('/login')
  expect(login.status).toBe(200)
  expect(login.took).toBeLessThan(AT_ONCE)
  await new Visitor(portal).signIn(people.keeper)
  for (const { status } of await Promise.all(many)) expect([302, 503]).toContain(status)
  expect(entra.asked.discovery, 'one asks for all').toBeLessThan(5)
})

test('an identity is called by what shows', async ({ portal, entra }) => {
  const account = colleague(entra, 'ada')
  const plain = account.username
  account.username = `\u202e${plain}\u200b`
  const visitor = new Visitor(portal)
  expect((await signIn(visitor, entra, account)).path).toBe('/profile')
  expect(await portal.query(`SELECT label FROM identities WHERE oid = '${account.oid}'`)).toEqual([[plain]])
})

const onServers = mergeTests(test, withPostgres)

onServers('on PostgreSQL with Redis people come, come again, link, unlink and delete their account', async ({ startWithMicrosoft, postgres }) => {
  const redis = await Redis.start()
  const database = await postgres.newDatabase()
  const env = { DATABASE_URL: database, REDIS_URL: redis.url }
  const { portal, people, entra } = await startWithMicrosoft({ env })
  const count = async (what: string): Promise<string> => (await postgres.query(database, `SELECT count(*) FROM ${what}`))[0]?.[0] ?? ''

  const { visitor, account } = await newcomer(portal, entra)
  expect((await signIn(new Visitor(portal), entra, account)).path).toBe('/profile')
  expect(await count(`users WHERE username = '${account.name}' AND status = 'active'`)).toBe('1')

  const [ada, theirs] = [await people.active(), colleague(entra)]
  const owner = new Visitor(portal)
  await owner.signIn(ada)
  await link(owner, entra, ada, theirs)
  expect((await signIn(new Visitor(portal), entra, theirs)).path).toBe('/profile')
  expect((await owner.send('unlink_microsoft', { current_password: ada.password })).body).toBe('{"goto":"/profile"}')
  expect(wordsOf((await signIn(new Visitor(portal), entra, theirs)).page)).toMatch(WAITS)

  // Two tabs, one account.
  const twice = colleague(entra, 'twice')
  const tabs = [new Visitor(portal), new Visitor(portal)]
  const backs = await Promise.all(tabs.map(async (tab) => entra.choose(await leave(tab), twice)))
  const paths = await Promise.all(tabs.map(async (tab, index) => (await comeBack(tab, backs[index] ?? '')).path))
  expect(paths).toEqual(['/profile', '/profile'])
  expect(await count(`users WHERE email = '${twice.username}'`)).toBe('1')

  expect((await visitor.send('delete_account', {})).body).toBe('{"goto":"/"}')
  expect(wordsOf((await signIn(new Visitor(portal), entra, account)).page)).toMatch(DUE_FOR_DELETION)

  // A link that is under way when the account goes: whichever is first, the identity is remembered or was never linked.
  const [bert, last] = [await people.active('bert'), colleague(entra, 'last')]
  const linking = new Visitor(portal)
  await linking.signIn(bert)
  const leaving = new Visitor(portal)
  await leaving.signIn(bert)
  const back = await entra.choose(await leaveToLink(linking, bert), last)
  await Promise.all([linking.open(pathOf(back)), leaving.send('delete_account', { current_password: bert.password })])
  expect(await count(`users WHERE username = '${bert.username}' AND deletion_due_at IS NOT NULL`)).toBe('1')
  const linked = await count(`identities WHERE oid = '${last.oid}'`)

  // Accounts that are due are deleted at the next start, with their identities, which stay blocked.
  await portal.stop()
  await postgres.query(database, 'UPDATE users SET deletion_due_at = 1 WHERE deletion_due_at IS NOT NULL')
  await portal.startAgain()
  await until('both accounts to be deleted', async () => {
    const left = await count(`users WHERE username IN ('${bert.username}', '${account.name}')`)
    return left === '0' ? true : undefined
  })
  expect(await count(`identities WHERE oid IN ('${last.oid}', '${account.oid}')`)).toBe('0')
  expect(wordsOf((await signIn(new Visitor(portal), entra, account)).page)).toMatch(WAITS)
  const again = await signIn(new Visitor(portal), entra, last)
  if (linked === '1') expect(wordsOf(again.page)).toMatch(WAITS)
  else expect(again.path).toBe('/profile')
  await redis.remove()
})
