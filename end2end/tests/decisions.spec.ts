import { type Page } from '@playwright/test'

import { AdminUsersPage } from '../pages/admin-users.ts'
import { DecisionPage, DecisionsPart } from '../pages/decision.ts'
import { ADMIN, type User } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const APPROVED = /^Your account at Vestibule has been approved$/
const DECLINED = /^Your request to join Vestibule was declined$/

/** Returns the mark of a pending person from the page of a decision. */
async function markOf(page: Page, user: User): Promise<string> {
  await page.goto(`/admin/approve/${user.id}`)
  return page.locator('input[name=mark]').first().inputValue()
}

test('an approval is undone before its email is sent', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { UNDO_WINDOW: '60s' } })
  const ada = await people.pendingConfirmed()
  await page.goto(portal.url)
  await page.request.post(`${portal.url}/do/sign_in`, { form: { username: admin.username, password: admin.password } })
  const decision = new DecisionPage(page)
  await decision.visit(`${portal.url}/admin/approve/${ada.id}`)
  await expect(page.getByRole('main')).toContainText('You can undo this for 1 minute.')
  await decision.press('Approve')
  const list = new DecisionsPart(page)
  await new AdminUsersPage(page).isOpen()
  await list.says(/^.*Approved\. We'll send the email at \d\d:\d\d:\d\d UTC\. Until then, you can undo this\.$/)
  await expect(list.recent).toContainText(`You approved ${ada.username}`)
  await list.undo(`the approval of ${ada.username}`)
  await list.says(`${ada.username}: Undone. We will not send the email.`)
  await expect(new AdminUsersPage(page).row(ada.username)).toContainText('Pending')
  await expect(list.recent).toHaveCount(0)
})

test('an approval whose email has been sent cannot be undone, and the page says why', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { UNDO_WINDOW: '2s' } })
  const ada = await people.pendingConfirmed()
  // Scripts would remove the button in time, but the timers of a sleeping computer are late.
  await page.addInitScript(() => {
    const start = window.setTimeout.bind(window)
    window.setTimeout = ((handler: TimerHandler, wait = 0) => start(handler, wait < 1_000 ? wait : 1_000_000)) as typeof setTimeout
  })
  await page.request.post(`${portal.url}/do/sign_in`, { form: { username: admin.username, password: admin.password } })
  const decision = new DecisionPage(page)
  await decision.visit(`${portal.url}/admin/approve/${ada.id}`)
  await decision.press('Approve')
  const list = new DecisionsPart(page)
  await expect(list.recent).toContainText(ada.username)
  await portal.emails.wait(ada.email, APPROVED)
  // The page is as old as the decision, so its button is still there.
  await list.recent.getByRole('button', { name: `Undo the approval of ${ada.username}` }).click()
  await list.says('It is too late to undo this, because the email has been sent. Nothing has changed.')
  await expect(new AdminUsersPage(page).row(ada.username)).toContainText('Active')
})

test('the decisions that can be undone leave an open page in time @scripts', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { UNDO_WINDOW: '2s' } })
  const ada = await people.pendingConfirmed()
  await page.request.post(`${portal.url}/do/sign_in`, { form: { username: admin.username, password: admin.password } })
  const decision = new DecisionPage(page)
  await decision.visit(`${portal.url}/admin/approve/${ada.id}`)
  await decision.press('Approve')
  const list = new DecisionsPart(page)
  await expect(list.recent).toContainText(ada.username)
  await list.recent.getByRole('button', { name: `Undo the approval of ${ada.username}` }).focus()
  await expect(list.recent).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Recent decisions' })).toHaveCount(0)
  await expect(page.getByRole('heading', { name: /^Pending registrations/ })).toBeFocused()
})

test('a rejection is told with its reason, and the refused form keeps its texts', async ({ page, portal, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const decision = new DecisionPage(page)
  await decision.open('reject', ada)
  await expect(decision.withEmail).toBeChecked()
  await decision.field('Reason (optional)').fill('Ask your <b>team</b> lead.\nThen register again.')
  await decision.field('Note (optional)').fill('n'.repeat(501))
  await decision.press('Reject')
  await decision.hasErrors({ 'Note (optional)': 'Use 500 characters or fewer.' })
  await expect(decision.field('Reason (optional)')).toHaveValue('Ask your <b>team</b> lead.\nThen register again.')
  await decision.field('Note (optional)').fill('Met at the fair')
  await decision.press('Reject')
  await new AdminUsersPage(page).isOpen()
  await new DecisionsPart(page).says(`${ada.username}: Rejected. They'll get an email.`)
  const email = await portal.emails.wait(ada.email, DECLINED)
  expect(email.text).toContain('Ask your <b>team</b> lead.')
  expect(email.text).not.toContain('Met at the fair')
})

test('a rejection is silent by default while the email address is not confirmed', async ({ page, people }) => {
  const ada = await people.pending()
  await signIn(page, people.admin)
  const decision = new DecisionPage(page)
  await decision.open('reject', ada)
  await expect(decision.silently).toBeChecked()
  await decision.press('Reject')
  await new AdminUsersPage(page).isOpen()
  await new DecisionsPart(page).says(`${ada.username}: Rejected.`)
})

test('an applicant is asked a question', async ({ page, portal, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const decision = new DecisionPage(page)
  await decision.open('ask', ada)
  await expect(decision.heading).toHaveText(`Ask ${ada.username} a question`)
  await decision.press('Ask a question')
  await decision.hasErrors({ Question: 'Enter a question.' })
  await decision.field('Question').fill('Which team are you in?')
  await decision.press('Ask a question')
  await new AdminUsersPage(page).isOpen()
  await new DecisionsPart(page).says(`${ada.username}: On hold until they answer. They'll get an email.`)
  const email = await portal.emails.wait(ada.email, /^A question about your request to join Vestibule$/)
  expect(email.text).toContain('Which team are you in?')
})

test('several people are rejected silently at once, and this is undone at once', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { UNDO_WINDOW: '60s' } })
  const users = [await people.pendingConfirmed('ada'), await people.pendingConfirmed('bert'), await people.pendingConfirmed('carl')]
  await page.request.post(`${portal.url}/do/sign_in`, { form: { username: admin.username, password: admin.password } })
  const list = new DecisionsPart(page)
  await list.visit(`${portal.url}/admin`)
  const body = new URLSearchParams({ decision: 'reject', silent: 'yes', from: '/admin' })
  for (const user of users) {
    await page.goto(`${portal.url}/admin/reject/${user.id}`)
    body.append('people[]', `${user.id}:${await page.locator('input[name=mark]').first().inputValue()}`)
  }
  await page.request.post(`${portal.url}/do/decide_many`, {
    data: body.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
    maxRedirects: 0,
  })
  await list.visit(`${portal.url}/admin`)
  await list.says('Rejected 3 of 3 people')
  for (const user of users) await expect(new AdminUsersPage(page).row(user.username)).toContainText('Rejected')
  await list.undo('the rejection of 3 people')
  await list.says('Undone for 3 of 3 people')
  for (const user of users) await expect(new AdminUsersPage(page).row(user.username)).toContainText('Pending')
})

test('two administrators who decide at the same time send one email', async ({ page, people, portal, newBrowser }) => {
  const ada = await people.pendingConfirmed()
  const other = await people.administrator('zoe')
  const second = await newBrowser()
  await signIn(page, people.admin)
  await signIn(second, other)
  const [first, late] = [new DecisionPage(page), new DecisionPage(second)]
  await first.open('approve', ada)
  await late.open('approve', ada)
  await first.press('Approve')
  await new AdminUsersPage(page).isOpen()
  await late.press('Approve')
  await new AdminUsersPage(second).isOpen()
  await new DecisionsPart(second).says(new RegExp(`^${people.admin.username} approved ${ada.username} (just now|1 minute ago)\\.$`))
  await portal.emails.wait(ada.email, APPROVED)

  const bert = await people.pendingConfirmed('bert')
  await first.open('approve', bert)
  await late.open('reject', bert)
  await first.press('Approve')
  await new AdminUsersPage(page).isOpen()
  await late.press('Reject')
  const message = `${people.admin.username} approved ${bert.username} just now. Nothing else has changed.`
  await new DecisionsPart(second).says(message)
  await portal.emails.wait(bert.email, APPROVED)
  expect(await markOf(page, await people.pending('carl'))).toMatch(/^\d+-member$/)
})
