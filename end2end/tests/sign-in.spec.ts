import { TOO_MANY } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { LogoutPage } from '../pages/logout.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { someone } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'

test('name or address, and password, open the profile', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  const profile = new ProfilePage(page)
  for (const identifier of [ada.username, ada.username.toUpperCase(), ada.email, ` ${ada.username} `]) {
    await login.open()
    await login.signIn(identifier, ada.password)
    await profile.isOf(ada.username)
    await expect(profile.card).toContainText(ada.email)
    await expect(profile.card).toContainText('Member')
    await page.context().clearCookies()
  }
})

test('a wrong password and an unknown name get the same words, and the name is kept', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  const answers: string[] = []
  for (const name of [ada.username, someone('nobody').username]) {
    await login.signIn(name, 'not the one at all')
    await login.isRefused(ANSWERS.incorrect)
    await login.summaryHasFocus()
    await expect(login.identifier).toHaveValue(name)
    answers.push(await page.getByRole('main').innerText())
  }
  expect(answers[1]).toBe(answers[0])
})

test('an empty form says what is missing', async ({ page }) => {
  const login = new LoginPage(page)
  await login.open()
  await login.press('Sign in')
  await login.hasErrors({
    'Username or email address': 'Enter your username or email address.',
    Password: 'Enter a password.',
  })
})

test('whoever may not sign in reads why, after the right password', async ({ page, people }) => {
  const login = new LoginPage(page)
  for (const [person, words] of [
    [await people.waiting(), ANSWERS.waiting],
    [await people.rejected('bert'), ANSWERS.rejected],
    [await people.deactivated('carl'), ANSWERS.deactivated],
  ] as const) {
    await login.open()
    await login.signIn(person.username, 'not the one at all')
    await login.isRefused(ANSWERS.incorrect)
    await login.signIn(person.username, person.password)
    await login.isRefused(words)
    await expect(login.identifier).toHaveValue(person.username)
  }
})

test('the page one came from is where one goes', async ({ page, people }) => {
  const login = new LoginPage(page)
  await login.visit('/admin?after=b')
  await login.is(/\/login\?next=/)
  await login.signIn(people.keeper.username, 'not the one at all')
  await login.isRefused(ANSWERS.incorrect)
  await login.signIn(people.keeper.username, people.keeper.password)
  await new PortalPage(page).arrives('/admin?after=b', 'Desk')
})

test('no address leads anywhere but to pages of the portal', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example/', '/logout', '/../logout', 'javascript:alert(1)']) {
    await login.open(`?next=${encodeURIComponent(next)}`)
    await login.signIn(ada.username, ada.password)
    await new ProfilePage(page).isOf(ada.username)
    await page.context().clearCookies()
  }
})

test('who is signed in needs neither sign-in nor registration', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  for (const address of ['/login', '/register', '/login?next=/admin']) {
    await profile.visit(address)
    await profile.isOf(ada.username)
  }
  const home = new HomePage(page)
  await home.open()
  await expect(home.heading).toHaveText(`Welcome, ${ada.username}`)
  await page.getByRole('main').getByRole('link', { name: 'Go to your profile' }).click()
  await profile.isOf(ada.username)
})

test('a session lasts for the browser of a shared computer, else for a fortnight', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  const session = async () => (await page.context().cookies()).find((cookie) => cookie.name.endsWith('session'))

  await login.open()
  await login.signIn(ada.username, ada.password)
  await new ProfilePage(page).is()
  const own = await session()
  expect(own).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
  expect((own?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(13.9 * 86_400)
  expect((own?.expires ?? 0) - Date.now() / 1000).toBeLessThanOrEqual(14 * 86_400)

  await page.context().clearCookies()
  await login.open()
  await login.shared.check()
  await login.signIn(ada.username, ada.password)
  await new ProfilePage(page).is()
  expect((await session())?.expires).toBe(-1)
})

test('signing out from the menu', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await profile.signOut()
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice('You are signed out.')).toBeVisible()
  const login = new LoginPage(page)
  await login.visit('/profile')
  await login.is('?next=%2Fprofile')
})

test('/logout asks, and opening it changes nothing', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const logout = new LogoutPage(page)
  await logout.open()
  await logout.arrives('/logout', 'Sign out?')
  await expect(page.getByRole('main')).toContainText(`You are signed in as ${ada.username}.`)
  await page.getByRole('link', { name: 'Stay signed in' }).click()
  await new ProfilePage(page).isOf(ada.username)
  await logout.open()
  await logout.press('Sign out')
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice('You are signed out.')).toBeVisible()
  await logout.open()
  await expect(logout.heading).toHaveText('You are signed out')
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await new LoginPage(page).is()
})

test('ten wrong passwords are too many, for this name alone', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  // The ten minutes go by the clock: where they end in between, counting begins anew, and it is tried once more.
  await expect(async () => {
    await page.context().clearCookies()
    for (let tries = 0; tries < 10; tries += 1) {
      await send(page, 'sign_in', { username: ada.username, password: 'not the one at all' })
    }
    await login.open()
    await login.signIn(ada.username, ada.password)
    await login.isRefused(TOO_MANY)
  }).toPass()
  const bert = await people.active('bert')
  await login.signIn(bert.username, bert.password)
  await new ProfilePage(page).isOf(bert.username)
})

test('the button says that it was heard, and nothing is sent twice @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  let [sent, answer] = [0, (): void => undefined]
  const held = new Promise<void>((resolve) => (answer = resolve))
  await page.route('**/do/sign_in', async (route) => {
    sent += 1
    await held
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
  await new ProfilePage(page).isOf(ada.username)
  expect(sent).toBe(1)
})

test('a refusal that comes late leaves what was typed meanwhile @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  let answer = (): void => undefined
  const held = new Promise<void>((resolve) => (answer = resolve))
  await page.route('**/do/sign_in', async (route) => {
    await held
    await route.continue()
  }, { times: 1 })
  await login.signIn(ada.username, 'not the one at all')
  await login.password.fill(ada.password)
  answer()
  await login.isRefused(ANSWERS.incorrect)
  await expect(login.password).toHaveValue(ada.password)
  await login.press('Sign in')
  await new ProfilePage(page).isOf(ada.username)
})

test('a lost connection has words, and what was typed is still there @scripts', async ({ page, people, complaints }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  await login.open()
  await login.identifier.fill(ada.username)
  await login.password.fill(ada.password)
  await page.context().setOffline(true)
  await login.press('Sign in')
  await login.isRefused('The portal could not be reached. Check your connection, then try again.')
  await expect(login.password).toHaveValue(ada.password)
  // The browser's own line for a request that could not be sent.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('net::ERR_INTERNET_DISCONNECTED')])
  await page.context().setOffline(false)
  await login.press('Sign in')
  await new ProfilePage(page).isOf(ada.username)
})
