import { cast, enter, states } from '../support/states.ts'
import { expect, signIn, test } from '../support/test.ts'

test('no page breaks its own Content-Security-Policy', async ({ page, portal, people, expected, complaints, javaScriptEnabled }) => {
  // Whatever a browser complains of fails a test anyway; here are all pages, and one proof that a breach is seen.
  test.slow()
  const players = await cast(people)
  for (const state of await states(portal, players)) {
    if (javaScriptEnabled === false && state.name === 'desk-toasts') continue
    if (state.status !== undefined) expected.add(state.status)
    await enter(page, state, players)
    await state.reach(page)
  }
  await page.goto('/')
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  const seen = complaints.splice(0).filter((line) => /Content.Security.Policy/.test(line))
  expect(seen.length).toBeGreaterThan(0)
  for (const line of seen) expect(line).toContain('style')
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
  await expect.poll(() => complaints.some((line) => line.includes('frame-ancestors'))).toBe(true)
  complaints.splice(0)
  await expect(page.frameLocator('iframe').getByRole('heading', { name: 'Sign in' })).toHaveCount(0)
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
  await page.request.post('/do/sign_in', { form: { username: ada.username, password: ada.password } })
  await page.request.post('/do/register', { form: { username: 'x' } })
  await page.request.post('/do/set_theme', { form: { theme: 'dark' } })
  const bert = await people.active('bert')
  await signIn(page, bert)
  const cookies = await page.context().cookies()
  expect(cookies.map(({ name }) => name).sort()).toEqual(expect.arrayContaining(['flash', 'proved', 'session', 'theme']))
  for (const cookie of cookies) {
    expect(cookie, cookie.name).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
    if (cookie.name !== 'theme') expect(cookie.value, 'sealed').not.toContain(ada.username)
  }
})
