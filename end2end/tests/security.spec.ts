import { expect, send, signIn, test } from '../support/test.ts'

test('a violation of the Content-Security-Policy is detected', async ({ page, consoleErrors, javaScriptEnabled }) => {
  // Every console error fails its test. This test proves that violations are among them.
  await page.goto('/')
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  const isViolation = (line: string) => /Content.Security.Policy/.test(line) && line.includes('style')
  await expect.poll(() => consoleErrors.filter(isViolation).length).toBe(javaScriptEnabled === false ? 1 : 2)
  consoleErrors.splice(0, Infinity, ...consoleErrors.filter((line) => !isViolation(line)))
})

test('pages have security headers', async ({ page, people, expectedStatuses }) => {
  for (const status of [403, 404]) expectedStatuses.add(status)
  const ada = await people.active()
  await signIn(page, ada)
  const nonces = new Set<string>()
  for (const path of ['/', '/profile', '/logout', '/admin', '/nowhere', '/confirm/none']) {
    const response = await page.goto(path)
    const headers = response?.headers() ?? {}
    expect(headers, path).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    })
    const policy = headers['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'self'")
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|strict-dynamic|\*/)
    nonces.add(/'nonce-([^']+)'/.exec(policy)?.[1] ?? '')
  }
  expect(nonces.size, 'each response has its own nonce').toBe(6)
})

test('no other page can embed the portal in a frame', async ({ page, portal, consoleErrors }) => {
  await page.route('http://frame.example/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<!DOCTYPE html><iframe src="${portal.url}/login" title="login"></iframe>` }),
  )
  await page.goto('http://frame.example/')
  await expect.poll(() => page.frames().map((frame) => frame.url())).toContain('chrome-error://chromewebdata/')
  await expect(page.frameLocator('iframe').getByRole('heading', { name: 'Sign in' })).toHaveCount(0)
  // Chromium may log the reason.
  expect(consoleErrors.splice(0).filter((line) => !line.includes('frame-ancestors'))).toEqual([])
})

test('the Back button does not show a page of an ended session', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  await page.goto('/profile')
  await expect(page.getByRole('region', { name: 'Your details' })).toContainText(ada.email)
  await page.getByRole('region', { name: 'Your details' }).getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('main').getByRole('status')).toHaveText("You're signed out.")
  await page.goBack()
  await expect(page).toHaveURL(/\/login\?next=%2Fprofile$/)
  await expect(page.getByText(ada.email)).toHaveCount(0)
})

test('cookies are HttpOnly and SameSite', async ({ page, people }) => {
  const ada = await people.pending()
  await send(page, 'sign_in', { username: ada.username, password: ada.password })
  await send(page, 'set_theme', { theme: 'dark' })
  const bert = await people.active('bert')
  await signIn(page, bert)
  const cookies = await page.context().cookies()
  expect(cookies.map(({ name }) => name).sort()).toEqual(expect.arrayContaining(['flash', 'proved', 'session', 'theme']))
  for (const cookie of cookies) {
    expect(cookie, cookie.name).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
    if (cookie.name !== 'theme') expect(cookie.value, 'sealed').not.toContain(ada.username)
  }
})
