import { type Page } from '@playwright/test'

import { AdminActionPage } from '../pages/admin-action.ts'
import { AdminUsersPage } from '../pages/admin-users.ts'
import { ErrorPage } from '../pages/error-page.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { withScripts } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'

/** Marks a document, to tell it from one that was loaded later. */
async function markDocument(page: Page): Promise<void> {
  await page.evaluate(() => void ((window as Window & { marked?: boolean }).marked = true))
}

async function isSameDocument(page: Page): Promise<boolean> {
  return page.evaluate(() => (window as Window & { marked?: boolean }).marked === true)
}

test('text that a visitor typed stays text when scripts insert it later', async ({ page, people }) => {
  const visitor = newPerson()
  // As markup, even without a semicolon, the text would be "<b'".
  const email = `x&ltb'${visitor.email}`
  await people.register({ ...visitor, email })
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(visitor)
  await expect(adminUsers.pendingRow(visitor.username)).toContainText(email)
  await adminUsers.act(visitor.username, 'Approve anyway')
  await adminUsers.reports(visitor.username, "Approved. They'll get an email.")
  await expect(adminUsers.row(visitor.username)).toContainText('Active')
  await expect(adminUsers.row(visitor.username)).toContainText(email)
})

test('pending registrations and all users are listed, with the state of the email address', async ({ page, people }) => {
  const [ada, bert, carl] = [await people.pending(), await people.pendingConfirmed('bert'), await people.deactivated('carl')]
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await expect(adminUsers.pendingRow(ada.username)).toContainText('Email not confirmed')
  await expect(adminUsers.pendingRow(ada.username)).toContainText(ada.email)
  await expect(adminUsers.pendingRow(ada.username).getByRole('button', { name: /^Approve anyway/ })).toBeVisible()
  await expect(adminUsers.pendingRow(bert.username)).toContainText('Email confirmed')
  await expect(adminUsers.row(ada.username)).toContainText('Pending')
  await expect(adminUsers.row(ada.username)).toContainText('Never')
  await adminUsers.open(carl)
  await expect(adminUsers.row(carl.username)).toContainText('Deactivated')
  await adminUsers.open(people.admin)
  await expect(adminUsers.row(people.admin.username)).toContainText('(you)')
  await expect(adminUsers.row(people.admin.username)).toContainText('Administrator')
  await expect(adminUsers.row(people.admin.username).getByLabel(/^More actions for/), 'no menu for their own account').toHaveCount(0)

  const count = await adminUsers.pendingCount()
  await page.goto('/profile')
  const nav = page.getByRole('navigation', { name: 'Main' })
  await expect(nav.getByRole('link', { name: `Admin ${count} pending` }), 'other pages show the number of pending registrations').toBeVisible()
})

test('relative times stay true while the page is open @scripts', async ({ page, people }) => {
  const ada = await people.pending()
  await signIn(page, people.admin)
  await page.clock.install()
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await expect(adminUsers.pendingRow(ada.username)).toContainText(/just now|minute/)
  await page.clock.fastForward('03:00:00')
  await expect(adminUsers.pendingRow(ada.username)).toContainText('3 hours ago')
  await adminUsers.visit(`/admin/users/${ada.id}`)
  const registered = page.getByRole('definition').getByRole('time').first()
  await page.clock.fastForward('03:00:00')
  await expect(registered).toHaveText(/^[67] hours ago$/)
})

for (const [label, message, status] of [
  ['Approve', "Approved. They'll get an email.", 'Active'],
  ['Reject', 'Rejected.', 'Rejected'],
] as const) {
  test(`the button ${label} works without leaving the page`, async ({ page, portal, people }) => {
    const ada = await people.pendingConfirmed()
    await signIn(page, people.admin)
    const adminUsers = new AdminUsersPage(page)
    await adminUsers.open(ada)
    const count = await adminUsers.pendingCount()
    await markDocument(page)
    await adminUsers.act(ada.username, label)
    await adminUsers.reports(ada.username, message)
    await expect(adminUsers.pendingRow(ada.username)).toHaveCount(0)
    await adminUsers.expectPendingCount(count - 1)
    await expect(adminUsers.row(ada.username)).toContainText(status)
    expect(await isSameDocument(page), 'the same document, if scripts run').toBe(withScripts())

    await page.reload()
    await adminUsers.isOpen()
    await adminUsers.expectPendingCount(count - 1)
    await expect(adminUsers.message(message), 'the message appears once').toHaveCount(0)
    await expect(adminUsers.row(ada.username)).toContainText(status)
    const emails = await portal.emails.to(ada.email, /has been approved$/)
    if (label === 'Approve') await portal.emails.wait(ada.email, /has been approved$/)
    else expect(emails).toEqual([])
  })
}

test('a toast can be closed @scripts', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.reports(ada.username, 'Approved.')
  await page.getByRole('status').getByRole('button', { name: 'Close' }).click()
  await expect(adminUsers.message('Approved.')).toHaveCount(0)
})

test('the menu offers every action for a user', async ({ page, people, portal }) => {
  const ada = await people.active()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  for (const [label, message, status] of [
    ['Make administrator', "Now an administrator. They'll have to sign in again.", 'Administrator'],
    ['Remove administrator role', "No longer an administrator. They'll have to sign in again.", 'Active'],
    ['Deactivate', 'Deactivated and signed out everywhere.', 'Deactivated'],
    ['Reactivate', "Reactivated. They'll get an email.", 'Active'],
  ] as const) {
    await test.step(label, async () => {
      await adminUsers.open(ada)
      await markDocument(page)
      await adminUsers.openAndConfirm(ada.username, label)
      await adminUsers.reports(ada.username, message)
      if (withScripts()) expect(await isSameDocument(page), 'the document is the same').toBe(true)
      else await adminUsers.open(ada)
      await expect(adminUsers.row(ada.username)).toContainText(status)
      if (label === 'Remove administrator role') await expect(adminUsers.row(ada.username)).not.toContainText('Administrator')
    })
  }
  await portal.emails.wait(ada.email, /^Your account at Vestibule is active again$/)
})

test('the dialog explains the consequences of an action and can be cancelled @scripts', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  for (const leave of ['Cancel', 'Escape']) {
    await adminUsers.openAction(ada.username, 'Deactivate')
    const dialog = adminUsers.confirmation(ada.username, 'Deactivate')
    await expect(dialog).toContainText("They'll be signed out everywhere immediately and cannot sign in until they are reactivated.")
    if (leave === 'Cancel') await dialog.getByRole('button', { name: 'Cancel' }).click()
    else await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
    await expect(adminUsers.row(ada.username)).toContainText('Active')
    await expect(adminUsers.row(ada.username).getByLabel(`More actions for ${ada.username}`)).toBeFocused()
    await page.reload()
    await adminUsers.isOpen()
  }
})

test('a rejected user can be moved back to pending', async ({ page, people }) => {
  const ada = await people.rejected()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  const count = await adminUsers.pendingCount()
  await adminUsers.openAndConfirm(ada.username, 'Move back to pending')
  await adminUsers.reports(ada.username, 'Moved back to pending.')
  await adminUsers.expectPendingCount(count + 1)
  await expect(adminUsers.pendingRow(ada.username)).toBeVisible()
  await page.goto(`/admin/users/${ada.id}`)
  await expect(page.getByText(`moved back by ${people.admin.username}`)).toBeVisible()
})

test('each action has its own page, which asks for confirmation and changes nothing when it is opened', async ({ page, people }) => {
  const [ada, bert] = [await people.pendingConfirmed(), await people.active('bert')]
  await signIn(page, people.admin)
  const adminAction = new AdminActionPage(page)
  const adminUsers = new AdminUsersPage(page)
  for (const [person, slug, label, message] of [
    [ada, 'reject', 'Reject', 'Rejected.'],
    [ada, 'reconsider', 'Move back to pending', 'Moved back to pending.'],
    [ada, 'approve', 'Approve', "Approved. They'll get an email."],
    [bert, 'make-admin', 'Make administrator', "Now an administrator. They'll have to sign in again."],
    [bert, 'remove-admin', 'Remove administrator role', "No longer an administrator. They'll have to sign in again."],
    [bert, 'deactivate', 'Deactivate', 'Deactivated and signed out everywhere.'],
    [bert, 'reactivate', 'Reactivate', "Reactivated. They'll get an email."],
    [bert, 'deactivate', 'Deactivate', 'Deactivated and signed out everywhere.'],
    // In the original application, approving was the only way to reactivate.
    [bert, 'approve', 'Reactivate', "Reactivated. They'll get an email."],
  ] as const) {
    await test.step(`${slug} ${person.username}`, async () => {
      await adminAction.open(slug, person)
      await adminAction.asksToConfirm(label, person.username)
      await adminAction.open(slug, person)
      await adminAction.asksToConfirm(label, person.username)
      await expect(adminAction.userDetails(person.username)).toContainText(person.email)
      await expect(page.getByRole('link', { name: 'Cancel' })).toHaveAttribute('href', '/admin')
      await adminAction.press(label)
      await adminUsers.isOpen()
      await expect(adminUsers.message(message)).toBeVisible()
    })
  }
})

test('an action that is not allowed shows the status of the user and the allowed actions', async ({ page, people }) => {
  const admin = people.admin.username
  const [ada, bert, carl, dora] = [
    await people.pendingConfirmed(),
    await people.active('bert'),
    await people.rejected('carl'),
    await people.activeUnconfirmed('dora'),
  ]
  await signIn(page, people.admin)
  const adminAction = new AdminActionPage(page)
  for (const [person, slug, message, actions] of [
    [ada, 'deactivate', /^This account has been pending since .* UTC\.$/, ['Approve', 'Reject']],
    [bert, 'approve', new RegExp(`^This account was approved by ${admin} on .* UTC\\.$`), ['Deactivate', 'Make administrator']],
    [bert, 'reject', new RegExp(`^This account has been active since .* UTC by ${admin}\\.$`), ['Deactivate']],
    [carl, 'approve', new RegExp(`^This account has been rejected since .* UTC by ${admin}\\.$`), ['Move back to pending']],
    [carl, 'make-admin', new RegExp(`^This account has been rejected since .* UTC by ${admin}\\.$`), ['Move back to pending']],
    [dora, 'make-admin', /^The email address must be confirmed first\.$/, ['Deactivate']],
    [bert, 'remove-admin', /not an administrator/, ['Make administrator']],
  ] as const) {
    await test.step(`${slug} ${person.username}`, async () => {
      await adminAction.open(slug, person)
      await expect(adminAction.message(message)).toBeVisible()
      for (const action of actions) await expect(adminAction.actionLink(action)).toBeVisible()
    })
  }
  await adminAction.open('deactivate', bert)
  await adminAction.openUser(bert)
  await expect(adminAction.heading).toHaveText(bert.username)
  await expect(adminAction.userDetails(bert.username)).toContainText('Email confirmed')
  await adminAction.actionLink('Deactivate').click()
  await adminAction.asksToConfirm('Deactivate', bert.username)
})

test('an administrator cannot perform actions on their own account', async ({ page, people, newBrowser }) => {
  const grace = await people.administrator('grace')
  await signIn(page, grace)
  const adminAction = new AdminActionPage(page)
  for (const slug of ['deactivate', 'remove-admin']) {
    await adminAction.open(slug, grace)
    await expect(adminAction.message('You cannot do this to your own account. Ask another administrator.')).toBeVisible()
    await expect(page.getByRole('main').getByRole('button')).toHaveCount(0)
    const answer = await send(page, 'decide', { id: String(grace.id), decision: slug, stay: 'yes' })
    expect(JSON.stringify(answer)).toContain('"own_account"')
  }
  // Another administrator can.
  const other = await newBrowser()
  await signIn(other, people.admin)
  const secondList = new AdminActionPage(other)
  await secondList.open('remove-admin', grace)
  await secondList.press('Remove administrator role')
  await new AdminUsersPage(other).isOpen()
})

test('a user id that does not exist leads to an error page', async ({ page, people, expectedStatuses }) => {
  expectedStatuses.add(404)
  await signIn(page, people.admin)
  const errorPage = new ErrorPage(page)
  for (const path of ['/admin/users/999999', '/admin/approve/0', '/admin/users/x', '/admin/users/99999999999999999999']) {
    expect((await errorPage.visit(path)).status(), path).toBe(404)
    const message = 'It may have been deleted, or the link may be wrong.'
    await errorPage.shows('Account not found', message, ['Go to People', '/admin'])
  }
  expect((await errorPage.visit('/admin/promote/1')).status()).toBe(404)
  await errorPage.shows('Page not found', 'The web address may be wrong, or the page may have moved.')
})

test('a deactivated user is signed out at the next request, and can sign in after reactivation', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()

  const admin = await newBrowser()
  await signIn(admin, people.admin)
  const adminAction = new AdminActionPage(admin)
  await adminAction.open('deactivate', ada)
  await adminAction.press('Deactivate')
  await new AdminUsersPage(admin).isOpen()

  await page.reload()
  const login = new LoginPage(page)
  await login.isOpen('?next=%2Fprofile')
  await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await login.hasFormError(LOGIN_MESSAGES.deactivated)

  await adminAction.open('reactivate', ada)
  await adminAction.press('Reactivate')
  await new AdminUsersPage(admin).isOpen()
  await login.signIn(ada.username, ada.password)
  await profile.isOpenFor(ada.username)
})

test('on the admin pages, a member sees an error page and a visitor is asked to sign in', async ({
  page,
  people,
  newBrowser,
  expectedStatuses,
}) => {
  expectedStatuses.add(403)
  const ada = await people.active()
  await signIn(page, ada)
  const errorPage = new ErrorPage(page)
  for (const path of ['/admin', '/admin/mail', `/admin/users/${ada.id}`, `/admin/make-admin/${ada.id}`]) {
    expect((await errorPage.visit(path)).status()).toBe(403)
    await errorPage.shows('You do not have access to this page', 'This page is for administrators only.')
  }
  const answer = await send(page, 'decide', { id: String(ada.id), decision: 'make-admin', stay: 'yes' })
  expect(JSON.stringify(answer)).toContain('"forbidden"')

  const visitor = new LoginPage(await newBrowser())
  for (const path of ['/admin', '/admin/mail', `/admin/users/${ada.id}`]) {
    await visitor.visit(path)
    await visitor.isOpen(`?next=${encodeURIComponent(path)}`)
  }
})

test('of two administrators who act at the same time, the second sees the result of the first', async ({ page, people, newBrowser }) => {
  const grace = await people.administrator('grace')
  const [ada, bert] = [await people.pendingConfirmed(), await people.active('bert')]
  const other = await newBrowser()
  await signIn(page, people.admin)
  await signIn(other, grace)
  const [firstList, secondList] = [new AdminUsersPage(page), new AdminUsersPage(other)]

  await test.step('the same action', async () => {
    await firstList.open(ada)
    await secondList.open(ada)
    await firstList.act(ada.username, 'Approve')
    await firstList.reports(ada.username, 'Approved.')
    await secondList.act(ada.username, 'Approve')
    const message = new RegExp(`${people.admin.username} approved ${ada.username} (just now|\\d+ minutes? ago)\\.`)
    await expect(secondList.message(message), 'the same decision twice is good news').toBeVisible()
    await expect(secondList.pendingRow(ada.username)).toHaveCount(0)
    await expect(secondList.row(ada.username)).toContainText('Active')
  })

  await test.step('after two administrators act on each other, one of them is still an administrator', async () => {
    const me = { username: people.admin.username, id: await people.idOf(people.admin.username) }
    const [first, second] = [new AdminActionPage(page), new AdminActionPage(other)]
    await first.open('remove-admin', grace)
    await second.open('deactivate', me)
    await first.press('Remove administrator role')
    await firstList.isOpen()
    await expect(firstList.message('No longer an administrator.')).toBeVisible()
    await second.press('Deactivate')
    const login = new LoginPage(other)
    await login.isOpen(/\/login\?next=/)
    await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
  })

  await test.step('an action on a user whose status has changed', async () => {
    const adminAction = new AdminActionPage(page)
    await adminAction.open('make-admin', bert)
    await people.act(bert, 'deactivate')
    await adminAction.press('Make administrator')
    const message = new RegExp(`You deactivated ${bert.username} (just now|\\d+ minutes? ago)\\.`)
    await expect(adminAction.alert(message)).toBeVisible()
  })
})

test('an action that is chosen while another one is being sent waits for its turn @scripts', async ({ page, people }) => {
  const [ada, bert] = [await people.pendingConfirmed(), await people.pendingConfirmed('bert')]
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  let send = (): void => undefined
  const pressed = new Promise<void>((resolve) => (send = resolve))
  const decisions: string[] = []
  await page.route('**/do/decide', async (route) => {
    decisions.push(route.request().postData() ?? '')
    await pressed
    await route.continue()
  })
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.act(bert.username, 'Reject')
  expect(decisions, 'one at a time').toHaveLength(1)
  send()
  await adminUsers.reports(ada.username, "Approved. They'll get an email.")
  await adminUsers.reports(bert.username, 'Rejected.')
  await expect(adminUsers.pendingRow(bert.username)).toHaveCount(0)
  expect(decisions, 'each is sent').toHaveLength(2)
})

test('with REQUIRE_CONFIRMED_ADDRESS, a user can be approved only after confirming the email address', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { REQUIRE_CONFIRMED_ADDRESS: 'true' } })
  const ada = await people.pending()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin`)
  await login.signIn(admin.username, admin.password)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.isOpen()
  await expect(adminUsers.pendingRow(ada.username)).toContainText('Email not confirmed')
  await expect(adminUsers.pendingRow(ada.username).getByRole('button', { name: /^Approve/ })).toHaveCount(0)
  const adminAction = new AdminActionPage(page)
  await adminAction.visit(`${portal.url}/admin/approve/${ada.id}`)
  await expect(adminAction.message('The email address must be confirmed first.')).toBeVisible()
  await people.confirmEmail(ada)
  await adminAction.visit(`${portal.url}/admin/approve/${ada.id}`)
  await adminAction.press('Approve')
  await adminUsers.isOpen()
  await expect(adminUsers.row(ada.username)).toContainText('Active')
})

test('more than fifty users are divided into pages', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin })
  const names = Array.from({ length: 52 }, (_, index) => `person-${String(index).padStart(2, '0')}`)
  for (const username of names) await people.registerWithoutId({ username, email: `${username}@example.org`, password: admin.password })
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin`)
  await login.signIn(admin.username, admin.password)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.isOpen()
  await adminUsers.expectPendingCount(52)
  const rows = (table: typeof adminUsers.pending) => table.getByRole('rowheader')
  await expect(rows(adminUsers.pending)).toHaveCount(50)
  await expect(rows(adminUsers.users)).toHaveCount(50)
  await page.getByRole('navigation', { name: 'More pending registrations' }).getByRole('link').click()
  await adminUsers.isOpen()
  await expect(rows(adminUsers.pending)).toHaveText([/^person-50/, /^person-51/])
  await page.getByRole('navigation', { name: 'More accounts', exact: true }).getByRole('link').click()
  await adminUsers.isOpen()
  await expect(rows(adminUsers.users)).toHaveCount(3)
  await expect(rows(adminUsers.pending), 'the other list stays on its page').toHaveCount(2)
})
