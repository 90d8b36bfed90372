import type { Page } from '@playwright/test'

import { AddressPage } from '../pages/address.ts'
import { ChangePasswordPage } from '../pages/change-password.ts'
import { ConfirmPage } from '../pages/confirm.ts'
import { DecisionPage } from '../pages/decision.ts'
import { KeepAccountPage, DUE_FOR_DELETION } from '../pages/delete-account.ts'
import { EntraPage } from '../pages/entra.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { MicrosoftPage } from '../pages/microsoft.ts'
import { ProfilePage } from '../pages/profile.ts'
import type { Account, Entra } from '../support/entra.ts'
import { linkIn } from '../support/mail.ts'
import { BUTTON, SAYS, age, choose, colleague, enter, newcomer, originOf, test } from '../support/microsoft.ts'
import { PASSWORD, someone } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { expect, send, signIn } from '../support/test.ts'

async function statusOf(portal: Portal, username: string): Promise<string | undefined> {
  const [row] = await portal.query(`SELECT status FROM users WHERE username = '${username}'`)
  return row?.[0]
}

/** The names of those whose account has this Microsoft account. */
async function ownersOf(portal: Portal, { tid, oid }: Account): Promise<string[]> {
  const found = `SELECT username FROM users JOIN identities ON user_id = id WHERE tid = '${tid}' AND oid = '${oid}'`
  return (await portal.query(found)).map(([username = '']) => username)
}

test('who comes for the first time has an active account and sees the profile', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  const profile = new ProfilePage(page)
  await expect(profile.card).toContainText(ada.username)
  await expect(profile.card).toContainText('Active')
  await expect(profile.card).toContainText('Member')
  await expect(profile.card.getByText('Address confirmed', { exact: true })).toBeVisible()
  await expect(profile.password).toContainText('You have none yet.')
  await expect(profile.waysIn).toContainText(ada.username)
  await expect(profile.history.filter({ hasText: 'Registered with Microsoft' })).toHaveCount(1)
  await expect(profile.history.filter({ hasText: 'Signed in with Microsoft' })).toHaveCount(1)
  expect(await statusOf(portal, ada.name)).toBe('active')
  expect(await ownersOf(portal, ada)).toEqual([ada.name])
  expect(entra.lastAuthorize?.parameters).toMatchObject({
    response_type: 'code',
    response_mode: 'query',
    code_challenge_method: 'S256',
    redirect_uri: `${portal.url}/auth/redirect`,
  })
})

test('the page one came from is where one goes, by way of Microsoft too', async ({ page, entra }) => {
  const ada = colleague(entra)
  const login = new LoginPage(page)
  const address = new AddressPage(page)
  for (const time of ['first', 'second']) {
    await test.step(`the ${time} time`, async () => {
      await login.visit('/profile/address')
      await login.is('?next=%2Fprofile%2Faddress')
      await choose(page, ada)
      await address.is()
      await page.context().clearCookies()
    })
  }
})

test('Microsoft leads to no other address than pages of the portal', async ({ page, entra }) => {
  const ada = colleague(entra)
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example/', '/logout', '/ms-logout', '/auth/redirect']) {
    await page.goto(`/ms-login?next=${encodeURIComponent(next)}`)
    await new EntraPage(page).choose(ada)
    await new ProfilePage(page).isOf(ada.name)
    await page.context().clearCookies()
    await page.goto(`/login?next=${encodeURIComponent(next)}`)
    await choose(page, ada)
    await new ProfilePage(page).isOf(ada.name)
    await page.context().clearCookies()
  }
})

test('the second sign-in is to the same account, whatever Microsoft calls its owner by then', async ({ page, portal, people, entra }) => {
  const ada = await newcomer(page, entra)
  const { name } = ada
  const id = await people.idOf(name)
  await page.context().clearCookies()
  const { username, email } = someone('married')
  Object.assign(ada, { name: username, username: email, email })
  await enter(page, ada)
  const profile = new ProfilePage(page)
  await profile.isOf(name)
  expect(await people.idOf(name)).toBe(id)
  expect(await ownersOf(portal, ada)).toEqual([name])
  expect(await statusOf(portal, username)).toBeUndefined()
})

test('somebody whose name is taken gets another', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const namesake = colleague(entra, 'namesake', { username: `${ada.username}@example.com`, email: 'unused', mail: undefined })
  namesake.mail = `${namesake.name}@example.com`
  await enter(page, namesake)
  await new ProfilePage(page).isOf(`${ada.username}-2`)
  expect(await ownersOf(portal, namesake)).toEqual([`${ada.username}-2`])
})

test('somebody without a mailbox is known by the name they sign in with', async ({ page, entra }) => {
  const ada = colleague(entra, 'ada', { mail: null, email: undefined })
  await enter(page, ada)
  await new ProfilePage(page).isOf(ada.name)
  await expect(new ProfilePage(page).card).toContainText(ada.username)
})

for (const [kind, more] of [
  ['by their kind of account', { acct: 1 }],
  ['by who vouches for them', { acct: undefined, idp: 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/' }],
] as const) {
  test(`a guest, known ${kind}, waits, reads so, and comes in once they are approved`, async ({ page, portal, people, entra }) => {
    const guest = colleague(entra, 'guest', more)
    const login = new LoginPage(page)
    for (const time of ['first', 'second']) {
      await test.step(`the ${time} time`, async () => {
        await enter(page, guest)
        await login.is()
        await login.isRefused(ANSWERS.waiting)
        await login.visit('/profile')
        await login.is('?next=%2Fprofile')
      })
    }
    expect(await statusOf(portal, guest.name)).toBe('pending')
    const id = await people.idOf(guest.name)
    await people.decide({ id, username: guest.name, email: guest.username, password: '' }, 'approve')
    await enter(page, guest)
    const profile = new ProfilePage(page)
    await profile.isOf(guest.name)
    await expect(profile.card.getByText('Not confirmed yet', { exact: true })).toBeVisible()
  })
}

test('a guest confirms their address with the link from the mail, without a password', async ({ page, portal, entra }) => {
  const guest = colleague(entra, 'guest', { acct: 1 })
  await enter(page, guest)
  await new LoginPage(page).isRefused(ANSWERS.waiting)
  const link = linkIn(await portal.mails.wait(guest.username, /^Confirm your address/), '/confirm/')
  const confirm = new ConfirmPage(page)
  await confirm.openLink(link)
  await confirm.is()
  await expect(confirm.password, 'they have none to give').toHaveCount(0)
  await confirm.press('Confirm address')
  const login = new LoginPage(page)
  await login.is()
  await expect(login.notice('Your address is confirmed.')).toBeVisible()
  const [row] = await portal.query(`SELECT email_confirmed_at FROM users WHERE username = '${guest.name}'`)
  expect(row, 'the moment').toEqual([expect.stringMatching(/^\d+$/)])
})

test('the mail of an approval asks nobody for a password whom Microsoft signs in', async ({ page, portal, people, entra }) => {
  const guest = colleague(entra, 'guest', { acct: 1 })
  await enter(page, guest)
  await new LoginPage(page).isRefused(ANSWERS.waiting)
  await people.decide({ id: await people.idOf(guest.name), username: guest.name, email: guest.username, password: '' }, 'approve')
  const mail = await portal.mails.wait(guest.username, /approved$/)
  expect(mail.text).not.toMatch(/password/i)
})

test('the desk says that somebody signs in with Microsoft', async ({ page, people, entra, newBrowser }) => {
  const ada = await newcomer(page, entra)
  const admin = await newBrowser()
  await signIn(admin, people.keeper)
  const card = new DecisionPage(admin)
  await card.openPerson({ id: await people.idOf(ada.name) })
  await expect(card.card(ada.name)).toContainText('Microsoft')
})

test('a guest with an address that somebody has here is told nothing of it', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const guest = colleague(entra, 'guest', { acct: 1, mail: ada.email })
  await enter(page, guest)
  await new LoginPage(page).isRefused(ANSWERS.waiting)
  expect(await ownersOf(portal, guest)).toEqual([guest.name])
  expect(await statusOf(portal, guest.name)).toBe('shadow')
})

test('where the operator wants it, everybody new waits', async ({ page, startWithMicrosoft }) => {
  const { portal, people, entra } = await startWithMicrosoft({ env: { MICROSOFT_NEW_USERS: 'pending' } })
  const ada = colleague(entra)
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login`)
  await choose(page, ada)
  await login.isRefused(ANSWERS.waiting)
  expect(await statusOf(portal, ada.name)).toBe('pending')
  await portal.mails.wait(people.keeper.email, new RegExp(ada.name))
  await people.decide({ id: await people.idOf(ada.name), username: ada.name, email: ada.username, password: '' }, 'approve')
  await login.visit(`${portal.url}/login`)
  await choose(page, ada)
  await new ProfilePage(page).isOf(ada.name)
})

test('an account that has the address already is neither signed in to nor linked', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  for (const mail of [ada.email, ada.email.toUpperCase()]) {
    const other = colleague(entra, 'other', { mail })
    await enter(page, other)
    await login.is()
    await login.isRefused(SAYS.known)
    await login.visit('/profile')
    await login.is('?next=%2Fprofile')
    expect(await ownersOf(portal, other)).toEqual([])
    expect(await statusOf(portal, other.name)).toBeUndefined()
  }
})

test("an address that nobody has confirmed stands in nobody's way", async ({ page, portal, people, entra }) => {
  const squatter = await people.waiting('squatter')
  const ada = colleague(entra, 'ada', { mail: squatter.email })
  await enter(page, ada)
  await new ProfilePage(page).isOf(ada.name)
  expect(await ownersOf(portal, ada)).toEqual([ada.name])
  expect(await statusOf(portal, squatter.username)).toBe('pending')
})

test('somebody links Microsoft, signs in with it, and unlinks it again', async ({ page, portal, people, entra, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const account = colleague(entra, 'hers')
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const microsoft = new MicrosoftPage(page)

  await test.step('it takes the password', async () => {
    await profile.open()
    await expect(profile.waysIn).toContainText('Not linked.')
    await profile.waysIn.getByRole('link', { name: 'Link Microsoft', exact: true }).click()
    await microsoft.isLink()
    await microsoft.namesAccount(ada.username)
    await microsoft.press('Go to Microsoft')
    await microsoft.hasErrors({ 'Current password': 'Enter your current password.' })
    await microsoft.link('not the one at all')
    await microsoft.hasErrors({ 'Current password': 'That is not your current password.' })
  })

  await test.step('the form leads to Microsoft, another site, and the policy of the page allows that', async () => {
    const answer = await microsoft.visit('/profile/microsoft')
    expect(answer.headers()['content-security-policy']).toContain(`form-action 'self' ${originOf(entra)};`)
    await microsoft.link(ada.password)
    await new EntraPage(page).is()
    expect(new URL(page.url()).origin).toBe(originOf(entra))
  })

  await test.step('coming back links, and the owner is told by mail', async () => {
    await new EntraPage(page).choose(account)
    await profile.is()
    await expect(profile.notice(SAYS.linked)).toBeVisible()
    await expect(profile.waysIn).toContainText(account.username)
    await expect(profile.history.filter({ hasText: 'Microsoft account linked' })).toHaveCount(1)
    expect(await ownersOf(portal, account)).toEqual([ada.username])
    await portal.mails.wait(ada.email, /^A Microsoft account was linked with yours/)
  })

  await test.step('both ways lead to the same account', async () => {
    const other = await newBrowser()
    await enter(other, account)
    await new ProfilePage(other).isOf(ada.username)
    const third = await newBrowser()
    await signIn(third, ada)
    await new ProfilePage(third).open()
    await new ProfilePage(third).isOf(ada.username)
  })

  await test.step('unlinking takes the password, and the owner is told by mail', async () => {
    await profile.open()
    await profile.waysIn.getByRole('link', { name: 'Unlink Microsoft', exact: true }).click()
    await microsoft.isUnlink()
    await expect(page.getByRole('main')).toContainText(account.username)
    await microsoft.unlink('not the one at all')
    await microsoft.hasErrors({ 'Current password': 'That is not your current password.' })
    expect(await ownersOf(portal, account)).toEqual([ada.username])
    await microsoft.unlink(ada.password)
    await profile.is()
    await expect(profile.notice(SAYS.unlinked)).toBeVisible()
    await expect(profile.waysIn).toContainText('Not linked.')
    expect(await ownersOf(portal, account)).toEqual([])
    await portal.mails.wait(ada.email, /^Your Microsoft account was unlinked/)
  })

  await test.step('whoever has it waits for an administrator', async () => {
    const other = await newBrowser()
    await enter(other, account)
    await new LoginPage(other).isRefused(ANSWERS.waiting)
    expect(await ownersOf(portal, account)).toEqual([account.name])
    expect(await statusOf(portal, account.name)).toBe('pending')
  })
})

test('who links it once more after unlinking it signs in with it as before', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const account = colleague(entra, 'hers')
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  const profile = new ProfilePage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(account)
  await profile.is()
  await microsoft.open()
  await microsoft.unlink(ada.password)
  await profile.is()
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(account)
  await profile.is()
  await expect(profile.notice(SAYS.linked)).toBeVisible()
  await page.context().clearCookies()
  await enter(page, account)
  await profile.isOf(ada.username)
  expect(await ownersOf(portal, account)).toEqual([ada.username])
})

test("a Microsoft account that is somebody else's cannot be linked", async ({ page, portal, people, entra, newBrowser }) => {
  const taken = await newcomer(await newBrowser(), entra, 'bert')
  const ada = await people.active()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(taken)
  await microsoft.isLink()
  await expect(microsoft.alert(SAYS.taken)).toBeVisible()
  expect(await ownersOf(portal, taken)).toEqual([taken.name])
})

test('nobody links before their address is confirmed', async ({ page, people }) => {
  const ada = await people.activeUnconfirmed()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await expect(page.getByRole('main')).toContainText('Confirm your email address first.')
  await expect(page.getByRole('main').getByRole('button', { name: 'Go to Microsoft' })).toHaveCount(0)
  expect(await send(page, 'link_microsoft', { current_password: ada.password })).toMatchObject({ refused: { form: 'address_unconfirmed' } })
})

test('the last way in cannot be unlinked', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.isUnlink()
  await expect(page.getByRole('main')).toContainText('It is your only way to sign in, so it stays until you have a password.')
  await expect(page.getByRole('main'), 'there is none to sign in with').not.toContainText('Without it you sign in with your password alone.')
  await expect(page.getByRole('main').getByRole('button', { name: 'Unlink Microsoft' })).toHaveCount(0)
  expect(await send(page, 'unlink_microsoft', {})).toMatchObject({ refused: { form: 'last_way_in' } })
  expect(await ownersOf(portal, ada)).toEqual([ada.name])
  await page.getByRole('main').getByRole('link', { name: 'Set a password' }).click()
  await new ChangePasswordPage(page).arrives('/change-password', 'Set a password')
})

/** Sets the first password on the page that is there. */
async function setPassword(page: Page): Promise<void> {
  const form = new ChangePasswordPage(page)
  await expect(form.current).toHaveCount(0)
  await form.fresh.fill(PASSWORD)
  await form.repeated.fill(PASSWORD)
  await form.press('Set a password')
}

test('somebody without a password sets one, and then has two ways in', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  const form = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)
  await profile.password.getByRole('link', { name: 'Set a password' }).click()
  await form.arrives('/change-password', 'Set a password')
  await form.namesAccount(ada.name)
  await setPassword(page)
  await profile.isOf(ada.name)
  await portal.mails.wait(ada.username, /password/i)
  await page.context().clearCookies()
  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.name, PASSWORD)
  await profile.isOf(ada.name)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.unlink(PASSWORD)
  await expect(profile.notice(SAYS.unlinked)).toBeVisible()
})

test('ten minutes later, a first password takes another sign-in at Microsoft', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  await age(portal, ada.name)
  const form = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  await test.step('the form is not there, and sending it is refused', async () => {
    await form.open()
    await form.arrives('/change-password', 'Set a password')
    await expect(form.fresh).toHaveCount(0)
    const sent = await send(page, 'change_password', { new_password: PASSWORD, confirm_password: PASSWORD })
    expect(sent).toMatchObject({ refused: { form: 'proof_too_old' } })
  })

  await test.step('another account is no proof', async () => {
    const other = colleague(entra, 'other')
    await form.open()
    await form.press('Sign in with Microsoft again')
    await new EntraPage(page).choose(other)
    await form.arrives('/change-password', 'Set a password')
    await expect(form.alert(SAYS.other)).toBeVisible()
    await expect(form.fresh).toHaveCount(0)
  })

  await test.step('turning back is none', async () => {
    await form.press('Sign in with Microsoft again')
    await new EntraPage(page).deny()
    await form.arrives('/change-password', 'Set a password')
    await expect(form.alert(SAYS.denied)).toBeVisible()
    await expect(form.fresh).toHaveCount(0)
  })

  await test.step('the linked one is, after a sign-in of now', async () => {
    await form.press('Sign in with Microsoft again')
    expect(entra.lastAuthorize?.parameters).toMatchObject({ prompt: 'login', max_age: '0' })
    await new EntraPage(page).choose(ada)
    await form.arrives('/change-password', 'Set a password')
    await expect(form.notice(SAYS.proved)).toBeVisible()
    await setPassword(page)
    await profile.isOf(ada.name)
    await expect(profile.waysIn).toContainText('With your username or your email address.')
  })
})

for (const [what, authTime] of [
  ['without the time of the sign-in', (): false => false],
  ['with a sign-in of an hour ago', (): number => Math.floor(Date.now() / 1000) - 3600],
] as const) {
  test(`an answer of Microsoft ${what} is no proof`, async ({ page, portal, entra }) => {
    const ada = await newcomer(page, entra)
    await age(portal, ada.name)
    const form = new ChangePasswordPage(page)
    await form.open()
    ada.authTime = authTime()
    await form.press('Sign in with Microsoft again')
    await new EntraPage(page).choose(ada)
    await form.arrives('/change-password', 'Set a password')
    await expect(form.alert(SAYS.noProof)).toBeVisible()
    await expect(form.fresh).toHaveCount(0)
    const sent = await send(page, 'change_password', { new_password: PASSWORD, confirm_password: PASSWORD })
    expect(sent).toMatchObject({ refused: { form: 'proof_too_old' } })
  })
}

test('deactivated stays deactivated', async ({ page, portal, people, entra, newBrowser }) => {
  const ada = await newcomer(page, entra)
  const member = { id: await people.idOf(ada.name), username: ada.name, email: ada.username, password: '' }
  await people.decide(member, 'deactivate')
  await page.goto('/profile')
  const login = new LoginPage(page)
  await login.is('?next=%2Fprofile')
  await enter(page, ada)
  await login.is()
  await login.isRefused(ANSWERS.deactivated)
  expect(await statusOf(portal, ada.name)).toBe('deactivated')

  await people.decide(member, 'reactivate')
  const other = await newBrowser()
  await enter(other, ada)
  await new ProfilePage(other).isOf(ada.name)
})

test('whoever was rejected is told so, whichever way they come', async ({ page, portal, people, entra }) => {
  const guest = colleague(entra, 'guest', { acct: 1 })
  const login = new LoginPage(page)
  await enter(page, guest)
  await login.isRefused(ANSWERS.waiting)
  await people.decide({ id: await people.idOf(guest.name), username: guest.name, email: guest.username, password: '' }, 'reject')
  // A member by now.
  guest.acct = 0
  await enter(page, guest)
  await login.isRefused(ANSWERS.rejected)
  expect(await statusOf(portal, guest.name)).toBe('rejected')
})

test('who was shut out with a password waits, when they come by Microsoft with that address', async ({ page, portal, people, entra }) => {
  const login = new LoginPage(page)
  const bert = await people.rejected('bert')
  const account = colleague(entra, 'again', { mail: bert.email })
  await enter(page, account)
  await login.is()
  const status = await statusOf(portal, account.name)
  expect(status === 'active', 'no way around the rejection').toBe(false)
  await login.visit('/profile')
  await login.is('?next=%2Fprofile')
})

test('someone who requested deletion sees the date and keeps the account by the link', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  expect(await send(page, 'delete_account', {})).toMatchObject({ goto: '/' })
  expect(await statusOf(portal, ada.name)).toBe('deactivated')
  await enter(page, ada)
  const login = new LoginPage(page)
  await login.isRefused(DUE_FOR_DELETION)
  const keep = new KeepAccountPage(page)
  await keep.openLink(linkIn(await portal.mails.wait(ada.username, /will be deleted$/), '/keep/'))
  await keep.is()
  await expect(page.getByRole('main')).toContainText('you can sign in with Microsoft again')
  await keep.keep()
  await expect(login.notice('Your account will not be deleted. Sign in to continue.')).toBeVisible()
  await enter(page, ada)
  await new ProfilePage(page).isOf(ada.name)
})

test('a shared computer is one for Microsoft, too', async ({ page, entra }) => {
  const ada = colleague(entra)
  const login = new LoginPage(page)
  const session = async () => (await page.context().cookies()).find((cookie) => cookie.name.endsWith('session'))
  await login.visit('/profile/address')
  await login.is('?next=%2Fprofile%2Faddress')
  await login.shared.check()
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await new EntraPage(page).deny()
  await login.is('?next=%2Fprofile%2Faddress')
  await login.isRefused(SAYS.denied)
  await expect(login.shared, 'what was ticked stays, and the way on').toBeChecked()
  await choose(page, ada)
  await new AddressPage(page).is()
  expect((await session())?.expires).toBe(-1)
  const known = (await page.context().cookies()).filter(({ name }) => name.endsWith('known'))
  expect(known, 'nobody is remembered there').toEqual([])
  await new ProfilePage(page).open()
  await expect(new ProfilePage(page).sessions.first()).toContainText('Shared computer')
  await page.context().clearCookies()
  await enter(page, ada)
  await new ProfilePage(page).isOf(ada.name)
  expect(((await session())?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(13.9 * 86_400)
})

test('the key Enter signs in with the password, and a wrong one leads back with what was ticked', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  await login.shared.check()
  await login.identifier.fill(ada.username)
  await login.password.fill('not the one at all')
  await login.password.press('Enter')
  await login.isRefused(ANSWERS.incorrect)
  await expect(login.shared).toBeChecked()
  await expect(page.getByRole('main').locator('[aria-busy]')).toHaveCount(0)
  await login.password.fill(ada.password)
  await login.password.press('Enter')
  await new ProfilePage(page).isOf(ada.username)
})

test('a guest at a shared computer confirms their address there, until the browser is closed', async ({ page, portal, entra }) => {
  const guest = colleague(entra, 'guest', { acct: 1 })
  const login = new LoginPage(page)
  await login.open()
  await login.shared.check()
  await choose(page, guest)
  await login.isRefused(ANSWERS.waiting)
  const registered = (await page.context().cookies()).find(({ name }) => name.endsWith('registered'))
  expect(registered?.expires).toBe(-1)
  const link = linkIn(await portal.mails.wait(guest.username, /^Confirm your address/), '/confirm/')
  const confirm = new ConfirmPage(page)
  await confirm.openLink(link)
  await confirm.is()
  await expect(page.getByLabel('Password', { exact: true })).toHaveCount(0)
})

test('turning back at Microsoft ends on sign-in, and the next try works', async ({ page, portal, entra }) => {
  const ada = colleague(entra)
  const login = new LoginPage(page)
  await login.open()
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await new EntraPage(page).deny()
  await login.is()
  await login.isRefused(SAYS.denied)
  expect(await statusOf(portal, ada.name)).toBeUndefined()
  await choose(page, ada)
  await new ProfilePage(page).isOf(ada.name)
})

test('turning back while linking ends on the page it began from', async ({ page, portal, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).deny()
  await microsoft.isLink()
  await expect(microsoft.alert(SAYS.denied)).toBeVisible()
  const rows = await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)
  expect(rows).toEqual([['0']])
})

test('the way back and a page before it lead nowhere once it was gone', async ({ page, entra }) => {
  const ada = colleague(entra)
  const login = new LoginPage(page)
  let back = ''
  page.on('request', (request) => {
    if (request.url().includes('/auth/redirect')) back = request.url()
  })
  await enter(page, ada)
  const profile = new ProfilePage(page)
  await profile.isOf(ada.name)
  await page.goto(back)
  await profile.isOf(ada.name)
  await expect(profile.alert(SAYS.stale)).toBeVisible()
  await page.context().clearCookies()
  await page.goto(back)
  await login.is()
  await login.isRefused(SAYS.stale)
})

test('who is signed in already does not go to Microsoft', async ({ page, people, entra }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const before = entra.asked.authorize
  const profile = new ProfilePage(page)
  await profile.visit('/ms-login')
  await profile.isOf(ada.username)
  expect(entra.asked.authorize).toBe(before)
})

test('signing out ends our session first, and offers to sign out of Microsoft too', async ({ page, portal, entra }) => {
  const ada = await newcomer(page, entra)
  const id = `(SELECT id FROM users WHERE username = '${ada.name}')`
  await new ProfilePage(page).signOut()
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice(SAYS.signedOutHere)).toBeVisible()
  expect(await portal.query(`SELECT count(*) FROM user_sessions WHERE user_id = ${id}`)).toEqual([['0']])
  // Their page leads back after a second by itself.
  const theirs = page.waitForResponse((response) => response.url().startsWith(`${originOf(entra)}/`))
  await page.getByRole('main').getByRole('link', { name: 'Sign out of Microsoft too' }).click()
  expect((await theirs).request().isNavigationRequest(), 'the browser itself goes there').toBe(true)
  expect(entra.lastLogout?.parameters).toMatchObject({ client_id: entra.clientId, post_logout_redirect_uri: `${portal.url}/` })
  await home.is()
  await expect(page.getByRole('link', { name: 'Sign out of Microsoft too' })).toHaveCount(0)
})

test('who signed in with the password is not asked about Microsoft', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.signOut()
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice('You are signed out.')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Sign out of Microsoft too' })).toHaveCount(0)
})
