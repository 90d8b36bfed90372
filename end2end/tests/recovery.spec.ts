import { isDeepStrictEqual } from 'node:util'

import { CHANGE_PROBLEMS, ChangePasswordPage } from '../pages/change-password.ts'
import { TOO_MANY } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { withScripts } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { PROBLEMS } from '../pages/register.ts'
import { ResetPasswordPage } from '../pages/reset-password.ts'
import { linkIn, secretIn } from '../support/mail.ts'
import { PASSWORD, someone } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'
import { until } from '../support/until.ts'

const TEMPORARY = /^Your temporary password for Vestibule$/
const CHANGED = /^Your password at Vestibule was changed$/
const MUST_CHANGE = 'Choose a new password to go on.'
const DONE = 'Your password is changed. You are signed out everywhere else.'
const NEXT = 'copper lantern drifts north'

const CURRENT = 'Current password'
const FRESH = 'New password'
const AGAIN = 'New password once more'

test('a forgotten password: a temporary one by mail, and no way but to choose another', async ({ page, portal, people, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const login = new LoginPage(page)
  const change = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  const secret = await test.step('ask for a temporary password: the mail has it on a line of its own', async () => {
    await login.open()
    await page.getByRole('link', { name: 'Get a temporary one' }).click()
    const reset = new ResetPasswordPage(page)
    await reset.is()
    await expect(reset.email).toBeFocused()
    await expect(reset.email).toHaveAttribute('autocomplete', 'email')
    await reset.press('Send a temporary password')
    await reset.hasErrors({ 'Email address': PROBLEMS.noAddress })
    await reset.ask('ada at example.org')
    await reset.hasErrors({ 'Email address': PROBLEMS.addressShape })
    await expect(reset.email).toHaveValue('ada at example.org')
    await reset.ask(ada.email.toUpperCase())
    await login.is()
    await expect(login.notice(ANSWERS.resetAsked)).toBeVisible()

    const mail = await portal.mails.wait(ada.email, TEMPORARY)
    expect(mail.text).toContain(`Sign in as ${ada.username} with it, then choose a new password.`)
    expect(new URL(linkIn(mail, '/login')).pathname).toBe('/login')
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated')
    const secret = secretIn(mail)
    expect(secret.replaceAll('-', '')).toHaveLength(26)
    return secret
  })

  await test.step("asking changes nothing: the password works, the other browser stays, and it is nobody else's", async () => {
    await signIn(await newBrowser(), ada)
    const theirs = new ProfilePage(other)
    await theirs.open()
    await theirs.isOf(ada.username)
    const bert = await people.active('bert')
    await login.signIn(bert.username, secret)
    await login.isRefused(ANSWERS.incorrect)
  })

  await test.step('it signs in, in lower case with spaces, and nothing leads away but signing out', async () => {
    await login.identifier.fill(ada.username)
    await login.paste(login.password, secret.toLowerCase().replaceAll('-', ' '))
    await login.press('Sign in')
    await change.isForced(ada.username)
    await expect(change.page.getByRole('main')).toContainText(MUST_CHANGE)
    await change.namesAccount(ada.username)
    await expect(change.fresh).toBeFocused()
    for (const address of ['/', '/profile', '/profile/address', '/profile/delete', '/profile/data.json', '/admin', '/login', '/register', '/reset-password']) {
      await change.visit(address)
      await change.isForced(ada.username)
    }
    expect(await send(page, 'end_other_sessions', {})).toEqual({ goto: '/login?next=%2Fprofile' })
    expect(await send(page, 'delete_account', { current_password: ada.password })).toEqual({ goto: '/login?next=%2Fprofile%2Fdelete' })
    expect(await send(page, 'ask_address_change', { email: someone().email, current_password: ada.password })).toEqual({
      goto: '/login?next=%2Fprofile%2Faddress',
    })
    await other.reload()
    await new ProfilePage(other).isOf(ada.username)

    await change.open()
    await change.leave.click()
    const home = new HomePage(page)
    await home.is()
    await expect(home.notice('You are signed out.')).toBeVisible()
  })

  await test.step('it worked once', async () => {
    await login.open()
    await login.signIn(ada.username, secret)
    await login.isRefused(ANSWERS.incorrect)
    await signIn(await newBrowser(), ada)
  })

  await test.step('another one, and a new password: what is wrong with it stands beside its field', async () => {
    await people.askReset(ada.email)
    const second = secretIn(await portal.mails.wait(ada.email, TEMPORARY, 2))
    await people.askReset(ada.email)
    const third = secretIn(await portal.mails.wait(ada.email, TEMPORARY, 3))
    await login.open()
    await login.signIn(ada.email, third.replaceAll('-', ''))
    await change.isForced(ada.username)
    await change.press('Change password')
    await change.hasErrors({ [FRESH]: PROBLEMS.noPassword })
    await change.choose('short')
    await change.hasErrors({ [FRESH]: PROBLEMS.short })
    await change.choose('password1234')
    await change.hasErrors({ [FRESH]: PROBLEMS.guessable })
    await change.choose(NEXT, `${NEXT}.`)
    await change.hasErrors({ [AGAIN]: PROBLEMS.differ })
    expect(await page.content()).not.toContain(NEXT)
    await change.isForced(ada.username)
    await change.paste(change.fresh, NEXT)
    await change.paste(change.repeated, NEXT)
    await change.press('Change password')
    await profile.isOf(ada.username)
    await expect(profile.notice(DONE)).toBeVisible()
    await expect(profile.history.first()).toContainText('Password replaced')

    await profile.signOut()
    await new HomePage(page).is()
    for (const spent of [ada.password, second, third]) {
      await login.open()
      await login.signIn(ada.username, spent)
      await login.isRefused(ANSWERS.incorrect)
    }
    await login.signIn(ada.username, NEXT)
    await profile.isOf(ada.username)
  })

  await test.step('everybody else is signed out, and the owner is told', async () => {
    await other.reload()
    const theirs = new LoginPage(other)
    await theirs.is('?next=%2Fprofile')
    await expect(theirs.notice(ANSWERS.sessionOver)).toBeVisible()
    const mail = await portal.mails.wait(ada.email, CHANGED)
    expect(mail.text).toContain(`The password of ${ada.username} was changed`)
    expect(new URL(linkIn(mail, '/reset-password')).pathname).toBe('/reset-password')
  })
})

test('who has to choose a new password can also sign out at /logout', async ({ page, portal, people }) => {
  const ada = await people.active()
  await people.askReset(ada.email)
  const secret = secretIn(await portal.mails.wait(ada.email, TEMPORARY))
  expect(await send(page, 'sign_in', { username: ada.username, password: secret })).toEqual({ goto: '/change-password' })
  const change = new ChangePasswordPage(page)
  await change.visit('/logout')
  await expect(change.heading).toHaveText('Sign out?')
  await change.press('Sign out')
  await new HomePage(page).is()
  await change.open()
  await new LoginPage(page).is('?next=%2Fchange-password')
})

test('an address without an account gets the same words, and no mail', async ({ page, portal, people }) => {
  const ada = await people.active()
  const waiting = await people.waiting('walter')
  const rejected = await people.rejected('rita')
  const confirmed = await people.confirmed('carl')
  const deactivated = await people.deactivated('dora')
  const unknown = someone('nobody')
  const reset = new ResetPasswordPage(page)
  const login = new LoginPage(page)
  const answers = new Set<string>()
  for (const { email } of [unknown, waiting, rejected, confirmed, deactivated, ada]) {
    await reset.open()
    await reset.ask(email)
    await login.is()
    await expect(login.notice(ANSWERS.resetAsked)).toBeVisible()
    answers.add(await page.getByRole('main').innerText())
  }
  expect(answers.size).toBe(1)
  await portal.mails.wait(ada.email, TEMPORARY)
  // Each is worked out at a moment of chance's: once none is left, every mail is on its way that ever will be.
  await until('the requests to be worked out', async () => {
    const [[left] = []] = await portal.query('SELECT (SELECT count(*) FROM reset_requests) + (SELECT count(*) FROM outbox WHERE status = \'waiting\')')
    return left === '0' ? true : undefined
  })
  const about = /^No temporary password for your account at Vestibule$/
  expect((await portal.mails.wait(confirmed.email, about)).text).toContain("The account is still waiting for an administrator's approval.")
  expect((await portal.mails.wait(deactivated.email, about)).text).toContain('The account has been deactivated.')
  for (const { email } of [unknown, waiting, rejected, confirmed, deactivated]) {
    expect(await portal.mails.to(email, TEMPORARY), email).toEqual([])
  }
  for (const { email } of [unknown, waiting, rejected]) expect(await portal.mails.to(email, about), email).toEqual([])

  await test.step('who is signed in needs no temporary password', async () => {
    await signIn(page, ada)
    await reset.open()
    await new ProfilePage(page).isOf(ada.username)
  })
})

test('an unconfirmed email address gets no temporary password, but is told who can help', async ({ page, portal, people }) => {
  const ada = await people.activeUnconfirmed()
  await people.askReset(ada.email)
  const mail = await portal.mails.wait(ada.email, /^No temporary password for Vestibule$/)
  expect(mail.text).toContain('If this was you, ask an administrator for help.')
  expect(mail.text.replaceAll(ada.email, '')).not.toContain(ada.username)
  expect(await portal.mails.to(ada.email, TEMPORARY)).toEqual([])
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.isOf(ada.username)
  await expect(profile.card).not.toContainText('Address confirmed')
})

test('whoever wants to chooses another password, and is signed out everywhere else', async ({ page, portal, people, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const login = new LoginPage(page)
  const change = new ChangePasswordPage(page)
  const profile = new ProfilePage(page)

  await test.step('/.well-known/change-password leads there, by way of signing in', async () => {
    await login.visit('/.well-known/change-password')
    await login.is('?next=%2Fchange-password')
    await login.signIn(ada.username, ada.password)
    await change.is()
    await change.visit('/.well-known/change-password')
    await change.is()
  })

  await test.step('password managers find their way', async () => {
    await change.namesAccount(ada.username)
    await expect(change.current).toBeFocused()
    await expect(change.current).toHaveAttribute('autocomplete', 'current-password')
    await expect(change.fresh).toHaveAttribute('autocomplete', 'new-password')
    await expect(change.repeated).toHaveAttribute('autocomplete', 'new-password')
    for (const field of [change.current, change.fresh, change.repeated]) {
      await expect(field).toHaveAttribute('type', 'password')
      await expect(field).not.toHaveAttribute('maxlength')
    }
  })

  const long = 'x'.repeat(129)
  const refusals: [string, [string, string, string], Record<string, string>][] = [
    ['nothing', ['', '', ''], { [CURRENT]: CHANGE_PROBLEMS.noCurrent, [FRESH]: PROBLEMS.noPassword }],
    ['no current one', ['', NEXT, NEXT], { [CURRENT]: CHANGE_PROBLEMS.noCurrent }],
    ['a wrong current one', ['not the one at all', NEXT, NEXT], { [CURRENT]: CHANGE_PROBLEMS.wrong }],
    ['too short', [ada.password, 'short', 'short'], { [FRESH]: PROBLEMS.short }],
    ['too long', [ada.password, long, long], { [FRESH]: PROBLEMS.long }],
    ['guessable', [ada.password, `${ada.username}12345678`, `${ada.username}12345678`], { [FRESH]: PROBLEMS.guessable }],
    ['repeated differently', [ada.password, NEXT, `${NEXT}.`], { [AGAIN]: PROBLEMS.differ }],
    ['the same as before', [ada.password, ada.password, ada.password], { [FRESH]: CHANGE_PROBLEMS.unchanged }],
  ]
  for (const [what, typed, errors] of refusals) {
    await test.step(what, async () => {
      await change.change(...typed)
      await change.hasErrors(errors)
      await change.summaryHasFocus()
      for (const label of [CURRENT, FRESH, AGAIN]) if (!(label in errors)) await change.hasNoError(label)
      await change.namesAccount(ada.username)
      for (const field of [change.current, change.fresh, change.repeated]) await expect(field).toHaveValue('')
    })
  }

  await test.step('a good one is taken', async () => {
    const session = async () => (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value
    const before = await session()
    await change.paste(change.current, ada.password)
    await change.paste(change.fresh, NEXT)
    await change.paste(change.repeated, NEXT)
    await change.press('Change password')
    await profile.isOf(ada.username)
    await expect(profile.notice(DONE)).toBeVisible()
    await expect(profile.history.first()).toContainText('Password changed')
    await expect(profile.sessions).toHaveCount(1)
    expect(await session()).not.toBe(before)
    await profile.open()
    await profile.isOf(ada.username)
  })

  await test.step('the other browser meets sign-in; the old password is no good, the new one is', async () => {
    await other.goto('/profile')
    const theirs = new LoginPage(other)
    await theirs.is('?next=%2Fprofile')
    await expect(theirs.notice(ANSWERS.sessionOver)).toBeVisible()
    await theirs.signIn(ada.username, PASSWORD)
    await theirs.isRefused(ANSWERS.incorrect)
    await theirs.signIn(ada.username, NEXT)
    await new ProfilePage(other).isOf(ada.username)
    await portal.mails.wait(ada.email, CHANGED)
  })
})

test('too many requests and too many wrong passwords have words', async ({ page, startPortal }) => {
  const keeper = someone('keeper')
  const { portal } = await startPortal({ admin: keeper, env: { LIMIT_RESET: '2/1h' } })
  const reset = new ResetPasswordPage(page)
  // The hour goes by the clock, and so do the ten minutes below: where they end in between, counting begins anew.
  await expect(async () => {
    for (let asked = 0; asked < 2; asked += 1) {
      await page.request.post(`${portal.url}/do/ask_reset`, { form: { email: someone('nobody').email } })
    }
    await reset.visit(`${portal.url}/reset-password`)
    await reset.ask(keeper.email)
    await reset.isRefused(TOO_MANY)
  }).toPass()
  await expect(reset.email).toHaveValue(keeper.email)

  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fchange-password`)
  await login.signIn(keeper.username, keeper.password)
  const change = new ChangePasswordPage(page)
  await change.is()
  const form = { current_password: 'not the one at all', new_password: NEXT, confirm_password: NEXT }
  const wrong = { field: 'current_password', problem: 'current_password_wrong' }
  const triesUntilRefused = async (): Promise<number> => {
    for (let tries = 0; ; tries += 1) {
      const answer = (await (await page.request.post(`${portal.url}/do/change_password`, { form })).json()) as object
      if (tries === 21 || !isDeepStrictEqual(answer, { refused: { form: null, fields: [wrong] } })) return tries
    }
  }
  const tries = await triesUntilRefused()
  expect(tries).toBeGreaterThanOrEqual(10)
  expect(tries, 'twenty where ten minutes have ended in between').toBeLessThan(21)
  await expect(async () => {
    await triesUntilRefused()
    await change.change('not the one at all', NEXT)
    await change.isRefused(TOO_MANY)
  }).toPass()
})
