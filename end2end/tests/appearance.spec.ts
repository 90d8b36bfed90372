import { type Page } from '@playwright/test'

import { DeskPage } from '../pages/desk.ts'
import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { expect, signIn, test } from '../support/test.ts'

async function ground(page: Page): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
}

test('the theme follows the system until one is chosen, and the choice is remembered', async ({ page, newBrowser }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  const home = new PortalPage(page)
  await home.visit('/')
  const light = await ground(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect.poll(() => ground(page)).not.toBe(light)
  const dark = await ground(page)

  await home.chooseTheme('Light theme')
  await expect.poll(() => ground(page)).toBe(light)
  await home.arrives('/', /^Welcome/)
  await expect(home.themes.getByRole('button', { name: 'Light theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect.poll(async () => (await page.context().cookies()).find(({ name }) => name.endsWith('theme'))?.value).toBe('light')

  const login = new LoginPage(page)
  await login.open('?next=%2Fadmin')
  expect(await ground(page)).toBe(light)
  await login.chooseTheme('Dark theme')
  await login.is('?next=%2Fadmin')
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(() => ground(page)).toBe(dark)
  await expect(login.themes.getByRole('button', { name: 'Dark theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect(login.themes.getByRole('button', { name: 'Light theme' })).toHaveAttribute('aria-pressed', 'false')

  await login.chooseTheme('Theme of the system')
  await expect.poll(() => ground(page)).toBe(light)
  await expect.poll(async () => (await page.context().cookies()).find(({ name }) => name.endsWith('theme'))).toBeUndefined()

  const other = await newBrowser()
  await other.emulateMedia({ colorScheme: 'light' })
  await new PortalPage(other).visit('/')
  expect(await ground(other), "another browser's choice is its own").toBe(light)
})

test('the chosen theme is there at the first paint, on every page', async ({ page, people, expected }) => {
  for (const status of [403, 404]) expected.add(status)
  const ada = await people.active()
  const some = new PortalPage(page)
  await some.visit('/')
  await some.chooseTheme('Dark theme')
  await expect.poll(async () => (await page.context().cookies()).some(({ name }) => name.endsWith('theme'))).toBe(true)
  await signIn(page, ada)
  for (const address of ['/', '/profile', '/logout', '/admin', '/nowhere', '/confirm/none']) {
    const response = await some.visit(address)
    expect(await response.text(), address).toMatch(/^<!DOCTYPE html><html[^>]* data-theme="vestibule-dark"/)
  }
})

test('a theme chosen where something is typed leaves it there @scripts', async ({ page }) => {
  const login = new LoginPage(page)
  await login.open()
  await login.identifier.fill('ada')
  await login.chooseTheme('Dark theme')
  await expect(login.themes.getByRole('button', { name: 'Dark theme' })).toHaveAttribute('aria-pressed', 'true')
  await expect(login.identifier).toHaveValue('ada')
  await login.is()
})

test('times are dates without scripts, and say how long ago with them', async ({ page, people, javaScriptEnabled }) => {
  const ada = await people.confirmed()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  const time = desk.waitingRow(ada.username).getByRole('time')
  if (javaScriptEnabled === false) await expect(time).toHaveText(/^\d+ \w{3} \d{4}, \d\d:\d\d UTC$/)
  else await expect(time).toHaveText('just now')
  await expect(time).toHaveAttribute('title', /^\d+ \w{3} \d{4}, \d\d:\d\d UTC$/)
  await expect(time).toHaveAttribute('datetime', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test("the organisation's name, colour, mark and help are shown", async ({ page, startPortal }) => {
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
