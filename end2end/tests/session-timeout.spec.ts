import type { Page } from '@playwright/test'

import { AdminActionPage } from '../pages/admin-action.ts'
import { AdminUsersPage } from '../pages/admin-users.ts'
import { EmailChangePage } from '../pages/email-change.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { newPerson } from '../support/people.ts'
import { expect, signIn, signOut, test } from '../support/test.ts'

test('after a session has ended, the next page asks to sign in and returns', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // A new role ends the user's sessions.
  await people.act(ada, 'make-admin')
  await profile.page.reload()
  const login = new LoginPage(page)
  await login.isOpen('?next=%2Fprofile')
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await profile.isOpenFor(ada.username)
  await expect(profile.details).toContainText('Administrator')
})

/** Waits until a page has asked for the state of its session. */
async function untilSessionChecked(page: Page, cause: () => Promise<void>): Promise<void> {
  const answer = page.waitForResponse((response) => new URL(response.url()).pathname === '/session')
  await cause()
  await answer
}

/** Simulates the focus event of a person who returns to a page. */
async function focusWindow(page: Page): Promise<void> {
  await page.evaluate(() => window.dispatchEvent(new Event('focus')))
}

/**
 * Focuses a page until it asks for the state of its session. It does not ask while it still reads the previous answer.
 */
async function focusUntilChecked(page: Page): Promise<void> {
  await expect(async () => {
    const request = page.waitForRequest('**/session', { timeout: 1_000 })
    await focusWindow(page)
    await (await request).response()
  }).toPass({ intervals: [50], timeout: 10_000 })
}

/** Marks the document, and returns a function that tells if the page still shows it. */
async function markDocument(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => document.body.setAttribute('data-marked', ''))
  return async () => page.evaluate(() => document.body.hasAttribute('data-marked'))
}

test('an open page leaves when its session has ended, and not before @scripts', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  // Time passes only in the browser. For the portal, the session has just been used.
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  const isSameDocument = await markDocument(page)
  await untilSessionChecked(page, async () => page.clock.fastForward('25:00:00'))
  await focusUntilChecked(page)
  await profile.isOpenFor(ada.username)
  expect(await isSameDocument(), 'the document is the same').toBe(true)

  const other = new ProfilePage(await newBrowser())
  await signIn(other.page, ada)
  await other.open()
  await other.signOutElsewhere.click()
  await expect(other.sessions).toHaveCount(1)
  await page.clock.fastForward('25:00:00')
  const login = new LoginPage(page)
  await login.isOpen('?next=%2Fprofile')
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
})

test('a person who returns to a page sees nothing of a user who has signed out in the meantime @scripts', async ({ page, people }) => {
  const [ada, bert] = [await people.active(), await people.active('bert')]
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await focusUntilChecked(page)
  await profile.isOpenFor(ada.username)
  const tab = await page.context().newPage()
  await signOut(tab)
  await signIn(tab, bert)
  await Promise.all([page.waitForEvent('load'), focusWindow(page)])
  await profile.isOpenFor(bert.username)
  await signOut(tab)
  await focusWindow(page)
  await new LoginPage(page).isOpen('?next=%2Fprofile')
})

test('text typed on a page is kept when a person returns to it @scripts', async ({ page, people }) => {
  const ada = await people.active()
  const newEmail = newPerson('moved').email
  await page.clock.install()
  await signIn(page, ada)
  const emailChange = new EmailChangePage(page)
  await emailChange.open()
  await emailChange.email.fill(newEmail)
  await signOut(await page.context().newPage())
  const isSameDocument = await markDocument(page)
  await focusUntilChecked(page)
  await focusUntilChecked(page)
  await expect(emailChange.email).toHaveValue(newEmail)
  expect(await isSameDocument(), 'the document is the same').toBe(true)
  await page.clock.fastForward('25:00:00')
  await new LoginPage(page).isOpen('?next=%2Fprofile%2Faddress')
})

test('a page whose session has expired is cleared even if the portal does not answer @scripts', async ({
  page,
  people,
  expectedStatuses,
}) => {
  expectedStatuses.add(503)
  const ada = await people.active()
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // The request for the state of the session is never answered, and the next page is an error.
  await page.route('**/session', () => {})
  await page.route('**/profile', async (route) => route.fulfill({ status: 503, body: 'Service unavailable' }))
  await page.evaluate(() => {
    const record = (): void => sessionStorage.setItem('left', document.body.innerHTML)
    new MutationObserver(record).observe(document.body, { childList: true })
  })
  const request = page.waitForRequest('**/session')
  await page.clock.fastForward('25:00:00')
  await request
  await profile.isOpenFor(ada.username)
  await page.clock.fastForward('00:11')
  await expect(page.getByText('Service unavailable')).toBeVisible()
  expect(await page.evaluate(() => sessionStorage.getItem('left')), 'the page was empty first').toBe('')
})

test('a person who returns to a page while the portal does not answer sees nothing of another user once it does @scripts', async ({
  page,
  people,
}) => {
  const ada = await people.active()
  await page.clock.install()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  // A computer wakes before its network does.
  await page.route('**/session', () => {})
  const checkRequest = page.waitForRequest('**/session')
  await focusWindow(page)
  const aborted = page.waitForEvent('requestfailed', (request) => new URL(request.url()).pathname === '/session')
  await checkRequest
  await page.clock.fastForward('00:11')
  await aborted
  await page.unroute('**/session')
  await signOut(await page.context().newPage())
  // The page asks twice before it treats a session as ended.
  await focusUntilChecked(page)
  await page.clock.fastForward('00:02')
  await new LoginPage(page).isOpen('?next=%2Fprofile')
})

test('after a session has ended on the list of users, an administrator signs in, returns and approves', async ({ page, people }) => {
  const admin = await people.administrator('grace')
  const ada = await people.pendingConfirmed()
  await signIn(page, admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await expect(adminUsers.pendingRow(ada.username)).toBeVisible()
  await people.act(admin, 'deactivate')
  await people.act(admin, 'reactivate')
  await adminUsers.act(ada.username, 'Approve')
  const login = new LoginPage(page)
  await login.isOpen(/\/login\?next=%2Fadmin/)
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  await login.signIn(admin.username, admin.password)
  await adminUsers.isOpen()
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.reports(ada.username, "Approved. They'll get an email.")
})

test('after a session has ended on the page of an action, an administrator signs in and returns to it', async ({ page, people }) => {
  const admin = await people.administrator('grace')
  const ada = await people.pendingConfirmed()
  await signIn(page, admin)
  const adminAction = new AdminActionPage(page)
  await adminAction.open('approve', ada)
  await adminAction.asksToConfirm('Approve', ada.username)
  await people.act(admin, 'deactivate')
  await people.act(admin, 'reactivate')
  await adminAction.press('Approve')
  const login = new LoginPage(page)
  await login.isOpen(/\/login\?next=/)
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  await login.signIn(admin.username, admin.password)
  await adminAction.isAt(`/admin/approve/${ada.id}`, `Approve ${ada.username}?`)
  await adminAction.press('Approve')
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.isOpen()
  await expect(adminUsers.message("Approved. They'll get an email.")).toBeVisible()
})

test('after a session has ended while a person types, the text is kept over the sign-in', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  const newEmail = newPerson('moved').email
  await signIn(page, ada)
  const emailChange = new EmailChangePage(page)
  await emailChange.open()
  const other = new ProfilePage(await newBrowser())
  await signIn(other.page, ada)
  await other.open()
  await other.signOutElsewhere.click()
  await expect(other.sessions).toHaveCount(1)
  await emailChange.request(newEmail, ada.password)
  const login = new LoginPage(page)
  await login.isOpen('?next=%2Fprofile%2Faddress')
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await emailChange.isOpen()
  await expect(emailChange.email).toHaveValue(newEmail)
  await expect(emailChange.currentPassword).toHaveValue('')
})

test('a form error on one tab does not appear on another', async ({ page, people }) => {
  const ada = await people.active()
  const login = new LoginPage(page)
  const other = new LoginPage(await page.context().newPage())
  await login.open()
  await other.visit('/register')
  await login.signIn(ada.username, 'not the one at all')
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
  await other.visit('/register')
  await expect(other.summary).toHaveCount(0)
  await expect(other.page).toHaveTitle(/^Create your account/)
})

test('a reason that someone is typing is kept when they return to the page @scripts', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminAction = new AdminActionPage(page)
  await adminAction.open('reject', ada)
  await adminAction.field('Reason (optional)').fill('Not from this department')
  await signOut(await page.context().newPage())
  const isSameDocument = await markDocument(page)
  await focusUntilChecked(page)
  await focusUntilChecked(page)
  expect(await isSameDocument(), 'the page stays open').toBe(true)
  await expect(adminAction.field('Reason (optional)')).toHaveValue('Not from this department')
})
