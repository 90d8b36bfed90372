import { readFile } from 'node:fs/promises'

import type { APIRequestContext, PlaywrightWorkerArgs } from '@playwright/test'

import { ANSWERS, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import type { Person } from '../support/portal.ts'
import { expect, signIn, test } from '../support/test.ts'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0'
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'

/** A browser of another make, in which somebody is signed in. */
async function device(
  { playwright, baseURL }: { playwright: PlaywrightWorkerArgs['playwright']; baseURL: string | undefined },
  userAgent: string,
  { username, password }: Person,
): Promise<APIRequestContext> {
  // No connection is kept: the portal may close it at the very moment at which it is used again.
  const extraHTTPHeaders = { accept: 'text/html', connection: 'close' }
  const browser = await playwright.request.newContext({ baseURL, userAgent, extraHTTPHeaders })
  const answer = await browser.post('/do/sign_in', { form: { username, password }, maxRedirects: 0 })
  expect(answer.headers().location).toBe('/profile')
  return browser
}

/** Where a browser is sent that asks for the profile; nowhere, if it is shown. */
async function sentTo(browser: APIRequestContext): Promise<string | undefined> {
  return (await browser.get('/profile', { maxRedirects: 0 })).headers().location
}

test('sessions are listed in words, and ended one by one or all at once', async ({ page, playwright, baseURL, people, newBrowser }) => {
  test.slow()
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  const [firefox, safari] = [
    await device({ playwright, baseURL }, FIREFOX, ada),
    await device({ playwright, baseURL }, SAFARI, ada),
  ]
  const bert = await people.active('bert')
  const stranger = await device({ playwright, baseURL }, FIREFOX, bert)
  const profile = new ProfilePage(page)

  await test.step('this one is marked and first; every other one has words and a button of its own', async () => {
    const login = new LoginPage(page)
    await login.open()
    await login.shared.check()
    await login.signIn(ada.username, ada.password)
    await profile.isOf(ada.username)
    await expect(profile.sessions).toHaveCount(4)
    const mine = profile.sessions.first()
    await expect(mine).toContainText('Chrome on Linux')
    await expect(mine).toContainText('This one')
    await expect(mine).toContainText('Shared computer')
    await expect(mine.getByRole('button')).toHaveCount(0)
    await expect(profile.sessions.getByText('This one')).toHaveCount(1)
    await expect(profile.sessions.getByText('Shared computer')).toHaveCount(1)
    for (const browser of ['Firefox on Windows', 'Safari on iPhone']) {
      await expect(profile.session(browser)).toContainText('From 127.0.0.1Signed in')
      await expect(profile.session(browser).locator('time')).toHaveCount(2)
    }
    // What browsers say of themselves is theirs: neither it nor an id is on the page.
    const html = await page.content()
    expect(html).not.toContain('Gecko')
    const cookie = (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value ?? ''
    expect(cookie).not.toBe('')
    expect(html).not.toContain(cookie)
  })

  await test.step('one is ended: its next request meets sign-in, the others stay', async () => {
    const stale = new ProfilePage(await page.context().newPage())
    await stale.open()
    await profile.endSession('Firefox on Windows')
    await expect(profile.notice('That session is over.')).toBeVisible()
    await profile.is()
    await expect(profile.sessions).toHaveCount(3)
    await expect(profile.session('Firefox on Windows')).toHaveCount(0)
    expect(await sentTo(firefox)).toBe('/login?next=%2Fprofile')
    expect(await sentTo(safari)).toBeUndefined()
    expect(await sentTo(stranger)).toBeUndefined()

    await stale.endSession('Firefox on Windows')
    await expect(stale.alert('That session is over already.')).toBeVisible()
    await stale.is()
    await expect(stale.sessions).toHaveCount(3)
  })

  await test.step('all others are ended', async () => {
    await profile.signOutElsewhere.click()
    await expect(profile.notice('You are signed out everywhere else.')).toBeVisible()
    await profile.is()
    await expect(profile.sessions).toHaveCount(1)
    await expect(profile.sessions).toContainText('This one')
    await expect(profile.region('Sessions')).toContainText('You are signed in nowhere else.')
    await expect(profile.signOutElsewhere).toHaveCount(0)
    expect(await sentTo(safari)).toBe('/login?next=%2Fprofile')
    expect(await sentTo(stranger), "somebody else's sessions are none of theirs").toBeUndefined()
  })

  await test.step('the history tells what was done, the newest first, and of others neither name nor address', async () => {
    const told = (await profile.history.locator('strong').allTextContents()).filter((what) => what !== 'Signed in with the password')
    expect(told).toEqual(['All other sessions ended', 'One session ended', 'Approved', 'Address confirmed', 'Registered'])
    await expect(profile.history.filter({ hasText: 'Signed in with the password' })).toHaveCount(4)
    await expect(profile.history.filter({ hasText: 'All other sessions ended' })).toContainText('From 127.0.0.1, ')
    const approved = profile.history.filter({ hasText: 'Approved' })
    await expect(approved).toContainText('Approved by an administrator')
    await expect(approved).not.toContainText('127.0.0.1')
    expect(await page.content()).not.toContain(people.keeper.username)
  })

  await test.step('the ended browser meets sign-in, and comes back from there', async () => {
    await other.goto('/profile')
    const login = new LoginPage(other)
    await login.is('?next=%2Fprofile')
    await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
    await login.signIn(ada.username, ada.password)
    await new ProfilePage(other).isOf(ada.username)
    await page.reload()
    await expect(profile.sessions).toHaveCount(2)
  })
  for (const browser of [firefox, safari, stranger]) await browser.dispose()
})

test('what the portal keeps about somebody can be taken along, without anything secret', async ({ page, playwright, baseURL, people }) => {
  const ada = await people.active()
  const firefox = await device({ playwright, baseURL }, FIREFOX, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await expect(page.getByRole('main').getByRole('region')).toHaveCount(6)
  await expect(page.getByRole('main').getByRole('heading', { level: 2 })).toHaveText([
    'Who I am',
    'Password',
    'Ways to sign in',
    'Sessions',
    'History',
    'My data',
  ])
  await expect(profile.waysIn).toContainText('With your username or your email address.')

  const link = profile.data.getByRole('link', { name: 'Download my data' })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(download.suggestedFilename()).toBe('my-data.json')
  const text = await readFile(await download.path(), 'utf8')
  const data = JSON.parse(text) as { account: object; sessions: object[]; history: { what: string }[] }
  const instant: unknown = expect.stringMatching(/^20\d\d-\d\d-\d\dT.*Z$/)
  expect(data).toMatchObject({
    portal: 'Vestibule',
    made: instant,
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
  expect(data.sessions[0]).toMatchObject({ browser: 'Chrome on Linux', address: '127.0.0.1', this_one: true, shared_computer: false })
  expect(data.sessions[1]).toMatchObject({ browser: 'Firefox on Windows', this_one: false })
  expect(data.history.map(({ what }) => what).slice(-3)).toEqual(['Approved', 'Address confirmed', 'Registered'])
  const cookie = (await page.context().cookies()).find(({ name }) => name.endsWith('session'))?.value ?? ''
  expect(cookie).not.toBe('')
  for (const secret of ['argon2', 'hash', 'token', ada.password, cookie, people.keeper.username]) {
    expect(text, 'nothing secret').not.toContain(secret)
  }

  const answer = await page.request.get('/profile/data.json')
  expect(answer.headers()).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-disposition': 'attachment; filename="my-data.json"',
  })
  await page.context().clearCookies()
  await profile.visit('/profile/data.json')
  await new LoginPage(page).is('?next=%2Fprofile%2Fdata.json')
  await firefox.dispose()
})
