import { TOO_MANY_ATTEMPTS } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { LogoutPage } from '../pages/logout.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { newPerson } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'

test('a username or email address and the password lead to the profile', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  const profile = new ProfilePage(page)
  for (const identifier of [ada.username, ada.username.toUpperCase(), ada.email, ` ${ada.username} `]) {
    await login.open()
    await login.signIn(identifier, ada.password)
    await profile.isOpenFor(ada.username)
    await expect(profile.details).toContainText(ada.email)
    await expect(profile.details).toContainText('Member')
    await page.context().clearCookies()
  }
})

test('a username or email address pasted from an email signs in, whatever invisible characters are in it', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  for (const identifier of [ada.username.replace('-', '-\u2060'), `\ufeff${ada.username}\u200b`, ada.email.replace('.', '.\u2060')]) {
    await login.open()
    await login.paste(login.identifier, identifier)
    await login.password.fill(ada.password)
    await login.press('Sign in')
    await new ProfilePage(page).isOpenFor(ada.username)
    await page.context().clearCookies()
  }
})

test("another application's cookie hides no message and no theme, and signs no one out", async ({ page, people, baseURL }) => {
  const ada = await people.active()
  await page.context().addCookies([{ name: 'other', value: 'Zo\u00eb', url: baseURL }])
  const login = new LoginPage(page)
  await login.open()
  await login.chooseTheme('Dark theme')
  await login.signIn(ada.username, 'not the one at all')
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
  await login.open()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'vestibule-dark')
  await login.signIn(ada.username, ada.password)
  await new ProfilePage(page).isOpenFor(ada.username)
})

test('a wrong password and an unknown username get the same answer, and the username is kept', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  const answers: string[] = []
  for (const name of [ada.username, newPerson('unknown').username]) {
    await login.signIn(name, 'not the one at all')
    await login.hasFormError(LOGIN_MESSAGES.incorrect)
    await login.summaryHasFocus()
    await expect(login.identifier).toHaveValue(name)
    answers.push(await page.getByRole('main').innerText())
  }
  expect(answers[1]).toBe(answers[0])
})

test('an empty form shows the missing values', async ({ page }) => {
  const login = new LoginPage(page)
  await login.open()
  await login.press('Sign in')
  await login.hasErrors({
    'Username or email address': 'Enter your username or email address.',
    Password: 'Enter a password.',
  })
})

test('a user who may not sign in sees the reason only after the right password', async ({ page, people }) => {
  const login = new LoginPage(page)
  for (const [person, message] of [
    [await people.pending(), LOGIN_MESSAGES.pending],
    [await people.rejected('bert'), LOGIN_MESSAGES.rejected],
    [await people.deactivated('carl'), LOGIN_MESSAGES.deactivated],
  ] as const) {
    await login.open()
    await login.signIn(person.username, 'not the one at all')
    await login.hasFormError(LOGIN_MESSAGES.incorrect)
    await login.signIn(person.username, person.password)
    await login.hasFormError(message)
    await expect(login.identifier).toHaveValue(person.username)
  }
})

test('after sign-in, a person returns to the page that they came from', async ({ page, people }) => {
  const login = new LoginPage(page)
  await login.visit('/admin?after=b')
  await login.isOpen(/\/login\?next=/)
  await login.signIn(people.admin.username, 'not the one at all')
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
  await login.signIn(people.admin.username, people.admin.password)
  await new PortalPage(page).isAt('/admin?after=b', 'People')
})

test('after sign-in, only pages of the portal can follow', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example/', '/logout', '/../logout', 'javascript:alert(1)']) {
    await login.open(`?next=${encodeURIComponent(next)}`)
    await login.signIn(ada.username, ada.password)
    await new ProfilePage(page).isOpenFor(ada.username)
    await page.context().clearCookies()
  }
})

test('a signed-in user is redirected from the sign-in and registration pages', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  for (const path of ['/login', '/register', '/login?next=/admin']) {
    await profile.visit(path)
    await profile.isOpenFor(ada.username)
  }
  const home = new HomePage(page)
  await home.open()
  await expect(home.heading).toHaveText(`Welcome, ${ada.username}`)
  await page.getByRole('main').getByRole('link', { name: 'Go to your profile' }).click()
  await profile.isOpenFor(ada.username)
})

test('a session lasts two weeks, or until the browser is closed on a shared computer', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  const session = async () => (await page.context().cookies()).find((cookie) => cookie.name.endsWith('session'))

  await login.open()
  await login.signIn(ada.username, ada.password)
  await new ProfilePage(page).isOpen()
  const own = await session()
  expect(own).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
  expect((own?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(13.9 * 86_400)
  expect((own?.expires ?? 0) - Date.now() / 1000).toBeLessThanOrEqual(14 * 86_400)

  await page.context().clearCookies()
  await login.open()
  await login.shared.check()
  await login.signIn(ada.username, ada.password)
  await new ProfilePage(page).isOpen()
  expect((await session())?.expires).toBe(-1)
})

test('a user can sign out from the menu', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.signOut()
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message("You're signed out.")).toBeVisible()
  const login = new LoginPage(page)
  await login.visit('/profile')
  await login.isOpen('?next=%2Fprofile')
})

test('opening /logout asks for confirmation and changes nothing', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const logout = new LogoutPage(page)
  await logout.open()
  await logout.isAt('/logout', 'Sign out?')
  await expect(page.getByRole('main')).toContainText(`You're signed in as ${ada.username}.`)
  await page.getByRole('link', { name: 'Cancel' }).click()
  await new ProfilePage(page).isOpenFor(ada.username)
  await logout.open()
  await logout.press('Sign out')
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message("You're signed out.")).toBeVisible()
  await logout.open()
  await expect(logout.heading).toHaveText("You're signed out")
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await new LoginPage(page).isOpen()
})

test('after ten wrong passwords, attempts for that username are limited', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  // The ten minutes go by the clock. If a period ends in between, counting starts again, and the test tries again.
  await expect(async () => {
    await page.context().clearCookies()
    for (let attempts = 0; attempts < 10; attempts += 1) {
      await send(page, 'sign_in', { username: ada.username, password: 'not the one at all' })
    }
    await login.open()
    await login.signIn(ada.username, ada.password)
    await login.hasFormError(TOO_MANY_ATTEMPTS)
  }).toPass()
  const bert = await people.active('bert')
  await login.signIn(bert.username, bert.password)
  await new ProfilePage(page).isOpenFor(bert.username)
})

test('the button shows that the request is under way, and the form is sent once @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  let [sent, answer] = [0, (): void => undefined]
  const released = new Promise<void>((resolve) => (answer = resolve))
  await page.route('**/do/sign_in', async (route) => {
    sent += 1
    await released
    await route.continue()
  })
  await login.identifier.fill(ada.username)
  await login.password.fill(ada.password)
  const button = page.getByRole('main').getByRole('button', { name: 'Sign in', exact: true })
  await button.click()
  await expect(button).toHaveAttribute('aria-busy', 'true')
  await expect(button).toHaveText('Sign in')
  await login.password.press('Enter')
  await login.password.press('Enter')
  answer()
  await new ProfilePage(page).isOpenFor(ada.username)
  expect(sent).toBe(1)
})

test('an error that arrives late keeps a password typed in the meantime @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  let answer = (): void => undefined
  const released = new Promise<void>((resolve) => (answer = resolve))
  await page.route('**/do/sign_in', async (route) => {
    await released
    await route.continue()
  }, { times: 1 })
  await login.signIn(ada.username, 'not the one at all')
  await login.password.fill(ada.password)
  answer()
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
  await expect(login.password).toHaveValue(ada.password)
  await login.press('Sign in')
  await new ProfilePage(page).isOpenFor(ada.username)
})

test('without a connection, an error appears and the typed values are kept @scripts', async ({ page, people, consoleErrors }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  await login.identifier.fill(ada.username)
  await login.password.fill(ada.password)
  await page.context().setOffline(true)
  await login.press('Sign in')
  await login.hasFormError('We could not reach the portal. Check your connection and try again.')
  await expect(login.password).toHaveValue(ada.password)
  // The browser's own message about a request that could not be sent.
  expect(consoleErrors.splice(0)).toEqual([expect.stringContaining('net::ERR_INTERNET_DISCONNECTED')])
  await page.context().setOffline(false)
  await login.press('Sign in')
  await new ProfilePage(page).isOpenFor(ada.username)
})
