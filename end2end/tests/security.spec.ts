import { expect, send, signIn, test } from '../support/test.ts'

test('a breach of the Content-Security-Policy does not stay unseen', async ({ page, complaints, javaScriptEnabled }) => {
  // Whatever a browser complains of fails the test that brought it there; and that is all pages. Here is the proof.
  await page.goto('/')
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  const breach = (line: string) => /Content.Security.Policy/.test(line) && line.includes('style')
  await expect.poll(() => complaints.filter(breach).length).toBe(javaScriptEnabled === false ? 1 : 2)
  complaints.splice(0, Infinity, ...complaints.filter((line) => !breach(line)))
})

test('pages carry the headers that keep them safe', async ({ page, people, expected }) => {
  for (const status of [403, 404]) expected.add(status)
  const ada = await people.active()
  await signIn(page, ada)
  const nonces = new Set<string>()
  for (const address of ['/', '/profile', '/logout', '/admin', '/nowhere', '/confirm/none']) {
    const response = await page.goto(address)
    const headers = response?.headers() ?? {}
    expect(headers, address).toMatchObject({
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
  expect(nonces.size, 'each answer has a nonce of its own').toBe(6)
})

test('no other page can frame the portal', async ({ page, portal, complaints }) => {
  await page.route('http://frame.example/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<!DOCTYPE html><iframe src="${portal.url}/login" title="login"></iframe>` }),
  )
  await page.goto('http://frame.example/')
  await expect.poll(() => page.frames().map((frame) => frame.url())).toContain('chrome-error://chromewebdata/')
  await expect(page.frameLocator('iframe').getByRole('heading', { name: 'Sign in' })).toHaveCount(0)
  // Chromium may say why.
  expect(complaints.splice(0).filter((line) => !line.includes('frame-ancestors'))).toEqual([])
})

test('Back does not show a page of an ended session', async ({ page, people }) => {
  const ada = await people.active()
  await signIn(page, ada)
  await page.goto('/profile')
  await expect(page.getByRole('region', { name: 'Who I am' })).toContainText(ada.email)
  await page.getByRole('region', { name: 'Who I am' }).getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('main').getByRole('status')).toHaveText('You are signed out.')
  await page.goBack()
  await expect(page).toHaveURL(/\/login\?next=%2Fprofile$/)
  await expect(page.getByText(ada.email)).toHaveCount(0)
})

test('cookies of the portal cannot be read by scripts and are not sent along from other sites', async ({ page, people }) => {
  const ada = await people.waiting()
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
