import { type Page } from '@playwright/test'

import { DeadEndPage } from '../pages/dead-end.ts'
import { DecisionPage } from '../pages/decision.ts'
import { DeskPage } from '../pages/desk.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { withScripts } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { someone } from '../support/people.ts'
import { expect, send, signIn, test } from '../support/test.ts'

/** Marks a document, to tell it from one that was loaded anew. */
async function mark(page: Page): Promise<void> {
  await page.evaluate(() => void ((window as Window & { marked?: boolean }).marked = true))
}

async function isMarked(page: Page): Promise<boolean> {
  return page.evaluate(() => (window as Window & { marked?: boolean }).marked === true)
}

test('what strangers typed stays text where scripts put it in later', async ({ page, people }) => {
  const stranger = someone()
  // As markup, even without a semicolon, it would be "<b'".
  const email = `x&ltb'${stranger.email}`
  await people.register({ ...stranger, email })
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(stranger)
  await expect(desk.waitingRow(stranger.username)).toContainText(email)
  await desk.decide(stranger.username, 'Approve unconfirmed address')
  await desk.says(stranger.username, 'Approved. The mail that says so is on its way.')
  await expect(desk.row(stranger.username)).toContainText('Active')
  await expect(desk.row(stranger.username)).toContainText(email)
})

test('who waits is listed, with the state of the address, and so is everybody', async ({ page, people }) => {
  const [ada, bert, carl] = [await people.waiting(), await people.confirmed('bert'), await people.deactivated('carl')]
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  await expect(desk.waitingRow(ada.username)).toContainText('Not confirmed yet')
  await expect(desk.waitingRow(ada.username)).toContainText(ada.email)
  await expect(desk.waitingRow(ada.username).getByRole('button', { name: /^Approve unconfirmed address/ })).toBeVisible()
  await expect(desk.waitingRow(bert.username)).toContainText('Address confirmed')
  await expect(desk.row(ada.username)).toContainText('Waiting')
  await expect(desk.row(ada.username)).toContainText('Never')
  await desk.open(carl)
  await expect(desk.row(carl.username)).toContainText('Deactivated')
  await desk.open(people.keeper)
  await expect(desk.row(people.keeper.username)).toContainText('(you)')
  await expect(desk.row(people.keeper.username)).toContainText('Administrator')
  await expect(desk.row(people.keeper.username).getByLabel(/^More for/), 'nobody acts on themself').toHaveCount(0)

  const count = await desk.countOfWaiting()
  await page.goto('/profile')
  const nav = page.getByRole('navigation', { name: 'Main' })
  await expect(nav.getByRole('link', { name: `Desk ${count} waiting` }), 'other pages say how many wait').toBeVisible()
})

for (const [label, words, after] of [
  ['Approve', 'Approved. The mail that says so is on its way.', 'Active'],
  ['Reject', 'Rejected.', 'Rejected'],
] as const) {
  test(`${label} decides in place`, async ({ page, portal, people }) => {
    const ada = await people.confirmed()
    await signIn(page, people.keeper)
    const desk = new DeskPage(page)
    await desk.open(ada)
    const count = await desk.countOfWaiting()
    await mark(page)
    await desk.decide(ada.username, label)
    await desk.says(ada.username, words)
    await expect(desk.waitingRow(ada.username)).toHaveCount(0)
    await desk.expectWaiting(count - 1)
    await expect(desk.row(ada.username)).toContainText(after)
    expect(await isMarked(page), 'whether the page has stayed').toBe(withScripts())

    await page.reload()
    await desk.is()
    await desk.expectWaiting(count - 1)
    await expect(desk.notice(words), 'it is said once').toHaveCount(0)
    await expect(desk.row(ada.username)).toContainText(after)
    const mails = await portal.mails.to(ada.email, /is approved$/)
    if (label === 'Approve') await portal.mails.wait(ada.email, /is approved$/)
    else expect(mails).toEqual([])
  })
}

test('a toast can be closed @scripts', async ({ page, people }) => {
  const ada = await people.confirmed()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  await desk.decide(ada.username, 'Approve')
  await desk.says(ada.username, 'Approved.')
  await page.getByRole('status').getByRole('button', { name: 'Close' }).click()
  await expect(desk.notice('Approved.')).toHaveCount(0)
})

test('the menu leads through what can be done to somebody', async ({ page, people, portal }) => {
  const ada = await people.active()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  for (const [label, words, status] of [
    ['Make administrator', 'Made an administrator. They have to sign in again.', 'Administrator'],
    ['Remove administrator', 'No longer an administrator. They have to sign in again.', 'Active'],
    ['Deactivate', 'Deactivated, and signed out everywhere.', 'Deactivated'],
    ['Reactivate', 'Reactivated.', 'Active'],
  ] as const) {
    await test.step(label, async () => {
      await desk.open(ada)
      await mark(page)
      await desk.chooseAndGo(ada.username, label)
      await desk.says(ada.username, words)
      if (withScripts()) expect(await isMarked(page), 'the page has stayed').toBe(true)
      else await desk.open(ada)
      await expect(desk.row(ada.username)).toContainText(status)
      if (label === 'Remove administrator') await expect(desk.row(ada.username)).not.toContainText('Administrator')
    })
  }
  await portal.mails.wait(ada.email, /^Your account at Vestibule is active again$/)
})

test('the dialog asks, says what follows, and can be left @scripts', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  for (const leave of ['Cancel', 'Escape']) {
    await desk.choose(ada.username, 'Deactivate')
    const dialog = desk.question(ada.username, 'Deactivate')
    await expect(dialog).toContainText("They are signed out everywhere at once and can't sign in until reactivated.")
    if (leave === 'Cancel') await dialog.getByRole('button', { name: 'Cancel' }).click()
    else await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
    await expect(desk.row(ada.username)).toContainText('Active')
    await page.reload()
    await desk.is()
  }
})

test('a rejected person can be put back among the waiting', async ({ page, people }) => {
  const ada = await people.rejected()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  const count = await desk.countOfWaiting()
  await desk.chooseAndGo(ada.username, 'Put back among the waiting')
  await desk.says(ada.username, 'Back among the waiting.')
  await desk.expectWaiting(count + 1)
  await expect(desk.waitingRow(ada.username)).toBeVisible()
})

test('each decision has its address: opening it asks and changes nothing', async ({ page, people }) => {
  const [ada, bert] = [await people.confirmed(), await people.active('bert')]
  await signIn(page, people.keeper)
  const card = new DecisionPage(page)
  const desk = new DeskPage(page)
  for (const [person, slug, label, words] of [
    [ada, 'reject', 'Reject', 'Rejected.'],
    [ada, 'reconsider', 'Put back among the waiting', 'Back among the waiting.'],
    [ada, 'approve', 'Approve', 'Approved. The mail that says so is on its way.'],
    [bert, 'make-admin', 'Make administrator', 'Made an administrator. They have to sign in again.'],
    [bert, 'remove-admin', 'Remove administrator', 'No longer an administrator. They have to sign in again.'],
    [bert, 'deactivate', 'Deactivate', 'Deactivated, and signed out everywhere.'],
    [bert, 'reactivate', 'Reactivate', 'Reactivated.'],
    [bert, 'deactivate', 'Deactivate', 'Deactivated, and signed out everywhere.'],
    // In the original, approving was the only way back.
    [bert, 'approve', 'Reactivate', 'Reactivated.'],
  ] as const) {
    await test.step(`${slug} ${person.username}`, async () => {
      await card.open(slug, person)
      await card.asks(label, person.username)
      await card.open(slug, person)
      await card.asks(label, person.username)
      await expect(card.card(person.username)).toContainText(person.email)
      await expect(page.getByRole('link', { name: 'Cancel' })).toHaveAttribute('href', '/admin')
      await card.press(label)
      await desk.is()
      await expect(desk.notice(words)).toBeVisible()
    })
  }
})

test('an action that does not fit says where the person stands, and offers what does', async ({ page, people }) => {
  const keeper = people.keeper.username
  const [ada, bert, carl, dora] = [
    await people.confirmed(),
    await people.active('bert'),
    await people.rejected('carl'),
    await people.activeUnconfirmed('dora'),
  ]
  await signIn(page, people.keeper)
  const card = new DecisionPage(page)
  for (const [person, slug, words, offers] of [
    [ada, 'deactivate', /^This account has been waiting since .* UTC\.$/, ['Approve', 'Reject']],
    [bert, 'approve', new RegExp(`^This account was approved by ${keeper} on .* UTC\\.$`), ['Deactivate', 'Make administrator']],
    [bert, 'reject', new RegExp(`^This account has been active since .* UTC by ${keeper}\\.$`), ['Deactivate']],
    [carl, 'approve', new RegExp(`^This account has been rejected since .* UTC by ${keeper}\\.$`), ['Put back among the waiting']],
    [carl, 'make-admin', new RegExp(`^This account has been rejected since .* UTC by ${keeper}\\.$`), ['Put back among the waiting']],
    [dora, 'make-admin', /^The address has to be confirmed first\.$/, ['Deactivate']],
    [bert, 'remove-admin', /not an administrator/, ['Make administrator']],
  ] as const) {
    await test.step(`${slug} ${person.username}`, async () => {
      await card.open(slug, person)
      await expect(card.notice(words)).toBeVisible()
      for (const offer of offers) await expect(card.offer(offer)).toBeVisible()
    })
  }
  await card.open('deactivate', bert)
  await card.openPerson(bert)
  await expect(card.heading).toHaveText(bert.username)
  await expect(card.card(bert.username)).toContainText('Address confirmed')
  await card.offer('Deactivate').click()
  await card.asks('Deactivate', bert.username)
})

test('nobody acts on themself', async ({ page, people, newBrowser }) => {
  const grace = await people.administrator('grace')
  await signIn(page, grace)
  const card = new DecisionPage(page)
  for (const slug of ['deactivate', 'remove-admin']) {
    await card.open(slug, grace)
    await expect(card.notice("You can't do that to your own account. Ask another administrator.")).toBeVisible()
    await expect(page.getByRole('main').getByRole('button')).toHaveCount(0)
    const answer = await send(page, 'decide', { id: String(grace.id), decision: slug, stay: 'yes' })
    expect(JSON.stringify(answer)).toContain('"not_yourself"')
  }
  // Another may.
  const other = await newBrowser()
  await signIn(other, people.keeper)
  const theirs = new DecisionPage(other)
  await theirs.open('remove-admin', grace)
  await theirs.press('Remove administrator')
  await new DeskPage(other).is()
})

test('a person without a number of ours is nowhere', async ({ page, people, expected }) => {
  expected.add(404)
  await signIn(page, people.keeper)
  const nowhere = new DeadEndPage(page)
  for (const address of ['/admin/users/999999', '/admin/approve/0', '/admin/users/x', '/admin/users/99999999999999999999']) {
    expect((await nowhere.visit(address)).status(), address).toBe(404)
    const words = 'Their account may have been deleted since, or the address is mistyped.'
    await nowhere.says('There is no such person', words, ['Open the desk', '/admin'])
  }
  expect((await nowhere.visit('/admin/promote/1')).status()).toBe(404)
  await nowhere.says('There is no such page', 'The address may be mistyped, or the page has moved.')
})

test('whoever is deactivated is out at the next request, and back after reactivation', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()

  const admin = await newBrowser()
  await signIn(admin, people.keeper)
  const card = new DecisionPage(admin)
  await card.open('deactivate', ada)
  await card.press('Deactivate')
  await new DeskPage(admin).is()

  await page.reload()
  const login = new LoginPage(page)
  await login.is('?next=%2Fprofile')
  await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  await login.signIn(ada.username, ada.password)
  await login.isRefused(ANSWERS.deactivated)

  await card.open('reactivate', ada)
  await card.press('Reactivate')
  await new DeskPage(admin).is()
  await login.signIn(ada.username, ada.password)
  await profile.isOf(ada.username)
})

test('a member sees a page that says so, a stranger is asked to sign in', async ({ page, people, newBrowser, expected }) => {
  expected.add(403)
  const ada = await people.active()
  await signIn(page, ada)
  const wall = new DeadEndPage(page)
  for (const address of ['/admin', '/admin/mail', `/admin/users/${ada.id}`, `/admin/make-admin/${ada.id}`]) {
    expect((await wall.visit(address)).status()).toBe(403)
    await wall.says('This is not open to you', 'Only administrators see this page')
  }
  const answer = await send(page, 'decide', { id: String(ada.id), decision: 'make-admin', stay: 'yes' })
  expect(JSON.stringify(answer)).toContain('"forbidden"')

  const stranger = new LoginPage(await newBrowser())
  for (const address of ['/admin', '/admin/mail', `/admin/users/${ada.id}`]) {
    await stranger.visit(address)
    await stranger.is(`?next=${encodeURIComponent(address)}`)
  }
})

test('two administrators at once: the second reads what has happened', async ({ page, people, newBrowser }) => {
  const grace = await people.administrator('grace')
  const [ada, bert] = [await people.confirmed(), await people.active('bert')]
  const other = await newBrowser()
  await signIn(page, people.keeper)
  await signIn(other, grace)
  const [mine, theirs] = [new DeskPage(page), new DeskPage(other)]

  await test.step('the same decision', async () => {
    await mine.open(ada)
    await theirs.open(ada)
    await mine.decide(ada.username, 'Approve')
    await mine.says(ada.username, 'Approved.')
    await theirs.decide(ada.username, 'Approve')
    const words = 'Nothing was changed: this account is active.'
    if (withScripts()) await theirs.says(ada.username, words)
    else await expect(theirs.alert(words)).toBeVisible()
    await expect(theirs.waitingRow(ada.username)).toHaveCount(0)
    await expect(theirs.row(ada.username)).toContainText('Active')
  })

  await test.step('each on the other: one stays an administrator', async () => {
    const me = { username: people.keeper.username, id: await people.idOf(people.keeper.username) }
    const [first, second] = [new DecisionPage(page), new DecisionPage(other)]
    await first.open('remove-admin', grace)
    await second.open('deactivate', me)
    await first.press('Remove administrator')
    await mine.is()
    await expect(mine.notice('No longer an administrator.')).toBeVisible()
    await second.press('Deactivate')
    const login = new LoginPage(other)
    await login.is(/\/login\?next=/)
    await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
  })

  await test.step('a decision about somebody who has moved on', async () => {
    const card = new DecisionPage(page)
    await card.open('make-admin', bert)
    await people.decide(bert, 'deactivate')
    await card.press('Make administrator')
    await expect(card.alert('Nothing was changed: this account is deactivated.')).toBeVisible()
  })
})

test('with REQUIRE_CONFIRMED_ADDRESS approval waits for the address', async ({ page, startPortal }) => {
  const keeper = { username: 'keeper', email: 'keeper@example.org', password: 'violet tractor hums quietly' }
  const { portal, people } = await startPortal({ admin: keeper, env: { REQUIRE_CONFIRMED_ADDRESS: 'true' } })
  const ada = await people.waiting()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin`)
  await login.signIn(keeper.username, keeper.password)
  const desk = new DeskPage(page)
  await desk.is()
  await expect(desk.waitingRow(ada.username)).toContainText('Not confirmed yet')
  await expect(desk.waitingRow(ada.username).getByRole('button', { name: /^Approve/ })).toHaveCount(0)
  const card = new DecisionPage(page)
  await card.visit(`${portal.url}/admin/approve/${ada.id}`)
  await expect(card.notice('The address has to be confirmed first.')).toBeVisible()
  await people.confirm(ada)
  await card.visit(`${portal.url}/admin/approve/${ada.id}`)
  await card.press('Approve')
  await desk.is()
  await expect(desk.row(ada.username)).toContainText('Active')
})

test('more than fifty people come in pages', async ({ page, startPortal }) => {
  const keeper = { username: 'keeper', email: 'keeper@example.org', password: 'violet tractor hums quietly' }
  const { portal, people } = await startPortal({ admin: keeper })
  const names = Array.from({ length: 52 }, (_, index) => `person-${String(index).padStart(2, '0')}`)
  for (const username of names) await people.registerOnly({ username, email: `${username}@example.org`, password: keeper.password })
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin`)
  await login.signIn(keeper.username, keeper.password)
  const desk = new DeskPage(page)
  await desk.is()
  await desk.expectWaiting(52)
  const rows = (table: typeof desk.waiting) => table.getByRole('rowheader')
  await expect(rows(desk.waiting)).toHaveCount(50)
  await expect(rows(desk.everybody)).toHaveCount(50)
  await page.getByRole('navigation', { name: 'More people who wait' }).getByRole('link').click()
  await desk.is()
  await expect(rows(desk.waiting)).toHaveText([/^person-50/, /^person-51/])
  await page.getByRole('navigation', { name: 'More people', exact: true }).getByRole('link').click()
  await desk.is()
  await expect(rows(desk.everybody)).toHaveCount(3)
  await expect(rows(desk.waiting), 'the other list keeps its place').toHaveCount(2)
})
