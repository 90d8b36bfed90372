import type { Page } from '@playwright/test'

import { AdminActionPage } from '../pages/admin-action.ts'
import { ChangePasswordPage } from '../pages/change-password.ts'
import { DUE_FOR_DELETION, KeepAccountPage } from '../pages/delete-account.ts'
import { EmailChangePage } from '../pages/email-change.ts'
import { EmailVerificationPage } from '../pages/email-verification.ts'
import { EntraPage } from '../pages/entra.ts'
import { HomePage } from '../pages/home.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { MicrosoftPage } from '../pages/microsoft.ts'
import { ProfilePage } from '../pages/profile.ts'
import { linkIn } from '../support/emails.ts'
import type { Account } from '../support/entra.ts'
import {
  MICROSOFT_MESSAGES,
  SIGN_IN_BUTTON,
  ageAuthentication,
  chooseAccount,
  newMicrosoftAccount,
  newMicrosoftUser,
  originOf,
  signInWithMicrosoft,
  test,
} from '../support/microsoft.ts'
import { PASSWORD, newPerson } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { expect, send, signIn } from '../support/test.ts'

async function statusOf(portal: Portal, username: string): Promise<string | undefined> {
  const [row] = await portal.query(`SELECT status FROM users WHERE username = '${username}'`)
  return row?.[0]
}

/** Returns the usernames of the users who are linked with this Microsoft account. */
async function usernamesLinkedTo(portal: Portal, { tid, oid }: Account): Promise<string[]> {
  const found = `SELECT username FROM users JOIN identities ON user_id = id WHERE tid = '${tid}' AND oid = '${oid}'`
  return (await portal.query(found)).map(([username = '']) => username)
}

test('the first sign-in with Microsoft creates an active account and leads to the profile', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  const profile = new ProfilePage(page)
  await expect(profile.details).toContainText(ada.username)
  await expect(profile.details).toContainText('Active')
  await expect(profile.details).toContainText('Member')
  await expect(profile.details.getByText('Email confirmed', { exact: true })).toBeVisible()
  await expect(profile.password).toContainText('You do not have a password yet.')
  await expect(profile.signInMethods).toContainText(ada.username)
  await expect(profile.activity.filter({ hasText: 'Registered with Microsoft' })).toHaveCount(1)
  await expect(profile.activity.filter({ hasText: 'Signed in with Microsoft' })).toHaveCount(1)
  expect(await statusOf(portal, ada.name)).toBe('active')
  expect(await usernamesLinkedTo(portal, ada)).toEqual([ada.name])
  expect(entra.lastAuthorize?.parameters).toMatchObject({
    response_type: 'code',
    response_mode: 'query',
    code_challenge_method: 'S256',
    redirect_uri: `${portal.url}/auth/redirect`,
  })
})

test('after a sign-in with Microsoft, a person returns to the page that they came from', async ({ page, entra }) => {
  const ada = newMicrosoftAccount(entra)
  const login = new LoginPage(page)
  const emailChange = new EmailChangePage(page)
  for (const time of ['first', 'second']) {
    await test.step(`the ${time} time`, async () => {
      await login.visit('/profile/address')
      await login.isOpen('?next=%2Fprofile%2Faddress')
      await chooseAccount(page, ada)
      await emailChange.isOpen()
      await page.context().clearCookies()
    })
  }
})

test('after a sign-in with Microsoft, only pages of the portal can follow', async ({ page, entra }) => {
  const ada = newMicrosoftAccount(entra)
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example/', '/logout', '/ms-logout', '/auth/redirect']) {
    await page.goto(`/ms-login?next=${encodeURIComponent(next)}`)
    await new EntraPage(page).choose(ada)
    await new ProfilePage(page).isOpenFor(ada.name)
    await page.context().clearCookies()
    await page.goto(`/login?next=${encodeURIComponent(next)}`)
    await chooseAccount(page, ada)
    await new ProfilePage(page).isOpenFor(ada.name)
    await page.context().clearCookies()
  }
})

test('the second sign-in leads to the same account, even if the name at Microsoft has changed', async ({ page, portal, people, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  const { name } = ada
  const id = await people.idOf(name)
  await page.context().clearCookies()
  const { username, email } = newPerson('married')
  Object.assign(ada, { name: username, username: email, email })
  await signInWithMicrosoft(page, ada)
  const profile = new ProfilePage(page)
  await profile.isOpenFor(name)
  expect(await people.idOf(name)).toBe(id)
  expect(await usernamesLinkedTo(portal, ada)).toEqual([name])
  expect(await statusOf(portal, username)).toBeUndefined()
})

test('a person whose username is taken gets another one', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const namesake = newMicrosoftAccount(entra, 'namesake', { username: `${ada.username}@example.com`, email: 'unused', mail: undefined })
  namesake.mail = `${namesake.name}@example.com`
  await signInWithMicrosoft(page, namesake)
  await new ProfilePage(page).isOpenFor(`${ada.username}-2`)
  expect(await usernamesLinkedTo(portal, namesake)).toEqual([`${ada.username}-2`])
})

test('a person without a mailbox gets their sign-in name as the email address', async ({ page, entra }) => {
  const ada = newMicrosoftAccount(entra, 'ada', { mail: null, email: undefined })
  await signInWithMicrosoft(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
  await expect(new ProfilePage(page).details).toContainText(ada.username)
})

for (const [kind, more] of [
  ['by the claim acct', { acct: 1 }],
  ['by the claim idp', { acct: undefined, idp: 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/' }],
] as const) {
  test(`a guest, recognised ${kind}, is pending, and can sign in after the approval`, async ({ page, portal, people, entra }) => {
    const guest = newMicrosoftAccount(entra, 'guest', more)
    const login = new LoginPage(page)
    for (const time of ['first', 'second']) {
      await test.step(`the ${time} time`, async () => {
        await signInWithMicrosoft(page, guest)
        await login.isOpen()
        await login.hasFormError(LOGIN_MESSAGES.pending)
        await login.visit('/profile')
        await login.isOpen('?next=%2Fprofile')
      })
    }
    expect(await statusOf(portal, guest.name)).toBe('pending')
    const id = await people.idOf(guest.name)
    await people.act({ id, username: guest.name, email: guest.username, password: '' }, 'approve')
    await signInWithMicrosoft(page, guest)
    const profile = new ProfilePage(page)
    await profile.isOpenFor(guest.name)
    await expect(profile.details.getByText('Email not confirmed', { exact: true })).toBeVisible()
  })
}

test('a guest confirms their email address with the emailed link, without a password', async ({ page, portal, entra }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
  const link = linkIn(await portal.emails.wait(guest.username, /^Confirm your email address/), '/confirm/')
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(link)
  await emailVerification.isOpen()
  await expect(emailVerification.password, 'a guest has no password').toHaveCount(0)
  await emailVerification.press('Confirm email address')
  const login = new LoginPage(page)
  await login.isOpen()
  await expect(login.message('Your email address has been confirmed.')).toBeVisible()
  const [row] = await portal.query(`SELECT email_confirmed_at FROM users WHERE username = '${guest.name}'`)
  expect(row, 'the time of the confirmation').toEqual([expect.stringMatching(/^\d+$/)])
})

test('the approval email to a user of Microsoft sign-in does not mention a password', async ({ page, portal, people, entra }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
  await people.act({ id: await people.idOf(guest.name), username: guest.name, email: guest.username, password: '' }, 'approve')
  const approval = await portal.emails.wait(guest.username, /approved$/)
  expect(approval.text).not.toMatch(/password/i)
})

test('the admin pages show that a user signs in with Microsoft', async ({ page, people, entra, newBrowser }) => {
  const ada = await newMicrosoftUser(page, entra)
  const adminPage = await newBrowser()
  await signIn(adminPage, people.admin)
  const adminAction = new AdminActionPage(adminPage)
  await adminAction.openUser({ id: await people.idOf(ada.name) })
  await expect(adminAction.userDetails(ada.name)).toContainText('Microsoft')
})

test('a guest with the email address of another user does not learn about that user', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1, mail: ada.email })
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
  expect(await usernamesLinkedTo(portal, guest)).toEqual([guest.name])
  expect(await statusOf(portal, guest.name)).toBe('shadow')
})

test('with MICROSOFT_NEW_USERS=pending, every new user is pending', async ({ page, startWithMicrosoft }) => {
  const { portal, people, entra } = await startWithMicrosoft({ env: { MICROSOFT_NEW_USERS: 'pending' } })
  const ada = newMicrosoftAccount(entra)
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login`)
  await chooseAccount(page, ada)
  await login.hasFormError(LOGIN_MESSAGES.pending)
  expect(await statusOf(portal, ada.name)).toBe('pending')
  await portal.emails.wait(people.admin.email, new RegExp(ada.name))
  await people.act({ id: await people.idOf(ada.name), username: ada.name, email: ada.username, password: '' }, 'approve')
  await login.visit(`${portal.url}/login`)
  await chooseAccount(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
})

test('an account with the same email address is neither signed in to nor linked', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  for (const mail of [ada.email, ada.email.toUpperCase()]) {
    const other = newMicrosoftAccount(entra, 'other', { mail })
    await signInWithMicrosoft(page, other)
    await login.isOpen()
    await login.hasFormError(MICROSOFT_MESSAGES.emailInUse)
    await login.visit('/profile')
    await login.isOpen('?next=%2Fprofile')
    expect(await usernamesLinkedTo(portal, other)).toEqual([])
    expect(await statusOf(portal, other.name)).toBeUndefined()
  }
})

test('an unconfirmed email address of another user does not prevent a sign-in with Microsoft', async ({ page, portal, people, entra }) => {
  const squatter = await people.pending('squatter')
  const ada = newMicrosoftAccount(entra, 'ada', { mail: squatter.email })
  await signInWithMicrosoft(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
  expect(await usernamesLinkedTo(portal, ada)).toEqual([ada.name])
  expect(await statusOf(portal, squatter.username)).toBe('pending')
})

test('a user links a Microsoft account, signs in with it, and unlinks it again', async ({ page, portal, people, entra, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const account = newMicrosoftAccount(entra, 'hers')
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const microsoft = new MicrosoftPage(page)

  await test.step('linking requires the password', async () => {
    await profile.open()
    await expect(profile.signInMethods).toContainText('Not linked.')
    await profile.signInMethods.getByRole('link', { name: 'Link Microsoft', exact: true }).click()
    await microsoft.isOpenToLink()
    await microsoft.hasUsernameField(ada.username)
    await microsoft.press('Link Microsoft')
    await microsoft.hasErrors({ 'Current password': 'Enter your current password.' })
    await microsoft.link('not the one at all')
    await microsoft.hasErrors({ 'Current password': 'Your current password is incorrect.' })
  })

  await test.step('the form leads to another site, Microsoft, and the Content-Security-Policy allows it', async () => {
    const answer = await microsoft.visit('/profile/microsoft')
    expect(answer.headers()['content-security-policy']).toContain(`form-action 'self' ${originOf(entra)};`)
    await microsoft.link(ada.password)
    await new EntraPage(page).isOpen()
    expect(new URL(page.url()).origin).toBe(originOf(entra))
  })

  await test.step('the callback links the account, and the owner gets an email', async () => {
    await new EntraPage(page).choose(account)
    await profile.isOpen()
    await expect(profile.message(MICROSOFT_MESSAGES.linked)).toBeVisible()
    await expect(profile.signInMethods).toContainText(account.username)
    await expect(profile.activity.filter({ hasText: 'Microsoft account linked' })).toHaveCount(1)
    expect(await usernamesLinkedTo(portal, account)).toEqual([ada.username])
    await portal.emails.wait(ada.email, /^A Microsoft account was linked to your account/)
  })

  await test.step('the password and Microsoft lead to the same account', async () => {
    const other = await newBrowser()
    await signInWithMicrosoft(other, account)
    await new ProfilePage(other).isOpenFor(ada.username)
    const third = await newBrowser()
    await signIn(third, ada)
    await new ProfilePage(third).open()
    await new ProfilePage(third).isOpenFor(ada.username)
  })

  await test.step('unlinking requires the password, and the owner gets an email', async () => {
    await profile.open()
    await profile.signInMethods.getByRole('link', { name: 'Unlink Microsoft', exact: true }).click()
    await microsoft.isOpenToUnlink()
    await expect(page.getByRole('main')).toContainText(account.username)
    await microsoft.unlink('not the one at all')
    await microsoft.hasErrors({ 'Current password': 'Your current password is incorrect.' })
    expect(await usernamesLinkedTo(portal, account)).toEqual([ada.username])
    await microsoft.unlink(ada.password)
    await profile.isOpen()
    await expect(profile.message(MICROSOFT_MESSAGES.unlinked)).toBeVisible()
    await expect(profile.signInMethods).toContainText('Not linked.')
    expect(await usernamesLinkedTo(portal, account)).toEqual([])
    await portal.emails.wait(ada.email, /^Your Microsoft account was unlinked/)
  })

  await test.step('the owner of the unlinked Microsoft account is pending', async () => {
    const other = await newBrowser()
    await signInWithMicrosoft(other, account)
    await new LoginPage(other).hasFormError(LOGIN_MESSAGES.pending)
    expect(await usernamesLinkedTo(portal, account)).toEqual([account.name])
    expect(await statusOf(portal, account.name)).toBe('pending')
  })
})

test('a user who links a Microsoft account again after unlinking it can sign in with it', async ({ page, portal, people, entra }) => {
  const ada = await people.active()
  const account = newMicrosoftAccount(entra, 'hers')
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  const profile = new ProfilePage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(account)
  await profile.isOpen()
  await microsoft.open()
  await microsoft.unlink(ada.password)
  await profile.isOpen()
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(account)
  await profile.isOpen()
  await expect(profile.message(MICROSOFT_MESSAGES.linked)).toBeVisible()
  await page.context().clearCookies()
  await signInWithMicrosoft(page, account)
  await profile.isOpenFor(ada.username)
  expect(await usernamesLinkedTo(portal, account)).toEqual([ada.username])
})

test('a Microsoft account that is linked with another account cannot be linked', async ({ page, portal, people, entra, newBrowser }) => {
  const taken = await newMicrosoftUser(await newBrowser(), entra, 'bert')
  const ada = await people.active()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).choose(taken)
  await microsoft.isOpenToLink()
  await expect(microsoft.alert(MICROSOFT_MESSAGES.alreadyLinked)).toBeVisible()
  expect(await usernamesLinkedTo(portal, taken)).toEqual([taken.name])
})

test('a user can link a Microsoft account only after confirming the email address', async ({ page, people }) => {
  const ada = await people.activeUnconfirmed()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await expect(page.getByRole('main')).toContainText('Confirm your email address first.')
  await expect(page.getByRole('main').getByRole('button', { name: 'Link Microsoft' })).toHaveCount(0)
  expect(await send(page, 'link_microsoft', { current_password: ada.password })).toMatchObject({ refused: { form: 'email_unconfirmed' } })
})

test('the last sign-in method cannot be unlinked', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.isOpenToUnlink()
  await expect(page.getByRole('main')).toContainText('Microsoft is your only way to sign in. Set a password before you unlink it.')
  await expect(page.getByRole('main'), 'there is no password to sign in with').not.toContainText('you can sign in only with your password')
  await expect(page.getByRole('main').getByRole('button', { name: 'Unlink Microsoft' })).toHaveCount(0)
  expect(await send(page, 'unlink_microsoft', {})).toMatchObject({ refused: { form: 'last_sign_in_method' } })
  expect(await usernamesLinkedTo(portal, ada)).toEqual([ada.name])
  await page.getByRole('main').getByRole('link', { name: 'Set a password' }).click()
  await new ChangePasswordPage(page).isAt('/change-password', 'Set a password')
})

/** Sets the first password on the open page. */
async function setPassword(page: Page): Promise<void> {
  const changePassword = new ChangePasswordPage(page)
  await expect(changePassword.currentPassword).toHaveCount(0)
  await changePassword.newPassword.fill(PASSWORD)
  await changePassword.repeatedPassword.fill(PASSWORD)
  await changePassword.press('Set a password')
}

test('a user without a password sets one, and then has two sign-in methods', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  const changePassword = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)
  await profile.password.getByRole('link', { name: 'Set a password' }).click()
  await changePassword.isAt('/change-password', 'Set a password')
  await changePassword.hasUsernameField(ada.name)
  await setPassword(page)
  await profile.isOpenFor(ada.name)
  await portal.emails.wait(ada.username, /password/i)
  await page.context().clearCookies()
  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.name, PASSWORD)
  await profile.isOpenFor(ada.name)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.unlink(PASSWORD)
  await expect(profile.message(MICROSOFT_MESSAGES.unlinked)).toBeVisible()
})

test('after ten minutes, setting a first password requires another sign-in with Microsoft', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  await ageAuthentication(portal, ada.name)
  const changePassword = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  await test.step('the form is not shown, and sending it is rejected', async () => {
    await changePassword.open()
    await changePassword.isAt('/change-password', 'Set a password')
    await expect(changePassword.newPassword).toHaveCount(0)
    const answer = await send(page, 'change_password', { new_password: PASSWORD, confirm_password: PASSWORD })
    expect(answer).toMatchObject({ refused: { form: 'reauthentication_required' } })
  })

  await test.step('another account does not re-authenticate the user', async () => {
    const other = newMicrosoftAccount(entra, 'other')
    await changePassword.open()
    await changePassword.press('Sign in with Microsoft again')
    await new EntraPage(page).choose(other)
    await changePassword.isAt('/change-password', 'Set a password')
    await expect(changePassword.alert(MICROSOFT_MESSAGES.otherAccount)).toBeVisible()
    await expect(changePassword.newPassword).toHaveCount(0)
  })

  await test.step('cancelling does not re-authenticate the user', async () => {
    await changePassword.press('Sign in with Microsoft again')
    await new EntraPage(page).deny()
    await changePassword.isAt('/change-password', 'Set a password')
    await expect(changePassword.alert(MICROSOFT_MESSAGES.denied)).toBeVisible()
    await expect(changePassword.newPassword).toHaveCount(0)
  })

  await test.step('a new sign-in with the linked account re-authenticates the user', async () => {
    await changePassword.press('Sign in with Microsoft again')
    expect(entra.lastAuthorize?.parameters).toMatchObject({ prompt: 'login', max_age: '0' })
    await new EntraPage(page).choose(ada)
    await changePassword.isAt('/change-password', 'Set a password')
    await expect(changePassword.message(MICROSOFT_MESSAGES.reauthenticated)).toBeVisible()
    await setPassword(page)
    await profile.isOpenFor(ada.name)
    await expect(profile.signInMethods).toContainText('Sign in with your username or email address.')
  })
})

for (const [name, authTime] of [
  ['without the time of the sign-in', (): false => false],
  ['with a sign-in an hour ago', (): number => Math.floor(Date.now() / 1000) - 3600],
] as const) {
  test(`a Microsoft token ${name} does not re-authenticate the user`, async ({ page, portal, entra }) => {
    const ada = await newMicrosoftUser(page, entra)
    await ageAuthentication(portal, ada.name)
    const changePassword = new ChangePasswordPage(page)
    await changePassword.open()
    ada.authTime = authTime()
    await changePassword.press('Sign in with Microsoft again')
    await new EntraPage(page).choose(ada)
    await changePassword.isAt('/change-password', 'Set a password')
    await expect(changePassword.alert(MICROSOFT_MESSAGES.notReauthenticated)).toBeVisible()
    await expect(changePassword.newPassword).toHaveCount(0)
    const answer = await send(page, 'change_password', { new_password: PASSWORD, confirm_password: PASSWORD })
    expect(answer).toMatchObject({ refused: { form: 'reauthentication_required' } })
  })
}

test('a deactivated user cannot sign in with Microsoft', async ({ page, portal, people, entra, newBrowser }) => {
  const ada = await newMicrosoftUser(page, entra)
  const member = { id: await people.idOf(ada.name), username: ada.name, email: ada.username, password: '' }
  await people.act(member, 'deactivate')
  await page.goto('/profile')
  const login = new LoginPage(page)
  await login.isOpen('?next=%2Fprofile')
  await signInWithMicrosoft(page, ada)
  await login.isOpen()
  await login.hasFormError(LOGIN_MESSAGES.deactivated)
  expect(await statusOf(portal, ada.name)).toBe('deactivated')

  await people.act(member, 'reactivate')
  const other = await newBrowser()
  await signInWithMicrosoft(other, ada)
  await new ProfilePage(other).isOpenFor(ada.name)
})

test('a rejected user sees the rejection when they sign in with Microsoft again', async ({ page, portal, people, entra }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  const login = new LoginPage(page)
  await signInWithMicrosoft(page, guest)
  await login.hasFormError(LOGIN_MESSAGES.pending)
  await people.act({ id: await people.idOf(guest.name), username: guest.name, email: guest.username, password: '' }, 'reject')
  // The guest has become a member.
  guest.acct = 0
  await signInWithMicrosoft(page, guest)
  await login.hasFormError(LOGIN_MESSAGES.rejected)
  expect(await statusOf(portal, guest.name)).toBe('rejected')
})

test('a blocked person who signs in with Microsoft is pending', async ({ page, portal, people, entra }) => {
  const login = new LoginPage(page)
  const bert = await people.rejected('bert')
  const account = newMicrosoftAccount(entra, 'again', { mail: bert.email })
  await signInWithMicrosoft(page, account)
  await login.isOpen()
  const status = await statusOf(portal, account.name)
  expect(status === 'active', 'the rejection still applies').toBe(false)
  await login.visit('/profile')
  await login.isOpen('?next=%2Fprofile')
})

test('a user who requested deletion sees the date and keeps the account with the emailed link', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  expect(await send(page, 'delete_account', {})).toMatchObject({ goto: '/' })
  expect(await statusOf(portal, ada.name)).toBe('deactivated')
  await signInWithMicrosoft(page, ada)
  const login = new LoginPage(page)
  await login.hasFormError(DUE_FOR_DELETION)
  const keepAccount = new KeepAccountPage(page)
  await keepAccount.openLink(linkIn(await portal.emails.wait(ada.username, /will be deleted$/), '/keep/'))
  await keepAccount.isOpen()
  await expect(page.getByRole('main')).toContainText('you can sign in with Microsoft again')
  await keepAccount.keep()
  await expect(login.message('Your account will not be deleted. Sign in to continue.')).toBeVisible()
  await signInWithMicrosoft(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
})

test('the choice "shared computer" applies to a sign-in with Microsoft', async ({ page, entra }) => {
  const ada = newMicrosoftAccount(entra)
  const login = new LoginPage(page)
  const session = async () => (await page.context().cookies()).find((cookie) => cookie.name.endsWith('session'))
  await login.visit('/profile/address')
  await login.isOpen('?next=%2Fprofile%2Faddress')
  await login.shared.check()
  await page.getByRole('button', { name: SIGN_IN_BUTTON, exact: true }).click()
  await new EntraPage(page).deny()
  await login.isOpen('?next=%2Fprofile%2Faddress')
  await login.hasFormError(MICROSOFT_MESSAGES.denied)
  await expect(login.shared, 'the choice and the return path are kept').toBeChecked()
  await chooseAccount(page, ada)
  await new EmailChangePage(page).isOpen()
  expect((await session())?.expires).toBe(-1)
  const known = (await page.context().cookies()).filter(({ name }) => name.endsWith('known'))
  expect(known, 'no one is remembered on a shared computer').toEqual([])
  await new ProfilePage(page).open()
  await expect(new ProfilePage(page).sessions.first()).toContainText('Shared computer')
  await page.context().clearCookies()
  await signInWithMicrosoft(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
  expect(((await session())?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(13.9 * 86_400)
})

test('the Enter key signs in with the password, and a wrong password keeps the choice "shared computer"', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  await login.shared.check()
  await login.identifier.fill(ada.username)
  await login.password.fill('not the one at all')
  await login.password.press('Enter')
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
  await expect(login.shared).toBeChecked()
  await expect(page.getByRole('main').locator('[aria-busy]')).toHaveCount(0)
  await login.password.fill(ada.password)
  await login.password.press('Enter')
  await new ProfilePage(page).isOpenFor(ada.username)
})

test('a guest at a shared computer can confirm their email address there until the browser is closed', async ({ page, portal, entra }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  const login = new LoginPage(page)
  await login.open()
  await login.shared.check()
  await chooseAccount(page, guest)
  await login.hasFormError(LOGIN_MESSAGES.pending)
  const registered = (await page.context().cookies()).find(({ name }) => name.endsWith('registered'))
  expect(registered?.expires).toBe(-1)
  const link = linkIn(await portal.emails.wait(guest.username, /^Confirm your email address/), '/confirm/')
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(link)
  await emailVerification.isOpen()
  await expect(page.getByLabel('Password', { exact: true })).toHaveCount(0)
})

test('cancelling at Microsoft leads to the sign-in page, and the next attempt works', async ({ page, portal, entra }) => {
  const ada = newMicrosoftAccount(entra)
  const login = new LoginPage(page)
  await login.open()
  await page.getByRole('button', { name: SIGN_IN_BUTTON, exact: true }).click()
  await new EntraPage(page).deny()
  await login.isOpen()
  await login.hasFormError(MICROSOFT_MESSAGES.denied)
  expect(await statusOf(portal, ada.name)).toBeUndefined()
  await chooseAccount(page, ada)
  await new ProfilePage(page).isOpenFor(ada.name)
})

test('cancelling at Microsoft while linking leads back to the linking page', async ({ page, portal, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const microsoft = new MicrosoftPage(page)
  await microsoft.open()
  await microsoft.link(ada.password)
  await new EntraPage(page).deny()
  await microsoft.isOpenToLink()
  await expect(microsoft.alert(MICROSOFT_MESSAGES.denied)).toBeVisible()
  const rows = await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)
  expect(rows).toEqual([['0']])
})

test('a used callback leads to no session and changes nothing', async ({ page, entra }) => {
  const ada = newMicrosoftAccount(entra)
  const login = new LoginPage(page)
  let callback = ''
  page.on('request', (request) => {
    if (request.url().includes('/auth/redirect')) callback = request.url()
  })
  await signInWithMicrosoft(page, ada)
  const profile = new ProfilePage(page)
  await profile.isOpenFor(ada.name)
  await page.goto(callback)
  await profile.isOpenFor(ada.name)
  await expect(profile.alert(MICROSOFT_MESSAGES.expired)).toBeVisible()
  await page.context().clearCookies()
  await page.goto(callback)
  await login.isOpen()
  await login.hasFormError(MICROSOFT_MESSAGES.expired)
})

test('a signed-in user is not sent to Microsoft', async ({ page, people, entra }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const before = entra.requestCounts.authorize
  const profile = new ProfilePage(page)
  await profile.visit('/ms-login')
  await profile.isOpenFor(ada.username)
  expect(entra.requestCounts.authorize).toBe(before)
})

test('signing out ends the session here first, and offers to sign out of Microsoft too', async ({ page, portal, entra }) => {
  const ada = await newMicrosoftUser(page, entra)
  const id = `(SELECT id FROM users WHERE username = '${ada.name}')`
  await new ProfilePage(page).signOut()
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message(MICROSOFT_MESSAGES.signedOutOfPortal)).toBeVisible()
  expect(await portal.query(`SELECT count(*) FROM user_sessions WHERE user_id = ${id}`)).toEqual([['0']])
  // Entra's page redirects after a second.
  const theirs = page.waitForResponse((response) => response.url().startsWith(`${originOf(entra)}/`))
  await page.getByRole('main').getByRole('link', { name: 'Sign out of Microsoft too' }).click()
  expect((await theirs).request().isNavigationRequest(), 'the browser itself navigates to Microsoft').toBe(true)
  expect(entra.lastLogout?.parameters).toMatchObject({ client_id: entra.clientId, post_logout_redirect_uri: `${portal.url}/` })
  await home.isOpen()
  await expect(page.getByRole('link', { name: 'Sign out of Microsoft too' })).toHaveCount(0)
})

test('a user who signed in with the password is not asked about Microsoft', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.signOut()
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message("You're signed out.")).toBeVisible()
  await expect(page.getByRole('link', { name: 'Sign out of Microsoft too' })).toHaveCount(0)
})
