// Access through Microsoft: the access that an attacker can keep, the facts that a visitor can learn, and the resources
// that a person can use.
import { mergeTests } from '@playwright/test'

import { DUE_FOR_DELETION } from '../pages/delete-account.ts'
import { type Email, linkIn } from '../support/emails.ts'
import type { Account, Entra } from '../support/entra.ts'
import { RawConnection, Visitor, mainText, sendRequest } from '../support/http.ts'
import {
  newMicrosoftUser,
  openCallback,
  pathOf,
  signInWithMicrosoft,
  startLinking,
  startSignIn,
} from '../support/microsoft-visitor.ts'
import { newMicrosoftAccount, originOf, test } from '../support/microsoft.ts'
import { PASSWORD, newPerson } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { test as withPostgres } from '../support/postgres.ts'
import { Redis } from '../support/redis.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

const PENDING = /waiting for an administrator/
const IMMEDIATELY = 2_000

async function link(visitor: Visitor, entra: Entra, owner: { password: string }, account: Account): Promise<void> {
  const { path } = await openCallback(visitor, await entra.choose(await startLinking(visitor, owner), account))
  expect(path).toBe('/profile')
}

async function statusOf(portal: Portal, username: string): Promise<string | undefined> {
  const [row] = await portal.query(`SELECT status FROM users WHERE username = '${username}'`)
  return row?.[0]
}

function tokenIn(email: Email, path: string): string {
  return linkIn(email, path).split('/').at(-1) ?? ''
}

test('undoing a change of email address removes an attacker and their Microsoft account', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const [attacker, account, attackerEmail] = [new Visitor(portal), newMicrosoftAccount(entra, 'mallory'), newPerson('mallory').email]
  await attacker.signIn(ada)
  await attacker.send('ask_address_change', { email: attackerEmail, current_password: ada.password })
  const token = tokenIn(await portal.emails.wait(attackerEmail, /^Confirm your new email address/), '/confirm-address/')
  await attacker.send('change_address', { token, password: ada.password })
  await link(attacker, entra, ada, account)
  // The owner gets an email about each change at the old address.
  const undoToken = tokenIn(await portal.emails.wait(ada.email, /was changed$/), '/undo/')
  await portal.emails.wait(ada.email, /Microsoft/)
  await portal.emails.wait(attackerEmail, /Microsoft/)
  const owner = new Visitor(portal)
  expect((await owner.send('undo_address_change', { token: undoToken })).body).toBe('{"goto":"/change-password"}')

  const { page } = await signInWithMicrosoft(new Visitor(portal), entra, account)
  expect(mainText(page)).toMatch(PENDING)
  expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['0']])
})

test('undoing a change of email address also unlinks a Microsoft account from before, and its owner links it again', async ({
  portal,
  people,
  entra,
}) => {
  const ada = await people.active()
  const [owner, account, next] = [new Visitor(portal), newMicrosoftAccount(entra), newPerson('ada').email]
  await owner.signIn(ada)
  await link(owner, entra, ada, account)
  await owner.send('ask_address_change', { email: next, current_password: ada.password })
  const token = tokenIn(await portal.emails.wait(next, /^Confirm your new email address/), '/confirm-address/')
  await owner.send('change_address', { token, password: ada.password })
  const undoToken = tokenIn(await portal.emails.wait(ada.email, /was changed$/), '/undo/')
  const callback = new Visitor(portal)
  await callback.send('undo_address_change', { token: undoToken })
  const password = 'quiet orchard spins brightly'
  expect((await callback.send('change_password', { new_password: password, confirm_password: password })).body).toBe('{"goto":"/profile"}')
  expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['0']])
  await link(callback, entra, { password }, account)
  expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path).toBe('/profile')
})

test('a user whose only sign-in method is Microsoft keeps it after undoing a change of email address', async ({ portal, entra }) => {
  const { visitor, account } = await newMicrosoftUser(portal, entra)
  const next = newPerson('ada').email
  await visitor.send('ask_address_change', { email: next })
  const token = tokenIn(await portal.emails.wait(next, /^Confirm your new email address/), '/confirm-address/')
  await visitor.send('change_address', { token })
  const undoToken = tokenIn(await portal.emails.wait(account.username, /was changed$/), '/undo/')
  await new Visitor(portal).send('undo_address_change', { token: undoToken })
  expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path).toBe('/profile')
})

for (const [name, authTime] of [
  ['from six hours ago', () => Math.floor(Date.now() / 1000) - 6 * 3600],
  ['without the time of the sign-in', () => false as const],
] as const) {
  test(`a sign-in with Microsoft ${name} opens a session but does not count as recent`, async ({ portal, entra }) => {
    const account = newMicrosoftAccount(entra, 'ada', { authTime: authTime() })
    const visitor = new Visitor(portal)
    expect((await signInWithMicrosoft(visitor, entra, account)).path).toBe('/profile')
    for (const [action, form] of [
      ['change_password', { new_password: PASSWORD, confirm_password: PASSWORD }],
      ['ask_address_change', { email: newPerson('ada').email }],
      ['delete_account', {}],
    ] as const) {
      const answer = await visitor.send(action, form)
      expect(JSON.parse(answer.body), action).toMatchObject({ refused: { form: 'reauthentication_required' } })
    }
  })
}

test('unlinking ends the sessions that were opened with Microsoft, and no others', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const account = newMicrosoftAccount(entra)
  const [owner, other, microsoftVisitor] = [new Visitor(portal), new Visitor(portal), new Visitor(portal)]
  await owner.signIn(ada)
  await other.signIn(ada)
  await link(owner, entra, ada, account)
  expect((await signInWithMicrosoft(microsoftVisitor, entra, account)).path).toBe('/profile')
  await owner.send('unlink_microsoft', { current_password: ada.password })
  expect((await microsoftVisitor.open('/profile')).headers.location).toContain('/login')
  for (const visitor of [owner, other]) expect((await visitor.open('/profile')).status).toBe(200)
})

test("rejecting a registration with a colleague's email address does not block the colleague", async ({ portal, people, entra }) => {
  const rejectedUser = await people.pending('bogus')
  await people.act(rejectedUser, 'reject')
  const account = newMicrosoftAccount(entra, 'ada', { username: rejectedUser.email, email: rejectedUser.email })
  expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path).toBe('/profile')
})

test.describe('With a second tenant', () => {
  const second = '33333333-4444-5555-6666-777777777777'
  const env = ({ entra }: { entra: Entra }): Record<string, string> => ({
    MICROSOFT_TENANTS: second,
    AUTHORITY: `${originOf(entra)}/organizations`,
  })

  test('people of another tenant get the same answer for known and unknown email addresses, and the owner gets an email', async ({
    startWithMicrosoft,
  }) => {
    const { portal, people, entra } = await startWithMicrosoft({ env })
    const ada = await people.active()
    const knownAccount = newMicrosoftAccount(entra, 'eve', { tid: second, email: ada.email })
    const unknownAccount = newMicrosoftAccount(entra, 'eve', { tid: second, email: newPerson('unknown').email })
    for (const account of [knownAccount, unknownAccount]) {
      expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path, account.email).toBe('/profile')
      expect(await statusOf(portal, account.name)).toBe('active')
    }
    await portal.emails.wait(ada.email, /You already have an account/)
    await portal.emails.wait(unknownAccount.email ?? '', /^Confirm your email address/)
    await new Visitor(portal).signIn({ username: ada.email, password: ada.password })
  })

  test('deleting an account with an unconfirmed email address blocks no one', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft({ env })
    const { email } = newPerson('victim')
    const visitor = new Visitor(portal)
    expect((await signInWithMicrosoft(visitor, entra, newMicrosoftAccount(entra, 'eve', { tid: second, email }))).path).toBe('/profile')
    expect((await visitor.send('delete_account', {})).body).toBe('{"goto":"/"}')
    expect((await signInWithMicrosoft(new Visitor(portal), entra, newMicrosoftAccount(entra, 'victim', { email }))).path).toBe('/profile')
  })
})

test('a person who signed in with Microsoft before linking can still link', async ({ portal, people, entra }) => {
  const ada = await people.active()
  const account = newMicrosoftAccount(entra, 'guest', { acct: 1, email: ada.email })
  const first = await signInWithMicrosoft(new Visitor(portal), entra, account)
  expect(mainText(first.page)).toMatch(PENDING)
  expect(await statusOf(portal, account.name)).toBe('shadow')
  const visitor = new Visitor(portal)
  await visitor.signIn(ada)
  await link(visitor, entra, ada, account)
  expect(await statusOf(portal, account.name)).toBeUndefined()
  const again = new Visitor(portal)
  expect((await signInWithMicrosoft(again, entra, account)).path).toBe('/profile')
  expect(mainText(await again.open('/profile'))).toContain(ada.username)
})

test("images on another site's page do not use up the rate limit", async ({ startWithMicrosoft }) => {
  const { portal } = await startWithMicrosoft()
  for (const path of ['/ms-login', '/ms-logout', '/auth/redirect?state=x&code=y']) {
    for (const mode of ['no-cors', 'cors', 'same-origin']) {
      const answer = await sendRequest(`${portal.url}${path}`, { headers: { 'sec-fetch-mode': mode, 'sec-fetch-site': 'cross-site' } })
      expect(answer.status, `${path} as ${mode}`).toBe(403)
    }
    const visit = await sendRequest(`${portal.url}${path}`, { headers: { 'sec-fetch-mode': 'navigate' } })
    expect(visit.status, path).toBe(302)
  }
  expect(await portal.query('SELECT count(*) FROM authorization_requests')).toEqual([['1']])
})

test('while Microsoft does not answer, many sign-ins with it do not slow down other requests', async ({ startWithMicrosoft }) => {
  const { portal, people, entra } = await startWithMicrosoft()
  entra.fail({ endpoint: 'discovery', fault: 'hang' })
  const connections = await RawConnection.openMany(portal.url, 530)
  const request = `GET /ms-logout HTTP/1.1\r\nHost: ${new URL(portal.url).host}\r\nConnection: close\r\n\r\n`
  for (const connection of connections) connection.write(request)
  // 64 calls may wait (MAX_CONCURRENT_CALLS). The others are answered immediately.
  const waiting = (): number => connections.filter(({ closed }) => closed === undefined).length
  await until('64 requests to wait for Microsoft', async () => (waiting() <= 64 ? true : undefined))
  const login = await new Visitor(portal).open('/login')
  expect(login.status).toBe(200)
  expect(login.took).toBeLessThan(IMMEDIATELY)
  expect(waiting(), 'requests that still wait for Microsoft').toBe(64)
  await new Visitor(portal).signIn(people.admin)
  await until('all requests to be answered', async () => (connections.every(({ closed }) => closed !== undefined) ? true : undefined))
  for (const { received } of connections) expect(received).toMatch(/^HTTP\/1\.1 (302|503) /)
  expect(entra.requestCounts.discovery, 'one request for all of them').toBeLessThan(5)
})

test('invisible characters are removed from the label of an identity', async ({ portal, entra }) => {
  const account = newMicrosoftAccount(entra, 'ada')
  const plain = account.username
  account.username = `\u202e${plain}\u200b`
  const visitor = new Visitor(portal)
  expect((await signInWithMicrosoft(visitor, entra, account)).path).toBe('/profile')
  expect(await portal.query(`SELECT label FROM identities WHERE oid = '${account.oid}'`)).toEqual([[plain]])
})

const onServers = mergeTests(test, withPostgres)

onServers('on PostgreSQL with Redis, people sign in with Microsoft, link, unlink and delete their account', async ({
  startWithMicrosoft,
  postgres,
}) => {
  const redis = await Redis.start()
  const database = await postgres.newDatabase()
  const env = { DATABASE_URL: database, REDIS_URL: redis.url }
  const { portal, people, entra } = await startWithMicrosoft({ env })
  const count = async (name: string): Promise<string> => (await postgres.query(database, `SELECT count(*) FROM ${name}`))[0]?.[0] ?? ''

  const { visitor, account } = await newMicrosoftUser(portal, entra)
  expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path).toBe('/profile')
  expect(await count(`users WHERE username = '${account.name}' AND status = 'active'`)).toBe('1')

  const [ada, attackerEmail] = [await people.active(), newMicrosoftAccount(entra)]
  const owner = new Visitor(portal)
  await owner.signIn(ada)
  await link(owner, entra, ada, attackerEmail)
  expect((await signInWithMicrosoft(new Visitor(portal), entra, attackerEmail)).path).toBe('/profile')
  expect((await owner.send('unlink_microsoft', { current_password: ada.password })).body).toBe('{"goto":"/profile"}')
  expect(mainText((await signInWithMicrosoft(new Visitor(portal), entra, attackerEmail)).page)).toMatch(PENDING)

  // Two tabs create one account.
  const twice = newMicrosoftAccount(entra, 'twice')
  const tabs = [new Visitor(portal), new Visitor(portal)]
  const callbacks = await Promise.all(tabs.map(async (tab) => entra.choose(await startSignIn(tab), twice)))
  const paths = await Promise.all(tabs.map(async (tab, index) => (await openCallback(tab, callbacks[index] ?? '')).path))
  expect(paths).toEqual(['/profile', '/profile'])
  expect(await count(`users WHERE email = '${twice.username}'`)).toBe('1')

  expect((await visitor.send('delete_account', {})).body).toBe('{"goto":"/"}')
  expect(mainText((await signInWithMicrosoft(new Visitor(portal), entra, account)).page)).toMatch(DUE_FOR_DELETION)

  // Linking and the deletion of the account run at the same time: the identity is either blocked or was never linked.
  const [bert, last] = [await people.active('bert'), newMicrosoftAccount(entra, 'last')]
  const linking = new Visitor(portal)
  await linking.signIn(bert)
  const leaving = new Visitor(portal)
  await leaving.signIn(bert)
  const callback = await entra.choose(await startLinking(linking, bert), last)
  await Promise.all([linking.open(pathOf(callback)), leaving.send('delete_account', { current_password: bert.password })])
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
  expect(mainText((await signInWithMicrosoft(new Visitor(portal), entra, account)).page)).toMatch(PENDING)
  const again = await signInWithMicrosoft(new Visitor(portal), entra, last)
  if (linked === '1') expect(mainText(again.page)).toMatch(PENDING)
  else expect(again.path).toBe('/profile')
  await redis.remove()
})
