import { AdminUsersPage } from '../pages/admin-users.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { checkAccessibility } from '../support/axe.ts'
import { Findings } from '../support/findings.ts'
import { checkClipping, checkOverflow } from '../support/layout.ts'
import { OPENED_PAGES, type TestUsers, createTestUsers, signInFor, states } from '../support/states.ts'
import { expect, signIn, test, watchConsole } from '../support/test.ts'

// The states are divided among several tests, so that several workers share them.
const PARTS = 4

const REJECTED_FORMS = ['register-errors', 'login-pending', 'change-password-errors', 'delete-account-error']

for (let part = 0; part < PARTS; part += 1) {
  test(`axe finds no violations in light and dark mode, part ${part + 1} of ${PARTS} @scripts`, async ({
    page,
    portal,
    people,
    expectedStatuses,
  }) => {
    test.slow()
    const users = await createTestUsers(people)
    const findings = new Findings()
    const mine = (await states(portal, users)).filter((_, index) => index % PARTS === part)
    for (const state of mine) {
      if (state.status !== undefined) expectedStatuses.add(state.status)
      await signInFor(page, state, users)
      await state.reach(page)
      await checkAccessibility(page, state.name, findings)
    }
    findings.expectNone()
  })
}

test('axe finds no violations on pages that come back without scripts @scripts', async ({ browser, baseURL, portal, people }) => {
  // This browser runs scripts, because axe is one, but does not load those of the portal.
  const context = await browser.newContext({ baseURL, javaScriptEnabled: true })
  await context.route('**/pkg/*.{js,wasm}', (route) => route.abort())
  const page = await context.newPage()
  const users = await createTestUsers(people)
  const findings = new Findings()
  for (const state of await states(portal, users)) {
    if (!WITHOUT_SCRIPTS.includes(state.name)) continue
    await signInFor(page, state, users)
    await test.step(state.name, async () => {
      await new PageWithoutScripts(page).reach(state.name, users)
      await checkAccessibility(page, state.name, findings)
    })
  }
  await context.close()
  findings.expectNone()
})

const WITHOUT_SCRIPTS = ['register-errors', 'login-error', 'approve', 'change-password-errors']

/** Opens pages in states that are reached without the portal's scripts. */
class PageWithoutScripts extends PortalPage {
  async reach(name: string, { active, pendingConfirmed }: TestUsers): Promise<void> {
    const main = this.page.getByRole('main')
    if (name === 'approve') {
      await this.page.goto(`/admin/approve/${pendingConfirmed.id}`)
    } else if (name === 'register-errors') {
      await this.page.goto('/register')
      await this.page.getByLabel('Username', { exact: true }).fill('-')
      await main.getByRole('button', { name: 'Create account' }).click()
      await expect(main.getByRole('alert')).toBeVisible()
    } else if (name === 'change-password-errors') {
      await this.page.goto('/change-password')
      await main.getByRole('button', { name: 'Change password' }).click()
      await expect(main.getByRole('alert')).toBeVisible()
    } else {
      await this.page.goto('/login')
      await this.page.getByLabel('Username or email address').fill(active.username)
      await main.getByRole('button', { name: 'Sign in', exact: true }).click()
      await expect(main.getByRole('alert')).toBeVisible()
    }
  }
}

test('every page fits on a screen of 320 px, and has one heading, one main element and its own title', async ({
  page,
  portal,
  people,
  expectedStatuses,
}) => {
  test.slow()
  await page.setViewportSize({ width: 320, height: 640 })
  const users = await createTestUsers(people)
  const findings = new Findings()
  const titles = new Set<string>()
  for (const state of await states(portal, users)) {
    const isRejectedForm = REJECTED_FORMS.includes(state.name)
    if (!OPENED_PAGES.has(state.name) && !isRejectedForm && !['admin-users-menu', 'admin-users-dialog'].includes(state.name)) continue
    if (state.status !== undefined) expectedStatuses.add(state.status)
    await signInFor(page, state, users)
    await state.reach(page)
    await checkOverflow(page, `${state.name} at 320 px`, findings)
    await checkClipping(page, `${state.name} at 320 px`, findings)
    await expect(page.getByRole('heading', { level: 1 }), state.name).toHaveCount(1)
    await expect(page.getByRole('main'), state.name).toHaveCount(1)
    const title = await page.title()
    expect.soft(title, state.name).toMatch(isRejectedForm ? /^Error: .+ – Vestibule$/ : /^.+ – Vestibule$/)
    titles.add(title)
  }
  expect(titles.size).toBeGreaterThan(12)
  findings.expectNone()
})

test('every page can be read and used with text at 200 % @scripts', async ({
  playwright,
  launchOptions,
  portal,
  people,
  expectedStatuses,
  consoleErrors,
}) => {
  test.slow()
  // This browser uses a font size of twice the default.
  const args = [...(launchOptions.args ?? []), '--blink-settings=defaultFontSize=32']
  const browser = await playwright.chromium.launch({ ...launchOptions, args })
  const context = await browser.newContext({ baseURL: portal.url })
  await watchConsole(context, consoleErrors, true)
  const page = await context.newPage()
  const users = await createTestUsers(people)
  const findings = new Findings()
  const all = await states(portal, users)
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 })
    for (const state of all) {
      if (!OPENED_PAGES.has(state.name) && !['register-errors', 'admin-users-menu'].includes(state.name)) continue
      if (state.status !== undefined) expectedStatuses.add(state.status)
      await signInFor(page, state, users)
      await state.reach(page)
      expect(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize)).toBe('32px')
      await checkOverflow(page, `${state.name} at 200 % of ${width} px`, findings)
      await checkClipping(page, `${state.name} at 200 % of ${width} px`, findings)
      // Nothing covers the button or link.
      const main = page.getByRole('main')
      await main.getByRole('button').or(main.getByRole('link')).first().click({ trial: true })
    }
  }
  await browser.close()
  findings.expectNone()
})

test('the skip link comes first and leads to the content', async ({ page, people }) => {
  const ada = await people.active()
  for (const [path, person] of [['/', undefined], ['/profile', ada], ['/admin', people.admin]] as const) {
    await page.context().clearCookies()
    if (person !== undefined) await signIn(page, person)
    const anyPage = new PortalPage(page)
    await anyPage.visit(path)
    await page.keyboard.press('Tab')
    await expect(anyPage.skipLink).toBeFocused()
    await expect(anyPage.skipLink).toBeInViewport()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('main')).toBeFocused()
  }
})

test('the focus is visible in both themes', async ({ page, people }) => {
  await people.pending()
  const anyPage = new PortalPage(page)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [path, person] of [['/register', undefined], ['/login', undefined], ['/admin', people.admin]] as const) {
      await page.context().clearCookies()
      if (person !== undefined) await signIn(page, person)
      await anyPage.visit(path)
      for (let press = 0; press < 16; press += 1) {
        await page.keyboard.press('Tab')
        const focus = await page.evaluate(() => {
          const element = document.activeElement
          if (element === null || element === document.body) return undefined
          const style = getComputedStyle(element)
          const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
          return { html: element.outerHTML.slice(0, 160), seen: ring || style.boxShadow !== 'none' }
        })
        if (focus !== undefined) expect.soft(focus.seen, `${path}, ${colorScheme}: ${focus.html}`).toBe(true)
      }
    }
  }
})

test('an administrator can approve a registration and sign out with the keyboard', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  const button = adminUsers.pendingRow(ada.username).getByRole('button', { name: /^Approve/ })
  await button.focus()
  await page.keyboard.press('Enter')
  await adminUsers.reports(ada.username, 'Approved.')
  await adminUsers.waitUntilReady()
  await adminUsers.account.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(adminUsers.message("You're signed out.")).toBeVisible()
})

test('the focus is not lost after an action @scripts', async ({ page, people }) => {
  const [ada] = [await people.pendingConfirmed(), await people.pendingConfirmed('bert')]
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await adminUsers.pendingRow(ada.username).getByRole('button', { name: /^Approve/ }).focus()
  await page.keyboard.press('Enter')
  await adminUsers.reports(ada.username, 'Approved.')
  await expect(adminUsers.pendingRow(ada.username)).toHaveCount(0)
  const focused = async (): Promise<boolean> => page.evaluate(() => document.activeElement !== document.body)
  await expect.poll(focused, 'an element has the focus').toBe(true)
})
