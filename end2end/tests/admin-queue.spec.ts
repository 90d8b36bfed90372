import { type Locator, type Page } from '@playwright/test'

import { AdminActionPage } from '../pages/admin-action.ts'
import { AdminUsersPage } from '../pages/admin-users.ts'
import { LoginPage } from '../pages/login.ts'
import { withScripts } from '../pages/portal-page.ts'
import { Findings } from '../support/findings.ts'
import { checkClipping, checkOverflow } from '../support/layout.ts'
import { newPerson, type User } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { WITH_MOTION, expect, signIn, test, type TestPortal } from '../support/test.ts'

test.use(WITH_MOTION)

/** Opens the admin page of a portal of its own, as its administrator. */
async function openAsAdmin(page: Page, portal: Portal, admin: { username: string; password: string }, path = '/admin'): Promise<AdminUsersPage> {
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=${encodeURIComponent(path)}`)
  await login.signIn(admin.username, admin.password)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.isOpen()
  return adminUsers
}

/** Copies a pending registration in the database, with `count` further usernames of the same domain and client. */
async function copyRegistration(portal: Portal, person: User, count: number): Promise<void> {
  const columns = 'status, status_since, role, credential_version, created_at, last_sign_in_at'
  const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
  const name = (value: string) => `replace(${value}, '${person.username}', '${person.username}' || n)`
  await portal.query(
    `INSERT INTO users (username, username_key, email, email_canonical, password_hash, ${columns}) ${numbers} ` +
      `SELECT ${name('username')}, ${name('username_key')}, ${name('email')}, ${name('email_canonical')}, password_hash, ${columns} ` +
      `FROM users, numbers WHERE id = ${person.id}`,
  )
  await portal.query(
    `INSERT INTO registrations (user_id, client_ip, created_at) SELECT u.id, r.client_ip, r.created_at ` +
      `FROM users u, registrations r WHERE r.user_id = ${person.id} AND u.username LIKE '${person.username}_%'`,
  )
}

/** Starts a portal in which decisions can be undone. */
async function startWithUndo(start: (options: object) => Promise<TestPortal>, window = '60s'): Promise<TestPortal & { admin: ReturnType<typeof newPerson> }> {
  const admin = newPerson('grace')
  return { ...(await start({ admin, env: { UNDO_WINDOW: window } })), admin }
}

test('a row shows where a registration comes from, and both facts filter the queue', async ({ page, people }) => {
  const domain = `${newPerson('d').username}.example`
  const [ada, bert] = [newPerson(), newPerson('bert')]
  const first = await people.register({ ...ada, email: `ada@${domain}` })
  await people.register({ ...bert, email: `bert@${domain}` })
  const other = await people.pending('other')
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.openFiltered(domain)
  const row = adminUsers.pendingRow(first.username)
  await expect(row).toContainText('The email address is not confirmed, so it may belong to someone else.')
  await expect(row).toContainText(`${domain} – 1 other pending`)
  await expect(row).toContainText(/From IP address 127\.0\.0\.1 – \d+\+? others pending/)
  await expect(adminUsers.pending.getByRole('rowheader')).toHaveCount(2)
  await expect(page.getByRole('heading', { name: 'Matching registrations 2' })).toBeVisible()
  await row.getByRole('link', { name: '127.0.0.1' }).click()
  await expect(page).toHaveURL(/\/admin\?ip=127\.0\.0\.1$/)
  await adminUsers.waitUntilReady()
  await page.getByLabel('Email domain or IP address').fill(other.email)
  await page.getByRole('button', { name: 'Filter' }).click()
  await adminUsers.isOpen()
  await expect(adminUsers.pendingRow(other.username)).toBeVisible()
  await expect(adminUsers.pendingRow(first.username)).toHaveCount(0)
  await page.getByRole('link', { name: 'Show everyone' }).click()
  await expect(page).toHaveURL(/\/admin$/)
})

test('long texts wrap in their own column of the queue', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await people.ask(ada, 'Which department do you work in? '.repeat(15))
  await page.setViewportSize({ width: 1024, height: 800 })
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.openFiltered(ada.email)
  const row = adminUsers.pendingRow(ada.username)
  const [button, checkbox] = [row.getByRole('button', { name: /^Approve/ }), row.getByRole('checkbox')]
  const columnWidth = (locator: Locator) => locator.evaluate((element) => element.closest('td')?.getBoundingClientRect().width)
  expect(await columnWidth(button)).toBe(192)
  expect(await columnWidth(checkbox)).toBe(56)
  expect(await button.evaluate((element) => element.scrollWidth <= element.clientWidth), 'the label fits in the button').toBe(true)
  const findings = new Findings()
  await checkOverflow(page, 'the queue', findings)
  await checkClipping(page, 'the queue', findings)
  findings.expectNone()
})

test('the selected registrations are decided about together, each with a result', async ({ page, people, newBrowser }) => {
  const domain = `${newPerson('d').username}.example`
  const users: User[] = []
  for (const given of ['ada', 'bert', 'carl']) {
    const person = newPerson(given)
    users.push(await people.register({ ...person, email: `${given}@${domain}` }))
  }
  const [ada, bert, carl] = users as [User, User, User]
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.openFiltered(domain)
  await adminUsers.bar.getByRole('button', { name: 'Reject selected' }).click()
  await expect(adminUsers.alert('Select at least one person.')).toBeVisible()

  // Another administrator is faster.
  const grace = await people.administrator('grace')
  const other = await newBrowser()
  await signIn(other, grace)
  await adminUsers.openFiltered(domain)
  const adminAction = new AdminActionPage(other)
  await adminAction.open('approve', ada)
  await adminAction.press('Approve anyway')
  await new AdminUsersPage(other).isOpen()

  for (const user of [ada, bert]) await adminUsers.select(user.username)
  await adminUsers.bar.getByRole('button', { name: 'Reject selected' }).click()
  const results = page.getByRole('status', { name: 'Rejected 1 of 2 people' })
  await expect(results).toBeVisible()
  await expect(results).toContainText(new RegExp(`${grace.username} approved ${ada.username} (just now|\\d+ minutes? ago)\\.`))
  await expect(adminUsers.pending.getByRole('rowheader')).toHaveCount(1)
  await expect(adminUsers.pendingRow(carl.username)).toBeVisible()
  await adminUsers.open(bert)
  await expect(adminUsers.row(bert.username)).toContainText('Rejected')
})

test('after a decision about several people, the bar is empty again @scripts', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const users = [await people.pendingConfirmed('ada'), await people.pendingConfirmed('bert'), await people.pendingConfirmed('carl')]
  const [ada] = users as [User, User, User]
  const adminUsers = await openAsAdmin(page, portal, admin)
  const [selectAll, reason] = [adminUsers.bar.getByLabel('Select all on this page'), adminUsers.bar.getByLabel('Reason', { exact: true })]

  await test.step('"Select all on this page" follows the rows', async () => {
    await selectAll.check()
    for (const user of users) await page.getByRole('checkbox', { name: `Select ${user.username}` }).uncheck()
    await expect(selectAll).not.toBeChecked()
    await adminUsers.select(ada.username)
    await expect(selectAll).toBeChecked({ indeterminate: true })
    await expect(adminUsers.bar.getByText('1 selected')).toBeVisible()
    for (const user of users) await adminUsers.select(user.username)
    await expect(selectAll).toBeChecked()
    await expect(adminUsers.bar.getByText('3 selected')).toBeVisible()
    await selectAll.uncheck()
    await expect(adminUsers.bar.getByText('selected', { exact: false }).filter({ hasText: /^\d/ })).toHaveCount(0)
    await expect(page.getByRole('main').getByRole('checkbox', { checked: true })).toHaveCount(0)
  })

  await test.step('a refused decision keeps the reason', async () => {
    await adminUsers.bar.getByText('Give a reason for rejecting').click()
    await reason.fill('Ask your team lead.')
    await adminUsers.bar.getByLabel('Email the reason').check()
    await adminUsers.bar.getByRole('button', { name: 'Reject selected' }).click()
    await expect(adminUsers.alert('Select at least one person.')).toBeVisible()
    await expect(reason).toHaveValue('Ask your team lead.')
  })

  await test.step('a decision empties the bar', async () => {
    for (const user of users.slice(0, 2)) await adminUsers.select(user.username)
    await adminUsers.bar.getByRole('button', { name: 'Reject selected' }).click()
    await expect(page.getByRole('status', { name: 'Rejected 2 of 2 people' })).toBeVisible()
    await expect(reason).toHaveValue('')
    await expect(page.getByRole('main').getByRole('checkbox', { checked: true })).toHaveCount(0)
    await expect(selectAll).not.toBeChecked()
  })
})

test('after the Back button, no one is selected', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const users = [await people.pendingConfirmed('ada'), await people.pendingConfirmed('bert'), await people.pendingConfirmed('carl')]
  const [ada, bert] = users as [User, User, User]
  const adminUsers = await openAsAdmin(page, portal, admin)
  const checked = page.getByRole('main').getByRole('checkbox', { checked: true })
  await adminUsers.select(ada.username)
  await adminUsers.bar.getByRole('checkbox', { name: 'Approve even if' }).check()
  await adminUsers.bar.getByRole('button', { name: 'Approve selected' }).click()
  await expect(page.getByRole('status', { name: 'Approved 1 of 1 person' })).toBeVisible()
  if (!withScripts()) {
    await page.goBack()
    await adminUsers.isOpen()
    await expect(adminUsers.pendingRow(ada.username)).toHaveCount(0)
    await expect(checked).toHaveCount(0)
  }
  await adminUsers.select(bert.username)
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Reasons' }).click()
  await expect(page).toHaveURL(/\/admin\/reasons$/)
  await page.goBack()
  await adminUsers.isOpen()
  await expect(adminUsers.pendingRow(bert.username)).toBeVisible()
  await expect(checked).toHaveCount(0)
})

// Each decision is a transaction of its own, so that a debug build takes some 20 seconds.
test('a wave of 112 registrations is rejected silently with a few clicks, and undone', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal, '1h')
  const wave = await people.register({ ...newPerson('wave'), email: 'wave@wave.example' })
  const ada = await people.pending()
  await copyRegistration(portal, wave, 111)
  const adminUsers = await openAsAdmin(page, portal, admin)
  await adminUsers.expectPendingCount(113)
  await adminUsers.pending.getByRole('link', { name: 'wave.example' }).first().click()
  await adminUsers.isOpen()
  await adminUsers.bar.getByRole('checkbox', { name: 'All 112 that match' }).check()
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  let requests = 0
  if (withScripts()) {
    await page.route('**/do/decide_many', async (route) => {
      if (++requests === 2) await held
      await route.continue()
    })
  }
  await adminUsers.bar.getByRole('button', { name: 'Reject selected' }).click()
  // With scripts, the next parts follow by themselves. The second part waits until the test has seen the page.
  if (withScripts()) {
    await expect(page.getByRole('button', { name: 'Stop' })).toBeVisible({ timeout: 60_000 })
    await expect(page.getByRole('button', { name: /^(Continue with|Undo all)/ })).toHaveCount(0)
    await expect(page.getByText('62 people are left.')).toBeHidden()
    release()
  }
  // Without scripts, a button continues with the next 50.
  const continueAll = async (): Promise<void> => {
    for (let remaining = 62; remaining > 0; remaining -= 50) {
      if (!withScripts()) await page.getByRole('button', { name: `Continue with ${remaining} people` }).click()
    }
  }
  await continueAll()
  await expect(page.getByRole('status', { name: 'Rejected 112 of 112 people' })).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText('No pending registration matches this filter.')).toBeVisible()
  expect(await portal.query("SELECT status, count(*) FROM users GROUP BY status ORDER BY status")).toEqual([['active', '1'], ['pending', '1'], ['rejected', '112']])

  await adminUsers.undo('the rejection of 112 people')
  await continueAll()
  await expect(page.getByRole('status', { name: 'Undone for 112 of 112 people' })).toBeVisible({ timeout: 60_000 })
  expect(await portal.query("SELECT status, count(*) FROM users GROUP BY status ORDER BY status")).toEqual([['active', '1'], ['pending', '113']])
  await adminUsers.visit(`${portal.url}/admin`)
  await adminUsers.expectPendingCount(113)
  expect(await portal.emails.to(ada.email, /declined/)).toEqual([])
})

test('the people whom the parts of a batch refuse are all listed @scripts', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const wave = await people.register({ ...newPerson('wave'), email: 'wave@wave.example' })
  await copyRegistration(portal, wave, 51)
  const adminUsers = await openAsAdmin(page, portal, admin)
  await adminUsers.pending.getByRole('link', { name: 'wave.example' }).first().click()
  await adminUsers.isOpen()
  await adminUsers.bar.getByRole('checkbox', { name: 'All 52 that match' }).check()
  // Their email addresses are not confirmed.
  await adminUsers.bar.getByRole('button', { name: 'Approve selected' }).click()
  const results = page.getByRole('status', { name: 'Approved 0 of 52 people' })
  await expect(results).toBeVisible({ timeout: 60_000 })
  await expect(results.getByRole('listitem')).toHaveCount(52)
})

test('an approval is undone at once, and its email is never sent', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const ada = await people.pendingConfirmed()
  const adminUsers = await openAsAdmin(page, portal, admin)
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.reports(ada.username, "Approved. We'll send the email at")
  await expect(adminUsers.recent).toContainText(`You approved ${ada.username} just now. We'll send the email at`)
  if (withScripts()) await adminUsers.message('Approved.').getByRole('button', { name: 'Undo' }).click()
  else await adminUsers.undo(`the approval of ${ada.username}`)
  await adminUsers.reports(ada.username, 'Undone. We will not send the email.')
  await expect(adminUsers.pendingRow(ada.username)).toBeVisible()
  await expect(adminUsers.recent).toHaveCount(0)
  expect(await portal.query("SELECT state FROM outbox WHERE kind = 'approved'")).toEqual([['dropped']])
})

test('the toast stays while the decision can be undone @scripts', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const ada = await people.pendingConfirmed()
  const adminUsers = await openAsAdmin(page, portal, admin)
  await page.clock.install()
  await adminUsers.page.reload()
  await adminUsers.isOpen()
  const now = async (): Promise<number> => page.evaluate(() => Date.now())
  const pressed = await now()
  await adminUsers.act(ada.username, 'Approve')
  const toast = adminUsers.message('Approved.')
  await expect(toast.getByRole('button', { name: 'Undo' })).toBeVisible()
  const shown = await now()
  await page.clock.fastForward(58_000 - (shown - pressed))
  await expect(toast).toBeVisible()
  await page.clock.fastForward(61_000 - ((await now()) - shown))
  await expect(toast).toHaveCount(0)
})

test('a double click decides about one person only @scripts', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  await copyRegistration(portal, await people.pending(), 2)
  const adminUsers = await openAsAdmin(page, portal, admin)
  const rows = adminUsers.pending.locator('tr[data-row]')
  await expect(rows).toHaveCount(3)
  // Rows of equal height: after the first decision, the button of the next person is where the pressed button was.
  const heights = await rows.evaluateAll((elements) => elements.map((element) => element.getBoundingClientRect().height))
  // The last row has no border.
  expect(Math.max(...heights) - Math.min(...heights), `equal heights: ${heights}`).toBeLessThanOrEqual(1)
  for (const [index, delay] of [0, 700].entries()) {
    const username = (await rows.first().getByRole('rowheader').getByRole('link').textContent()) ?? ''
    await rows.first().getByRole('button', { name: /^Approve/ }).hover()
    await page.mouse.down()
    await page.mouse.up()
    await expect(adminUsers.message(`${username}: `)).toBeVisible()
    await page.waitForTimeout(delay)
    await page.mouse.down()
    await page.mouse.up()
    await expect(rows).toHaveCount(2 - index)
    expect(await portal.query("SELECT count(*) FROM decisions WHERE action = 'approve'")).toEqual([[String(index + 1)]])
  }
})

test('a request that someone has assigned to themselves is marked, and can be decided by everyone', async ({ page, people, newBrowser }) => {
  const [ada, grace] = [await people.pendingConfirmed(), await people.administrator('grace')]
  const other = await newBrowser()
  await signIn(page, people.admin)
  await signIn(other, grace)
  const [mine, theirs] = [new AdminUsersPage(page), new AdminUsersPage(other)]
  await mine.openFiltered(ada.email)
  await mine.chooseFromQueue(ada.username, 'Assign to me')
  await mine.reports(ada.username, 'Assigned to you for 15 minutes.')
  await expect(mine.pendingRow(ada.username)).toContainText('Assigned to you')
  await theirs.openFiltered(ada.email)
  await expect(theirs.pendingRow(ada.username)).toContainText(`Assigned to ${people.admin.username}`)
  await theirs.act(ada.username, 'Approve')
  await theirs.reports(ada.username, 'Approved.')
  await mine.act(ada.username, 'Approve')
  await expect(mine.message(new RegExp(`${grace.username} approved ${ada.username} (just now|\\d+ minutes? ago)\\.`))).toBeVisible()
})

test('what has changed since is shown instead of decided', async ({ page, people, newBrowser }) => {
  const [ada, grace] = [await people.pendingConfirmed(), await people.administrator('grace')]
  const other = await newBrowser()
  await signIn(page, people.admin)
  await signIn(other, grace)
  const [mine, theirs] = [new AdminUsersPage(page), new AdminUsersPage(other)]
  await mine.openFiltered(ada.email)
  await theirs.openFiltered(ada.email)
  await theirs.act(ada.username, 'Reject silently')
  await theirs.reports(ada.username, 'Rejected.')
  await mine.act(ada.username, 'Approve')
  const main = page.getByRole('main')
  await expect(main.getByText(new RegExp(`${grace.username} rejected ${ada.username} (just now|\\d+ minutes? ago)\\.`))).toBeVisible()
  await expect(mine.pendingRow(ada.username)).toHaveCount(0)
  await mine.open(ada)
  await expect(mine.row(ada.username)).toContainText('Rejected')
})

/** Returns the username in the row with the keyboard focus, or an empty text. */
async function focusedRow(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.closest('tr')?.querySelector('th a')?.textContent ?? '')
}

test('the keys work while the list has the focus, and not elsewhere @scripts', async ({ page, startPortal }) => {
  const { portal, people, admin } = await startWithUndo(startPortal)
  const users = [await people.pendingConfirmed('ada'), await people.pendingConfirmed('bert'), await people.pendingConfirmed('carl')]
  const [ada, bert, carl] = users as [User, User, User]
  const adminUsers = await openAsAdmin(page, portal, admin)
  const checkbox = (user: User) => page.getByRole('checkbox', { name: `Select ${user.username}` })

  await test.step('outside the list and while someone types, they do nothing', async () => {
    await adminUsers.heading.click()
    for (const key of ['a', 'r', 'x', 'j', '?']) await page.keyboard.press(key)
    await page.getByLabel('Email domain or IP address').pressSequentially('jxar?')
    await expect(page.getByLabel('Email domain or IP address')).toHaveValue('jxar?')
    await expect(page.getByRole('dialog')).toHaveCount(0)
    await adminUsers.expectPendingCount(3)
    for (const user of users) await expect(checkbox(user)).not.toBeChecked()
  })

  await test.step('j, k and x move and select', async () => {
    await checkbox(ada).focus()
    await page.keyboard.press('j')
    expect(await focusedRow(page)).toBe(bert.username)
    await page.keyboard.press('x')
    await expect(checkbox(bert)).toBeChecked()
    await page.keyboard.press('x')
    await page.keyboard.press('j')
    expect(await focusedRow(page)).toBe(carl.username)
    await page.keyboard.press('k')
    await page.keyboard.press('k')
    expect(await focusedRow(page)).toBe(ada.username)
  })

  await test.step('a approves, the focus goes to the next row, and u undoes', async () => {
    await page.keyboard.press('a')
    await adminUsers.reports(ada.username, 'Approved.')
    await expect(adminUsers.pendingRow(ada.username)).toHaveCount(0)
    await expect.poll(() => focusedRow(page)).toBe(bert.username)
    await page.keyboard.press('u')
    await adminUsers.reports(ada.username, 'Undone.')
    await expect(adminUsers.pendingRow(ada.username)).toBeVisible()
  })

  await test.step('r rejects', async () => {
    await checkbox(carl).focus()
    await page.keyboard.press('r')
    await adminUsers.reports(carl.username, 'Rejected.')
    await expect(adminUsers.pendingRow(carl.username)).toHaveCount(0)
  })

  await test.step('? shows the keys, and a switch turns them off', async () => {
    await checkbox(bert).focus()
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await expect(help).toBeVisible()
    await help.getByRole('checkbox', { name: 'Use keyboard shortcuts' }).uncheck()
    await help.getByRole('button', { name: 'Close' }).click()
    await expect(help).toBeHidden()
    await page.reload()
    await adminUsers.isOpen()
    await checkbox(bert).focus()
    await page.keyboard.press('a')
    await page.keyboard.press('x')
    await expect(checkbox(bert)).not.toBeChecked()
    await expect(adminUsers.pendingRow(bert.username)).toBeVisible()
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).click()
    await help.getByRole('checkbox', { name: 'Use keyboard shortcuts' }).check()
    await help.getByRole('button', { name: 'Close' }).click()
    await checkbox(bert).focus()
    await page.keyboard.press('x')
    await expect(checkbox(bert)).toBeChecked()
  })

  await test.step('/ goes to the filter, and h asks a question', async () => {
    await page.keyboard.press('/')
    await expect(page.getByLabel('Email domain or IP address')).toBeFocused()
    await checkbox(bert).focus()
    await page.keyboard.press('h')
    await new AdminActionPage(page).isAt(`/admin/ask/${bert.id}`, `Ask ${bert.username} a question`)
  })
})

test('an account on hold is marked in the queue', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.openFiltered(ada.email)
  await adminUsers.chooseFromQueue(ada.username, 'Ask a question')
  const adminAction = new AdminActionPage(page)
  await adminAction.isAt(`/admin/ask/${ada.id}`, `Ask ${ada.username} a question`)
  await adminAction.field('Question').fill('Which team are you in?\n<b>Thanks</b>')
  await adminAction.press('Ask a question')
  await adminUsers.isOpen()
  await adminUsers.openFiltered(ada.email)
  const row = adminUsers.pendingRow(ada.username)
  await expect(row).toContainText('On hold')
  await expect(row).toContainText(`${people.admin.username} asked`)
  await expect(row).toContainText('Which team are you in?')
  await expect(row).toContainText('<b>Thanks</b>')
})
