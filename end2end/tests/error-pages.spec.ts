import { ErrorPage } from '../pages/error-page.ts'
import { FormPage } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { postToOwnAddress } from '../support/states.ts'
import { expect, signIn, signOut, test } from '../support/test.ts'

test('a path without a page shows an explanation and a link', async ({ page, expectedStatuses }) => {
  expectedStatuses.add(404)
  const errorPage = new ErrorPage(page)
  for (const path of ['/nowhere', '/login/x', '/admin.php', '/pkg/nothing.js', '/%2e%2e/etc/passwd']) {
    expect((await errorPage.visit(path)).status(), path).toBe(404)
    await errorPage.shows('Page not found', 'The web address may be wrong, or the page may have moved.')
  }
  await page.getByRole('link', { name: 'Go to the home page' }).click()
  await new HomePage(page).isOpen()
})

test('all invalid links show the same page', async ({ page, expectedStatuses }) => {
  expectedStatuses.add(404)
  const invalidLink = new InvalidLinkPage(page)
  const unknownToken = 'A'.repeat(43)
  const kinds = ['confirm', 'auto-login', 'setup', 'confirm-address', 'keep']
  for (const path of [...kinds.map((kind) => `/${kind}/${unknownToken}`), '/confirm/x', '/auto-login/-']) {
    await invalidLink.openLink(path)
  }
  // A person whose undo link is too old may have lost the account: its emails would go to the other email address.
  for (const path of [`/undo/${unknownToken}`, '/undo/x']) {
    await invalidLink.visit(path)
    await invalidLink.isOpenForUndo()
  }
})

test('a form that is sent to the path of a page gets an explanation', async ({ page, expectedStatuses }) => {
  expectedStatuses.add(405)
  const errorPage = new ErrorPage(page)
  for (const path of ['/login', '/register', '/']) {
    await errorPage.visit(path)
    await postToOwnAddress(page)
    await errorPage.shows('This page does not accept forms', 'Go back and try again. Nothing has changed.')
  }
})

test('a form on another website changes nothing', async ({ page, portal, people, expectedStatuses }) => {
  expectedStatuses.add(403)
  const ada = await people.active()
  await signIn(page, ada)
  await page.route('http://evil.example/', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!DOCTYPE html><title>Prizes</title><form method="post" action="${portal.url}/do/sign_out"><button>Win</button></form>`,
    }),
  )
  await page.goto('http://evil.example/')
  await page.getByRole('button', { name: 'Win' }).click()
  await new ErrorPage(page).shows('We could not accept that request', 'The request came from another website.')
  const profile = new PortalPage(page)
  await profile.visit('/profile')
  await profile.isAt('/profile', 'Profile')
})

test('a path with a slash at its end or with capital letters leads to the page', async ({ page }) => {
  const login = new LoginPage(page)
  for (const path of ['/login/', '/Login', '/LOGIN/']) {
    await login.visit(path)
    await login.isOpen()
  }
  await login.visit('/profile/?a=b')
  await login.isOpen('?next=%2Fprofile%3Fa%3Db')
})

test('no URL can put text on a page', async ({ page }) => {
  const login = new LoginPage(page)
  const text = 'Call 555-0100 to unlock your account'
  const forged = `__path=${encodeURIComponent('/do/sign_in')}&__err=${encodeURIComponent(Buffer.from(text).toString('base64'))}`
  for (const [query, clean] of [
    [`?${forged}`, ''],
    [`?next=%2Fadmin&${forged}`, '?next=%2Fadmin'],
    [`?__err=${encodeURIComponent(text)}`, ''],
  ] as const) {
    await login.visit(`/login${query}`)
    await login.isOpen(clean)
    await expect(page.getByRole('alert')).toHaveCount(0)
    await expect(page.getByRole('main')).not.toContainText('555')
    await expect(page).toHaveTitle(/^Sign in/)
  }
  await login.visit(`/login?error=${encodeURIComponent(text)}&message=${encodeURIComponent(text)}&flash=${encodeURIComponent(text)}`)
  expect(await page.getByRole('main').innerText()).not.toContain('555')
})

test('a message is shown once, on the page that it belongs to', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  await signIn(page, ada)
  await signOut(page)
  const anyPage = new FormPage(page)
  await anyPage.visit('/login')
  await expect(anyPage.message("You're signed out."), 'the message is kept for the home page').toHaveCount(0)
  await anyPage.visit('/')
  await expect(anyPage.message("You're signed out.")).toBeVisible()
  await page.reload()
  await anyPage.waitUntilReady()
  await expect(anyPage.message("You're signed out.")).toHaveCount(0)

  const other = new LoginPage(await newBrowser())
  await other.open()
  await other.signIn('unknown-user', 'not the one at all')
  await other.hasFormError('Incorrect username or password.')
  await other.page.reload()
  await other.isOpen()
  await expect(other.summary, 'an error is shown once, too').toHaveCount(0)
  await expect(other.page).toHaveTitle(/^Sign in/)
})

test('a prefetched page does not use up the message', async ({ page }) => {
  await signOut(page)
  await page.request.get('/', { headers: { accept: 'text/html', 'sec-purpose': 'prefetch' } })
  const home = new HomePage(page)
  await home.open()
  await expect(home.message("You're signed out.")).toBeVisible()
})
