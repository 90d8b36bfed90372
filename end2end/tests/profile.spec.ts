import { readFile } from 'node:fs/promises'

import type { APIRequestContext, PlaywrightWorkerArgs } from '@playwright/test'

import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import type { Person } from '../support/portal.ts'
import { expect, signIn, test } from '../support/test.ts'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0'
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'

/** Signs a person in with another user agent. */
async function signInFrom(
  { playwright, baseURL }: { playwright: PlaywrightWorkerArgs['playwright']; baseURL: string | undefined },
  userAgent: string,
  { username, password }: Person,
): Promise<APIRequestContext> {
  // No connection is kept, because the portal may close it at the moment at which it is used again.
  const extraHTTPHeaders = { accept: 'text/html', connection: 'close' }
  const browser = await playwright.request.newContext({ baseURL, userAgent, extraHTTPHeaders })
  const response = await browser.post('/do/sign_in', { form: { username, password }, maxRedirects: 0 })
  expect(response.headers().location).toBe('/profile')
  return browser
}

/** Returns the path to which the profile redirects a browser, or undefined if the profile is shown. */
async function redirectOf(browser: APIRequestContext): Promise<string | undefined> {
  return (await browser.get('/profile', { maxRedirects: 0 })).headers().location
}

test('sessions are listed by browser, and can be ended one by one or all at the same time', async ({
  page,
  playwright,
  baseURL,
  people,
  newBrowser,
}) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const [firefox, safari] = [
    await signInFrom({ playwright, baseURL }, FIREFOX, ada),
    await signInFrom({ playwright, baseURL }, SAFARI, ada),
  ]
  const bert = await people.active('bert')
  const otherUser = await signInFrom({ playwright, baseURL }, FIREFOX, bert)
  const profile = new ProfilePage(page)

  await test.step('the current session comes first and is marked, and every other session has a button', async () => {
    const login = new LoginPage(page)
    await login.open()
    await login.shared.check()
    await login.signIn(ada.username, ada.password)
    await profile.isOpenFor(ada.username)
    await expect(profile.sessions).toHaveCount(4)
    const current = profile.sessions.first()
    await expect(current).toContainText('Chrome on Linux')
    await expect(current).toContainText('This device')
    await expect(current).toContainText('Shared computer')
    await expect(current.getByRole('button')).toHaveCount(0)
    await expect(profile.sessions.getByText('This device')).toHaveCount(1)
    await expect(profile.sessions.getByText('Shared computer')).toHaveCount(1)
    for (const browser of ['Firefox on Windows', 'Safari on iPhone']) {
      await expect(profile.session(browser)).toContainText('From 127.0.0.1Signed in')
      await expect(profile.session(browser).locator('time')).toHaveCount(2)
    }
    // Neither the user agent nor the id of a session is on the page.
    const html = await page.content()
    expect(html).not.toContain('Gecko')
    const cookie = (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value ?? ''
    expect(cookie).not.toBe('')
    expect(html).not.toContain(cookie)
  })

  await test.step('after a session is ended, its next request leads to the sign-in page, and the other sessions continue', async () => {
    const outdatedProfile = new ProfilePage(await page.context().newPage())
    await outdatedProfile.open()
    await profile.endSession('Firefox on Windows')
    await expect(profile.message('That session has ended.')).toBeVisible()
    await profile.isOpen()
    await expect(profile.sessions).toHaveCount(3)
    await expect(profile.session('Firefox on Windows')).toHaveCount(0)
    expect(await redirectOf(firefox)).toBe('/login?next=%2Fprofile')
    expect(await redirectOf(safari)).toBeUndefined()
    expect(await redirectOf(otherUser)).toBeUndefined()

    await outdatedProfile.endSession('Firefox on Windows')
    await expect(outdatedProfile.alert('That session has already ended.')).toBeVisible()
    await outdatedProfile.isOpen()
    await expect(outdatedProfile.sessions).toHaveCount(3)
  })

  await test.step('all other sessions are ended', async () => {
    await profile.signOutElsewhere.click()
    await expect(profile.message("You're signed out everywhere else.")).toBeVisible()
    await profile.isOpen()
    await expect(profile.sessions).toHaveCount(1)
    await expect(profile.sessions).toContainText('This device')
    await expect(profile.region("Where you're signed in")).toContainText("You're not signed in anywhere else.")
    await expect(profile.signOutElsewhere).toHaveCount(0)
    expect(await redirectOf(safari)).toBe('/login?next=%2Fprofile')
    expect(await redirectOf(otherUser), 'the sessions of another user continue').toBeUndefined()
  })

  await test.step('the recent activity is listed, the newest first, without the names and IP addresses of others', async () => {
    const actions = (await profile.activity.locator('strong').allTextContents()).filter((action) => action !== 'Signed in with a password')
    expect(actions).toEqual(['All other sessions ended', 'One session ended', 'Approved', 'Email address confirmed', 'Registered'])
    await expect(profile.activity.filter({ hasText: 'Signed in with a password' })).toHaveCount(4)
    await expect(profile.activity.filter({ hasText: 'All other sessions ended' })).toContainText('From 127.0.0.1, ')
    const approved = profile.activity.filter({ hasText: 'Approved' })
    await expect(approved).toContainText('Approved by an administrator')
    await expect(approved).not.toContainText('127.0.0.1')
    expect(await page.content()).not.toContain(people.admin.username)
  })

  await test.step('the ended browser is asked to sign in, and returns to its page', async () => {
    await other.goto('/profile')
    const login = new LoginPage(other)
    await login.isOpen('?next=%2Fprofile')
    await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
    await login.signIn(ada.username, ada.password)
    await new ProfilePage(other).isOpenFor(ada.username)
    await page.reload()
    await expect(profile.sessions).toHaveCount(2)
  })
  for (const browser of [firefox, safari, otherUser]) await browser.dispose()
})

test('a user can download their data, without secrets', async ({ page, playwright, baseURL, people }) => {
  const ada = await people.active()
  const firefox = await signInFrom({ playwright, baseURL }, FIREFOX, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await expect(page.getByRole('main').getByRole('region')).toHaveCount(6)
  await expect(page.getByRole('main').getByRole('heading', { level: 2 })).toHaveText([
    'Your details',
    'Password',
    'Ways to sign in',
    "Where you're signed in",
    'Recent activity',
    'Your data',
  ])
  await expect(profile.signInMethods).toContainText('Sign in with your username or email address.')

  const link = profile.data.getByRole('link', { name: 'Download your data' })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(download.suggestedFilename()).toBe('my-data.json')
  const text = await readFile(await download.path(), 'utf8')
  const data = JSON.parse(text) as { account: object; sessions: object[]; history: { what: string }[] }
  const instant: unknown = expect.stringMatching(/^20\d\d-\d\d-\d\dT.*Z$/)
  expect(data).toMatchObject({
    portal: 'Vestibule',
    generated_at: instant,
    account: {
      username: ada.username,
      email: ada.email,
      email_confirmed: instant,
      role: 'member',
      registered: instant,
      last_sign_in: instant,
      has_password: true,
    },
  })
  expect(data.sessions).toHaveLength(2)
  expect(data.sessions[0]).toMatchObject({ browser: 'Chrome on Linux', address: '127.0.0.1', current: true, shared_computer: false })
  expect(data.sessions[1]).toMatchObject({ browser: 'Firefox on Windows', current: false })
  expect(data.history.map(({ what }) => what).slice(-3)).toEqual(['Approved', 'Email address confirmed', 'Registered'])
  const cookie = (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value ?? ''
  expect(cookie).not.toBe('')
  for (const secret of ['argon2', 'hash', 'token', ada.password, cookie, people.admin.username]) {
    expect(text, 'no secret').not.toContain(secret)
  }

  const response = await page.request.get('/profile/data.json')
  expect(response.headers()).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-disposition': 'attachment; filename="my-data.json"',
  })
  await page.context().clearCookies()
  await profile.visit('/profile/data.json')
  await new LoginPage(page).isOpen('?next=%2Fprofile%2Fdata.json')
  await firefox.dispose()
})
