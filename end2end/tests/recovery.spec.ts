import { isDeepStrictEqual } from 'node:util'

import { CHANGE_PASSWORD_ERRORS, ChangePasswordPage } from '../pages/change-password.ts'
import { TOO_MANY_ATTEMPTS } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { REGISTRATION_ERRORS } from '../pages/register.ts'
import { ResetPasswordPage } from '../pages/reset-password.ts'
import { linkIn, temporaryPasswordIn } from '../support/emails.ts'
import { ADMIN, PASSWORD, newPerson } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'
import { until } from '../support/until.ts'

const TEMPORARY = /^Your temporary password for Vestibule$/
const CHANGED = /^Your password at Vestibule was changed$/
const MUST_CHANGE = 'Choose a new password within 15 minutes.'
const DONE = "Your password has been changed. You're signed out everywhere else."
const NEW_PASSWORD = 'copper lantern drifts north'

const CURRENT = 'Current password'
const NEW = 'New password'
const REPEATED = 'Confirm new password'

test('a person who forgot their password gets a temporary one by email, and must choose another', async ({
  page,
  portal,
  people,
  newBrowser,
}) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const login = new LoginPage(page)
  const changePassword = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  const password1 = await test.step('the email contains the temporary password on a separate line', async () => {
    await login.open()
    await page.getByRole('link', { name: 'Get a temporary password' }).click()
    const resetPassword = new ResetPasswordPage(page)
    await resetPassword.isOpen()
    await expect(resetPassword.email).toBeFocused()
    await expect(resetPassword.email).toHaveAttribute('autocomplete', 'email')
    await resetPassword.press('Send a temporary password')
    await resetPassword.hasErrors({ 'Email address': REGISTRATION_ERRORS.emailMissing })
    await resetPassword.request('ada at example.org')
    await resetPassword.hasErrors({ 'Email address': REGISTRATION_ERRORS.emailFormat })
    await expect(resetPassword.email).toHaveValue('ada at example.org')
    await resetPassword.request(ada.email.toUpperCase())
    await login.isOpen()
    await expect(login.message(LOGIN_MESSAGES.resetRequested)).toBeVisible()

    const email = await portal.emails.wait(ada.email, TEMPORARY)
    expect(email.text).toContain(`Use this temporary password to sign in as ${ada.username}. You'll then choose a new password.`)
    expect(new URL(linkIn(email, '/login')).pathname).toBe('/login')
    expect(email.headers.get('auto-submitted')).toBe('auto-generated')
    const secret = temporaryPasswordIn(email)
    expect(secret.replaceAll('-', '')).toHaveLength(26)
    return secret
  })

  await test.step('a request changes nothing: the password works, the other session continues, and the temporary password works for no one else', async () => {
    await signIn(await newBrowser(), ada)
    const otherPage = new ProfilePage(other)
    await otherPage.open()
    await otherPage.isOpenFor(ada.username)
    const bert = await people.active('bert')
    await login.signIn(bert.username, password1)
    await login.hasFormError(LOGIN_MESSAGES.incorrect)
  })

  await test.step('the temporary password works in lower case with spaces, and every page leads to the choice of a new password', async () => {
    await login.identifier.fill(ada.username)
    await login.paste(login.password, password1.toLowerCase().replaceAll('-', ' '))
    await login.press('Sign in')
    await changePassword.isRequired(ada.username)
    await expect(changePassword.page.getByRole('main')).toContainText(MUST_CHANGE)
    await changePassword.hasUsernameField(ada.username)
    await expect(changePassword.newPassword).toBeFocused()
    for (const address of ['/', '/profile', '/profile/address', '/profile/delete', '/profile/data.json', '/admin', '/login', '/register', '/reset-password']) {
      await changePassword.visit(address)
      await changePassword.isRequired(ada.username)
    }
    expect(await send(page, 'end_other_sessions', {})).toEqual({ goto: '/login?next=%2Fprofile' })
    expect(await send(page, 'delete_account', { current_password: ada.password })).toEqual({ goto: '/login?next=%2Fprofile%2Fdelete' })
    expect(await send(page, 'ask_address_change', { email: newPerson().email, current_password: ada.password })).toEqual({
      goto: '/login?next=%2Fprofile%2Faddress',
    })
    await other.reload()
    await new ProfilePage(other).isOpenFor(ada.username)

    await changePassword.open()
    await changePassword.signOutButton.click()
    const home = new HomePage(page)
    await home.isOpen()
    await expect(home.message("You're signed out.")).toBeVisible()
  })

  await test.step('the temporary password works once', async () => {
    await login.open()
    await login.signIn(ada.username, password1)
    await login.hasFormError(LOGIN_MESSAGES.incorrect)
    await signIn(await newBrowser(), ada)
  })

  await test.step('the form for a new password shows its errors next to the fields', async () => {
    await people.requestPasswordReset(ada.email)
    const second = temporaryPasswordIn(await portal.emails.wait(ada.email, TEMPORARY, 2))
    await people.requestPasswordReset(ada.email)
    const third = temporaryPasswordIn(await portal.emails.wait(ada.email, TEMPORARY, 3))
    await login.open()
    await login.signIn(ada.email, third.replaceAll('-', ''))
    await changePassword.isRequired(ada.username)
    await changePassword.press('Change password')
    await changePassword.hasErrors({ [NEW]: REGISTRATION_ERRORS.passwordMissing })
    await changePassword.chooseNew('short')
    await changePassword.hasErrors({ [NEW]: REGISTRATION_ERRORS.passwordTooShort })
    await changePassword.chooseNew('password1234')
    await changePassword.hasErrors({ [NEW]: REGISTRATION_ERRORS.passwordTooWeak })
    await changePassword.chooseNew(NEW_PASSWORD, `${NEW_PASSWORD}.`)
    await changePassword.hasErrors({ [REPEATED]: REGISTRATION_ERRORS.passwordsDiffer })
    expect(await page.content()).not.toContain(NEW_PASSWORD)
    await changePassword.isRequired(ada.username)
    await changePassword.paste(changePassword.newPassword, NEW_PASSWORD)
    await changePassword.paste(changePassword.repeatedPassword, NEW_PASSWORD)
    await changePassword.press('Change password')
    await profile.isOpenFor(ada.username)
    await expect(profile.message(DONE)).toBeVisible()
    await expect(profile.activity.first()).toContainText('Password reset')

    await profile.signOut()
    await new HomePage(page).isOpen()
    for (const oldPassword of [ada.password, second, third]) {
      await login.open()
      await login.signIn(ada.username, oldPassword)
      await login.hasFormError(LOGIN_MESSAGES.incorrect)
    }
    await login.signIn(ada.username, NEW_PASSWORD)
    await profile.isOpenFor(ada.username)
  })

  await test.step('every other session ends, and the owner gets an email', async () => {
    await other.reload()
    const otherPage = new LoginPage(other)
    await otherPage.isOpen('?next=%2Fprofile')
    await expect(otherPage.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
    const email = await portal.emails.wait(ada.email, CHANGED)
    expect(email.text).toContain(`A new password was chosen for ${ada.username}`)
    expect(new URL(linkIn(email, '/reset-password')).pathname).toBe('/reset-password')
  })
})

test('a user who must choose a new password can also sign out at /logout', async ({ page, portal, people }) => {
  const ada = await people.active()
  await people.requestPasswordReset(ada.email)
  const password1 = temporaryPasswordIn(await portal.emails.wait(ada.email, TEMPORARY))
  expect(await send(page, 'sign_in', { username: ada.username, password: password1 })).toEqual({ goto: '/change-password' })
  const changePassword = new ChangePasswordPage(page)
  await changePassword.visit('/logout')
  await expect(changePassword.heading).toHaveText('Sign out?')
  await changePassword.press('Sign out')
  await new HomePage(page).isOpen()
  await changePassword.open()
  await new LoginPage(page).isOpen('?next=%2Fchange-password')
})

test('an email address without an active account gets the same answer, and no temporary password', async ({ page, portal, people }) => {
  const ada = await people.active()
  const pending = await people.pending('walter')
  const rejected = await people.rejected('rita')
  const pendingConfirmed = await people.pendingConfirmed('carl')
  const deactivated = await people.deactivated('dora')
  const unknown = newPerson('unknown')
  const resetPassword = new ResetPasswordPage(page)
  const login = new LoginPage(page)
  const answers = new Set<string>()
  for (const { email } of [unknown, pending, rejected, pendingConfirmed, deactivated, ada]) {
    await resetPassword.open()
    await resetPassword.request(email)
    await login.isOpen()
    await expect(login.message(LOGIN_MESSAGES.resetRequested)).toBeVisible()
    answers.add(await page.getByRole('main').innerText())
  }
  expect(answers.size).toBe(1)
  await portal.emails.wait(ada.email, TEMPORARY)
  // Each request is handled at a random time. When none is left, every email has been sent.
  await until('all requests to be handled', async () => {
    const [[left] = []] = await portal.query('SELECT (SELECT count(*) FROM password_reset_requests) + (SELECT count(*) FROM outbox WHERE state = \'pending\')')
    return left === '0' ? true : undefined
  })
  const NO_TEMPORARY = /^Your password request at Vestibule$/
  expect((await portal.emails.wait(pendingConfirmed.email, NO_TEMPORARY)).text).toContain("This account is still waiting for an administrator's approval.")
  expect((await portal.emails.wait(deactivated.email, NO_TEMPORARY)).text).toContain('This account has been deactivated.')
  for (const { email } of [unknown, pending, rejected, pendingConfirmed, deactivated]) {
    expect(await portal.emails.to(email, TEMPORARY), email).toEqual([])
  }
  for (const { email } of [unknown, pending, rejected]) expect(await portal.emails.to(email, NO_TEMPORARY), email).toEqual([])

  await test.step('a signed-in user needs no temporary password', async () => {
    await signIn(page, ada)
    await resetPassword.open()
    await new ProfilePage(page).isOpenFor(ada.username)
  })
})

test('an unconfirmed email address gets no temporary password, but learns that an administrator can help', async ({
  page,
  portal,
  people,
}) => {
  const ada = await people.activeUnconfirmed()
  await people.requestPasswordReset(ada.email)
  const email = await portal.emails.wait(ada.email, /^A password request at Vestibule$/)
  expect(email.text).toContain('If this was you, ask an administrator for help.')
  expect(email.text.replaceAll(ada.email, '')).not.toContain(ada.username)
  expect(await portal.emails.to(ada.email, TEMPORARY)).toEqual([])
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.isOpenFor(ada.username)
  await expect(profile.details).not.toContainText('Email confirmed')
})

test('a signed-in user changes their password, and every other session ends', async ({ page, portal, people, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const login = new LoginPage(page)
  const changePassword = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  await test.step('/.well-known/change-password leads to the form, after sign-in', async () => {
    await login.visit('/.well-known/change-password')
    await login.isOpen('?next=%2Fchange-password')
    await login.signIn(ada.username, ada.password)
    await changePassword.isOpen()
    await changePassword.visit('/.well-known/change-password')
    await changePassword.isOpen()
  })

  await test.step('password managers recognise the fields', async () => {
    await changePassword.hasUsernameField(ada.username)
    await expect(changePassword.currentPassword).toBeFocused()
    await expect(changePassword.currentPassword).toHaveAttribute('autocomplete', 'current-password')
    await expect(changePassword.newPassword).toHaveAttribute('autocomplete', 'new-password')
    await expect(changePassword.repeatedPassword).toHaveAttribute('autocomplete', 'new-password')
    for (const field of [changePassword.currentPassword, changePassword.newPassword, changePassword.repeatedPassword]) {
      await expect(field).toHaveAttribute('type', 'password')
      await expect(field).not.toHaveAttribute('maxlength')
    }
  })

  const long = 'x'.repeat(129)
  const cases: [string, [string, string, string], Record<string, string>][] = [
    ['nothing', ['', '', ''], { [CURRENT]: CHANGE_PASSWORD_ERRORS.currentMissing, [NEW]: REGISTRATION_ERRORS.passwordMissing }],
    ['no current password', ['', NEW_PASSWORD, NEW_PASSWORD], { [CURRENT]: CHANGE_PASSWORD_ERRORS.currentMissing }],
    ['a wrong current password', ['not the one at all', NEW_PASSWORD, NEW_PASSWORD], { [CURRENT]: CHANGE_PASSWORD_ERRORS.currentWrong }],
    ['too short', [ada.password, 'short', 'short'], { [NEW]: REGISTRATION_ERRORS.passwordTooShort }],
    ['too long', [ada.password, long, long], { [NEW]: REGISTRATION_ERRORS.passwordTooLong }],
    ['guessable', [ada.password, `${ada.username}12345678`, `${ada.username}12345678`], { [NEW]: REGISTRATION_ERRORS.passwordTooWeak }],
    ['two different passwords', [ada.password, NEW_PASSWORD, `${NEW_PASSWORD}.`], { [REPEATED]: REGISTRATION_ERRORS.passwordsDiffer }],
    ['the current password again', [ada.password, ada.password, ada.password], { [NEW]: CHANGE_PASSWORD_ERRORS.unchanged }],
  ]
  for (const [name, typed, errors] of cases) {
    await test.step(name, async () => {
      await changePassword.change(...typed)
      await changePassword.hasErrors(errors)
      await changePassword.summaryHasFocus()
      for (const label of [CURRENT, NEW, REPEATED]) if (!(label in errors)) await changePassword.hasNoError(label)
      await changePassword.hasUsernameField(ada.username)
      for (const field of [changePassword.currentPassword, changePassword.newPassword, changePassword.repeatedPassword]) {
        await expect(field).toHaveValue('')
      }
    })
  }

  await test.step('a good password is accepted', async () => {
    const session = async () => (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value
    const before = await session()
    await changePassword.paste(changePassword.currentPassword, ada.password)
    await changePassword.paste(changePassword.newPassword, NEW_PASSWORD)
    await changePassword.paste(changePassword.repeatedPassword, NEW_PASSWORD)
    await changePassword.press('Change password')
    await profile.isOpenFor(ada.username)
    await expect(profile.message(DONE)).toBeVisible()
    await expect(profile.activity.first()).toContainText('Password changed')
    await expect(profile.sessions).toHaveCount(1)
    expect(await session()).not.toBe(before)
    await profile.open()
    await profile.isOpenFor(ada.username)
  })

  await test.step('the other browser is asked to sign in, and only the new password works', async () => {
    await other.goto('/profile')
    const otherPage = new LoginPage(other)
    await otherPage.isOpen('?next=%2Fprofile')
    await expect(otherPage.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
    await otherPage.signIn(ada.username, PASSWORD)
    await otherPage.hasFormError(LOGIN_MESSAGES.incorrect)
    await otherPage.signIn(ada.username, NEW_PASSWORD)
    await new ProfilePage(other).isOpenFor(ada.username)
    await portal.emails.wait(ada.email, CHANGED)
  })
})

test('too many requests and too many wrong passwords get a message', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal } = await startPortal({ admin, env: { LIMIT_RESET: '2/1h' } })
  const resetPassword = new ResetPasswordPage(page)
  // The hour and the ten minutes below go by the clock. At the end of a period, counting starts again.
  await expect(async () => {
    for (let requests = 0; requests < 2; requests += 1) {
      await page.request.post(`${portal.url}/do/ask_reset`, { form: { email: newPerson('unknown').email } })
    }
    await resetPassword.visit(`${portal.url}/reset-password`)
    await resetPassword.request(admin.email)
    await resetPassword.hasFormError(TOO_MANY_ATTEMPTS)
  }).toPass()
  await expect(resetPassword.email).toHaveValue(admin.email)

  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fchange-password`)
  await login.signIn(admin.username, admin.password)
  const changePassword = new ChangePasswordPage(page)
  await changePassword.isOpen()
  const form = { current_password: 'not the one at all', new_password: NEW_PASSWORD, confirm_password: NEW_PASSWORD }
  const wrong = { field: 'current_password', code: 'current_password_wrong' }
  const attemptsUntilLimited = async (): Promise<number> => {
    for (let attempts = 0; ; attempts += 1) {
      const response = await page.request.post(`${portal.url}/do/change_password`, { form, headers: { accept: 'application/json' } })
      const answer = (await response.json()) as object
      if (attempts === 21 || !isDeepStrictEqual(answer, { refused: { form: null, fields: [wrong] } })) return attempts
    }
  }
  const tries = await attemptsUntilLimited()
  expect(tries).toBeGreaterThanOrEqual(10)
  expect(tries, 'twenty if a ten-minute period has ended in between').toBeLessThan(21)
  await expect(async () => {
    await attemptsUntilLimited()
    await changePassword.change('not the one at all', NEW_PASSWORD)
    await changePassword.hasFormError(TOO_MANY_ATTEMPTS)
  }).toPass()
})
