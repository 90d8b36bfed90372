import { DeadEndPage } from '../pages/dead-end.ts'
import { FormPage } from '../pages/form.ts'
import { HomePage } from '../pages/home.ts'
import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { VoidLinkPage } from '../pages/void-link.ts'
import { postToOwnAddress } from '../support/states.ts'
import { expect, signIn, signOut, test } from '../support/test.ts'

test('an address without a page has words and a way on', async ({ page, expected }) => {
  expected.add(404)
  const nowhere = new DeadEndPage(page)
  for (const address of ['/nowhere', '/login/', '/admin.php', '/pkg/nothing.js', '/%2e%2e/etc/passwd']) {
    expect((await nowhere.visit(address)).status(), address).toBe(404)
    await nowhere.says('There is no such page', 'The address may be mistyped, or the page has moved.')
  }
  await page.getByRole('link', { name: 'Go to the start' }).click()
  await new HomePage(page).is()
})

test('links that mean nothing all show one page', async ({ page, expected }) => {
  expected.add(404)
  const gone = new VoidLinkPage(page)
  const long = 'A'.repeat(43)
  const kinds = ['confirm', 'auto-login', 'setup', 'confirm-address', 'keep']
  for (const address of [...kinds.map((kind) => `/${kind}/${long}`), '/confirm/x', '/auto-login/-']) {
    await gone.openLink(address)
  }
  // Whoever comes too late to undo may have lost the account: mail would go to the other address.
  for (const address of [`/undo/${long}`, '/undo/x']) {
    await gone.visit(address)
    await gone.isTooLateToUndo()
  }
})

test("a form sent to a page's own address gets words", async ({ page, expected }) => {
  expected.add(405)
  const wall = new DeadEndPage(page)
  for (const address of ['/login', '/register', '/']) {
    await wall.visit(address)
    await postToOwnAddress(page)
    await wall.says('This address takes no forms', 'Nothing was changed. Go back to the page and send its form again.')
  }
})

test('a form on another website changes nothing', async ({ page, portal, people, expected }) => {
  expected.add(403)
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
  await new DeadEndPage(page).says('This is not open to you', 'the request came from another website')
  const profile = new PortalPage(page)
  await profile.visit('/profile')
  await profile.arrives('/profile', 'Profile')
})

test('no address puts words on a page', async ({ page }) => {
  const login = new LoginPage(page)
  const words = 'Call 555-0100 to unlock your account'
  const forged = `__path=${encodeURIComponent('/do/sign_in')}&__err=${encodeURIComponent(Buffer.from(words).toString('base64'))}`
  for (const [query, clean] of [
    [`?${forged}`, ''],
    [`?next=%2Fadmin&${forged}`, '?next=%2Fadmin'],
    [`?__err=${encodeURIComponent(words)}`, ''],
  ] as const) {
    await login.visit(`/login${query}`)
    await login.is(clean)
    await expect(page.getByRole('alert')).toHaveCount(0)
    await expect(page.getByRole('main')).not.toContainText('555')
    await expect(page).toHaveTitle(/^Sign in/)
  }
  await login.visit(`/login?error=${encodeURIComponent(words)}&message=${encodeURIComponent(words)}&flash=${encodeURIComponent(words)}`)
  expect(await page.getByRole('main').innerText()).not.toContain('555')
})

test('news is told once, on the page that it belongs to', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  await signIn(page, ada)
  await signOut(page)
  const some = new FormPage(page)
  await some.visit('/login')
  await expect(some.notice('You are signed out.'), 'it was left for the start').toHaveCount(0)
  await some.visit('/')
  await expect(some.notice('You are signed out.')).toBeVisible()
  await page.reload()
  await some.alive()
  await expect(some.notice('You are signed out.')).toHaveCount(0)

  const other = new LoginPage(await newBrowser())
  await other.open()
  await other.signIn('nobody-at-all', 'not the one at all')
  await other.isRefused('Incorrect username or password.')
  await other.page.reload()
  await other.is()
  await expect(other.summary, 'a refusal is told once, too').toHaveCount(0)
  await expect(other.page).toHaveTitle(/^Sign in/)
})

test('a page that is fetched ahead leaves the news where it is', async ({ page }) => {
  await signOut(page)
  await page.request.get('/', { headers: { accept: 'text/html', 'sec-purpose': 'prefetch' } })
  const home = new HomePage(page)
  await home.open()
  await expect(home.notice('You are signed out.')).toBeVisible()
})
