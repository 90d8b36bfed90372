import { type Page } from '@playwright/test'

import { AdminUsersPage } from '../pages/admin-users.ts'
import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { WITH_MOTION, expect, signIn, test } from '../support/test.ts'

test.use(WITH_MOTION)

async function backgroundColor(page: Page): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
}

test('the theme follows the system until a person chooses one, and the choice is remembered', async ({ page, newBrowser }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  const home = new PortalPage(page)
  await home.visit('/')
  const light = await backgroundColor(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect.poll(() => backgroundColor(page)).not.toBe(light)
  const dark = await backgroundColor(page)

  await home.chooseTheme('Light theme')
  await expect.poll(() => backgroundColor(page)).toBe(light)
  await home.isAt('/', /^Welcome/)
  await expect(home.themes.getByRole('button', { name: 'Light theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect.poll(async () => (await page.context().cookies()).find(({ name }) => name.endsWith('theme'))?.value).toBe('light')

  const login = new LoginPage(page)
  await login.open('?next=%2Fadmin')
  expect(await backgroundColor(page)).toBe(light)
  await login.chooseTheme('Dark theme')
  await login.isOpen('?next=%2Fadmin')
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(() => backgroundColor(page)).toBe(dark)
  await expect(login.themes.getByRole('button', { name: 'Dark theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect(login.themes.getByRole('button', { name: 'Light theme' })).toHaveAttribute('aria-pressed', 'false')

  await login.chooseTheme('System theme')
  await expect.poll(() => backgroundColor(page)).toBe(light)
  await expect.poll(async () => (await page.context().cookies()).find(({ name }) => name.endsWith('theme'))).toBeUndefined()

  const other = await newBrowser()
  await other.emulateMedia({ colorScheme: 'light' })
  await new PortalPage(other).visit('/')
  expect(await backgroundColor(other), 'the choice does not affect another browser').toBe(light)
})

test('a page follows another with a transition, unless a person prefers reduced motion @scripts', async ({ page }) => {
  await page.addInitScript(() => {
    addEventListener('pagereveal', (event) => {
      const { viewTransition } = event as Event & { viewTransition?: unknown }
      ;(window as Window & { hasTransition?: boolean }).hasTransition = Boolean(viewTransition)
    })
  })
  for (const reducedMotion of ['no-preference', 'reduce'] as const) {
    await page.emulateMedia({ reducedMotion })
    await new PortalPage(page).visit('/')
    await page.getByRole('link', { name: 'Sign in' }).first().click()
    await new LoginPage(page).isOpen()
    const hasTransition = await page.evaluate(() => (window as Window & { hasTransition?: boolean }).hasTransition)
    expect(hasTransition, reducedMotion).toBe(reducedMotion === 'no-preference')
  }
})

test('every page has the chosen theme at the first paint', async ({ page, people, expectedStatuses }) => {
  for (const status of [403, 404]) expectedStatuses.add(status)
  const ada = await people.active()
  const anyPage = new PortalPage(page)
  await anyPage.visit('/')
  await anyPage.chooseTheme('Dark theme')
  await expect.poll(async () => (await page.context().cookies()).some(({ name }) => name.endsWith('theme'))).toBe(true)
  await signIn(page, ada)
  for (const path of ['/', '/profile', '/logout', '/admin', '/nowhere', '/confirm/none']) {
    const response = await anyPage.visit(path)
    expect(await response.text(), path).toMatch(/^<!DOCTYPE html><html[^>]* data-theme="vestibule-dark"/)
  }
})

test('choosing a theme keeps the text that was typed into a form @scripts', async ({ page }) => {
  const login = new LoginPage(page)
  await login.open()
  await login.identifier.fill('ada')
  await login.chooseTheme('Dark theme')
  await expect(login.themes.getByRole('button', { name: 'Dark theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect(login.identifier).toHaveValue('ada')
  await login.isOpen()
})

test('times are dates without scripts, and relative times with scripts', async ({ page, people, javaScriptEnabled }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  const time = adminUsers.pendingRow(ada.username).getByRole('time')
  if (javaScriptEnabled === false) await expect(time).toHaveText(/^\d+ \w{3} \d{4}, \d\d:\d\d UTC$/)
  else await expect(time).toHaveText('just now')
  await expect(time).toHaveAttribute('title', /^\d+ \w{3} \d{4}, \d\d:\d\d UTC$/)
  await expect(time).toHaveAttribute('datetime', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test("the organisation's name, accent colour and help address are shown", async ({ page, startPortal }) => {
  const { portal } = await startPortal({ env: { PORTAL_NAME: 'Analytical & Co. <1843>', PORTAL_ACCENT: '#7a1f5c', PORTAL_HELP: 'help@example.org' } })
  const home = new PortalPage(page)
  await home.visit(portal.url)
  await expect(home.heading).toHaveText('Welcome to Analytical & Co. <1843>')
  await expect(page).toHaveTitle('Welcome to Analytical & Co. <1843> – Analytical & Co. <1843>')
  await expect(page.getByRole('banner').getByRole('link')).toHaveText('Analytical & Co. <1843>')
  await expect(page.getByRole('link', { name: 'Help' })).toHaveAttribute('href', 'mailto:help@example.org')
  const button = page.getByRole('link', { name: 'Sign in', exact: true })
  await expect(button).toHaveCSS('background-color', 'rgb(122, 31, 92)')
})
