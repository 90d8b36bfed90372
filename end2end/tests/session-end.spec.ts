import type { Page } from '@playwright/test'

import { AddressPage } from '../pages/address.ts'
import { DecisionPage } from '../pages/decision.ts'
import { DeskPage } from '../pages/desk.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { someone } from '../support/people.ts'
import { expect, signIn, signOut, test } from '../support/test.ts'

test('a session that ends on a page: sign in, and go on there', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // A new role ends the person's sessions.
  await people.decide(ada, 'make-admin')
  await profile.page.reload()
  const login = new LoginPage(page)
  await login.is('?next=%2Fprofile')
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await profile.isOf(ada.username)
  await expect(profile.card).toContainText('Administrator')
})

/** Waits until a page has asked how long its session lasts. */
async function asked(page: Page, cause: () => Promise<void>): Promise<void> {
  const answer = page.waitForResponse((response) => new URL(response.url()).pathname === '/session')
  await cause()
  await answer
}

/** What a browser does when somebody comes back to a page. */
async function comeBack(page: Page): Promise<void> {
  await page.evaluate(() => window.dispatchEvent(new Event('focus')))
}

/** Comes back to a page until it asks: while it still reads the answer before, it does not ask again. */
async function comeBackAndAsk(page: Page): Promise<void> {
  await expect(async () => {
    const request = page.waitForRequest('**/session', { timeout: 1_000 })
    await comeBack(page)
    await (await request).response()
  }).toPass({ intervals: [50], timeout: 10_000 })
}

/** Tells later whether a page is still the one that it is now. */
async function mark(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => document.body.setAttribute('data-marked', ''))
  return async () => page.evaluate(() => document.body.hasAttribute('data-marked'))
}

test('a page left open goes when its session is over, and not before @scripts', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  // Time passes in the browser alone: for the portal the session has just been used.
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  const stayed = await mark(page)
  await asked(page, async () => page.clock.fastForward('25:00:00'))
  await comeBackAndAsk(page)
  await profile.isOf(ada.username)
  expect(await stayed(), 'it is the same page').toBe(true)

  const other = new ProfilePage(await newBrowser())
  await signIn(other.page, ada)
  await other.open()
  await other.signOutElsewhere.click()
  await expect(other.sessions).toHaveCount(1)
  await page.clock.fastForward('25:00:00')
  const login = new LoginPage(page)
  await login.is('?next=%2Fprofile')
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
})

test('whoever comes back to a page sees nothing of somebody who has left meanwhile @scripts', async ({ page, people }) => {
  const [ada, bert] = [await people.active(), await people.active('bert')]
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await comeBackAndAsk(page)
  await profile.isOf(ada.username)
  const tab = await page.context().newPage()
  await signOut(tab)
  await signIn(tab, bert)
  await Promise.all([page.waitForEvent('load'), comeBack(page)])
  await profile.isOf(bert.username)
  await signOut(tab)
  await comeBack(page)
  await new LoginPage(page).is('?next=%2Fprofile')
})

test('what is typed on a page is not lost when somebody comes back to it @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const moved = someone('moved').email
  await page.clock.install()
  await signIn(page, ada)
  const address = new AddressPage(page)
  await address.open()
  await address.email.fill(moved)
  await signOut(await page.context().newPage())
  const stayed = await mark(page)
  await comeBackAndAsk(page)
  await comeBackAndAsk(page)
  await expect(address.email).toHaveValue(moved)
  expect(await stayed(), 'it is the same page').toBe(true)
  await page.clock.fastForward('25:00:00')
  await new LoginPage(page).is('?next=%2Fprofile%2Faddress')
})

test('a page whose time is up is empty even if the portal does not answer @scripts', async ({ page, people, expected }) => {
  expected.add(503)
  const ada = await people.active()
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // How long the session lasts is never answered, and nothing comes in the place of the page.
  await page.route('**/session', () => {})
  await page.route('**/profile', async (route) => route.fulfill({ status: 503, body: 'Nobody is there.' }))
  await page.evaluate(() => {
    const note = (): void => sessionStorage.setItem('left', document.body.innerHTML)
    new MutationObserver(note).observe(document.body, { childList: true })
  })
  const asking = page.waitForRequest('**/session')
  await page.clock.fastForward('25:00:00')
  await asking
  await profile.isOf(ada.username)
  await page.clock.fastForward('00:11')
  await expect(page.getByText('Nobody is there.')).toBeVisible()
  expect(await page.evaluate(() => sessionStorage.getItem('left')), 'it was empty before').toBe('')
})

test('who comes back while the portal does not answer is shown nothing of others when it does @scripts', async ({ page, people }) => {
  const ada = await people.active()
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // A machine wakes before its network does.
  await page.route('**/session', () => {})
  const asking = page.waitForRequest('**/session')
  await comeBack(page)
  const abandoned = page.waitForEvent('requestfailed', (request) => new URL(request.url()).pathname === '/session')
  await asking
  await page.clock.fastForward('00:11')
  await abandoned
  await page.unroute('**/session')
  await signOut(await page.context().newPage())
  // Whether a session is gone is asked twice.
  await comeBackAndAsk(page)
  await page.clock.fastForward('00:02')
  await new LoginPage(page).is('?next=%2Fprofile')
})

test('a session that ends before a decision at the desk: sign in, come back, decide', async ({ page, people }) => {
  const admin = await people.administrator('grace')
  const ada = await people.confirmed()
  await signIn(page, admin)
  const desk = new DeskPage(page)
  await desk.open(ada)
  await expect(desk.waitingRow(ada.username)).toBeVisible()
  await people.decide(admin, 'deactivate')
  await people.decide(admin, 'reactivate')
  await desk.decide(ada.username, 'Approve')
  const login = new LoginPage(page)
  await login.is(/\/login\?next=%2Fadmin/)
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  await login.signIn(admin.username, admin.password)
  await desk.is()
  await desk.decide(ada.username, 'Approve')
  await desk.says(ada.username, 'Approved. The mail that says so is on its way.')
})

test('a session that ends before a decision on its own page: sign in, come back to the card', async ({ page, people }) => {
  const admin = await people.administrator('grace')
  const ada = await people.confirmed()
  await signIn(page, admin)
  const card = new DecisionPage(page)
  await card.open('approve', ada)
  await card.asks('Approve', ada.username)
  await people.decide(admin, 'deactivate')
  await people.decide(admin, 'reactivate')
  await card.press('Approve')
  const login = new LoginPage(page)
  await login.is(/\/login\?next=/)
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  await login.signIn(admin.username, admin.password)
  await card.arrives(`/admin/approve/${ada.id}`, `Approve ${ada.username}?`)
  await card.press('Approve')
  const desk = new DeskPage(page)
  await desk.is()
  await expect(desk.notice('Approved. The mail that says so is on its way.')).toBeVisible()
})

test('a session that ends while somebody types: sign in, and what was typed is there', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  const moved = someone('moved').email
  await signIn(page, ada)
  const address = new AddressPage(page)
  await address.open()
  const other = new ProfilePage(await newBrowser())
  await signIn(other.page, ada)
  await other.open()
  await other.signOutElsewhere.click()
  await expect(other.sessions).toHaveCount(1)
  await address.ask(moved, ada.password)
  const login = new LoginPage(page)
  await login.is('?next=%2Fprofile%2Faddress')
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await address.is()
  await expect(address.email).toHaveValue(moved)
  await expect(address.current).toHaveValue('')
})

test('what was typed at sign-in survives a detour', async ({ page, people }) => {
  // Two tabs of one browser: the refusal of one is not shown on the other.
  const ada = await people.active()
  const login = new LoginPage(page)
  const other = new LoginPage(await page.context().newPage())
  await login.open()
  await other.visit('/register')
  await login.signIn(ada.username, 'not the one at all')
  await login.isRefused(ANSWERS.incorrect)
  await other.visit('/register')
  await expect(other.summary).toHaveCount(0)
  await expect(other.page).toHaveTitle(/^Create your account/)
})
