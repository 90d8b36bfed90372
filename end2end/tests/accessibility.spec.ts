import { DeskPage } from '../pages/desk.ts'
import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { lookAt } from '../support/axe.ts'
import { Findings } from '../support/findings.ts'
import { Loopback } from '../support/loopback.ts'
import { measureShift, seeWhatIsCut, seeWhatIsOutside, seeWhatMoved } from '../support/layout.ts'
import { type Cast, cast, enter, states } from '../support/states.ts'
import { expect, signIn, signOut, test, watch } from '../support/test.ts'

// The states are dealt out to several tests, so that both workers have something to do.
const HANDS = 4

const REFUSED = ['register-refused', 'login-waiting', 'change-password-refused', 'delete-account-refused']

for (let hand = 0; hand < HANDS; hand += 1) {
  test(`axe finds nothing, in light and dark, part ${hand + 1} of ${HANDS} @scripts`, async ({ page, portal, people, expected }) => {
    test.slow()
    const players = await cast(people)
    const findings = new Findings()
    const mine = (await states(portal, players)).filter((_, index) => index % HANDS === hand)
    for (const state of mine) {
      if (state.status !== undefined) expected.add(state.status)
      await enter(page, state, players)
      await state.reach(page)
      await lookAt(page, state.name, findings)
    }
    findings.expectNone()
  })
}

test('axe finds nothing on pages that come back without scripts @scripts', async ({ browser, baseURL, portal, people }) => {
  // A browser with scripts (axe is one) in which the portal's own do not load.
  const context = await browser.newContext({ baseURL, javaScriptEnabled: true })
  await context.route('**/pkg/*.{js,wasm}', (route) => route.abort())
  const page = await context.newPage()
  const players = await cast(people)
  const findings = new Findings()
  for (const state of await states(portal, players)) {
    if (!PLAIN.includes(state.name)) continue
    await enter(page, state, players)
    await test.step(state.name, async () => {
      await new Plain(page).reach(state.name, players)
      await lookAt(page, state.name, findings)
    })
  }
  await context.close()
  findings.expectNone()
})

const PLAIN = ['register-refused', 'login-refused', 'ask-approve', 'change-password-refused']

/** Reaches states where nothing comes alive. */
class Plain extends PortalPage {
  async reach(name: string, { active, confirmed }: Cast): Promise<void> {
    const main = this.page.getByRole('main')
    if (name === 'ask-approve') {
      await this.page.goto(`/admin/approve/${confirmed.id}`)
    } else if (name === 'register-refused') {
      await this.page.goto('/register')
      await this.page.getByLabel('Username', { exact: true }).fill('-')
      await main.getByRole('button', { name: 'Create account' }).click()
      await expect(main.getByRole('alert')).toBeVisible()
    } else if (name === 'change-password-refused') {
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

for (const viewport of [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
]) {
  test(`nothing moves while a page comes alive, ${viewport.width} px @scripts`, async ({ page, portal, people, expected }) => {
    test.slow()
    await measureShift(page.context())
    await page.setViewportSize(viewport)
    const players = await cast(people)
    const findings = new Findings()
    for (const state of await states(portal, players)) {
      if (!STILL.has(state.name)) continue
      if (state.status !== undefined) expected.add(state.status)
      await enter(page, state, players)
      await state.reach(page)
      await seeWhatMoved(page, state.name, findings)
    }
    findings.expectNone()
  })
}

/** The pages as they are opened; each page once. */
const STILL = new Set([
  'home', 'home-signed-in', 'register', 'login', 'confirm-other-browser', 'sign-in-link', 'sign-in-link-asks',
  'void-link', 'reset-password', 'must-change', 'change-password', 'change-address', 'confirm-address',
  'confirm-address-asks', 'undo-address', 'delete-account', 'keep-account', 'logout', 'profile', 'profile-sessions', 'desk',
  'mail-none', 'person', 'ask-approve', 'not-found', 'forbidden',
])

test('nothing moves on a page that comes with news @scripts', async ({ page }) => {
  await measureShift(page.context())
  const findings = new Findings()
  const home = new PortalPage(page)
  await signOut(page)
  await home.visit('/')
  await expect(home.notice('You are signed out.')).toBeVisible()
  await seeWhatMoved(page, 'the start with a notice', findings)
  findings.expectNone()
})

test('nothing moves on a page whose end comes late @scripts', async ({ page, portal }) => {
  // Hands the portal's answers on, and keeps what follows the begin of the footer back for a while.
  const line = await Loopback.start(async (request, response) => {
    const answer = await fetch(`${portal.url}${request.url ?? '/'}`, { headers: { accept: request.headers.accept ?? '*/*' } })
    const body = Buffer.from(await answer.arrayBuffer())
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !/^(content-(length|encoding)|transfer-|connection|keep-)/.test(name)))
    response.writeHead(answer.status, headers)
    const footer = /<footer[^>]*>/.exec(body.toString('latin1'))
    const end = footer === null ? body.length : footer.index + footer[0].length
    response.write(body.subarray(0, end))
    setTimeout(() => response.end(body.subarray(end)), footer === null ? 0 : 700)
  })
  await measureShift(page.context())
  const findings = new Findings()
  await page.goto(`${line.url}/login`)
  await new LoginPage(page).is()
  await seeWhatMoved(page, 'sign-in', findings)
  findings.expectNone()
  await line.stop()
})

test('every page fits on a screen of 320 px, and has one heading, one main part and a title of its own', async ({ page, portal, people, expected }) => {
  test.slow()
  await page.setViewportSize({ width: 320, height: 640 })
  const players = await cast(people)
  const findings = new Findings()
  const titles = new Set<string>()
  for (const state of await states(portal, players)) {
    const refused = REFUSED.includes(state.name)
    if (!STILL.has(state.name) && !refused && !['desk-menu', 'desk-dialog'].includes(state.name)) continue
    if (state.status !== undefined) expected.add(state.status)
    await enter(page, state, players)
    await state.reach(page)
    await seeWhatIsOutside(page, `${state.name} at 320 px`, findings)
    await seeWhatIsCut(page, `${state.name} at 320 px`, findings)
    await expect(page.getByRole('heading', { level: 1 }), state.name).toHaveCount(1)
    await expect(page.getByRole('main'), state.name).toHaveCount(1)
    const title = await page.title()
    expect.soft(title, state.name).toMatch(refused ? /^Error: .+ – Vestibule$/ : /^.+ – Vestibule$/)
    titles.add(title)
  }
  expect(titles.size).toBeGreaterThan(12)
  findings.expectNone()
})

test('every page can be read and used at 200 % text @scripts', async ({ playwright, launchOptions, portal, people, expected, complaints }) => {
  test.slow()
  // A browser whose owner asks for letters of twice the usual size.
  const args = [...(launchOptions.args ?? []), '--blink-settings=defaultFontSize=32']
  const browser = await playwright.chromium.launch({ ...launchOptions, args })
  const context = await browser.newContext({ baseURL: portal.url })
  await watch(context, complaints, true)
  const page = await context.newPage()
  const players = await cast(people)
  const findings = new Findings()
  const all = await states(portal, players)
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 })
    for (const state of all) {
      if (!STILL.has(state.name) && !['register-refused', 'desk-menu'].includes(state.name)) continue
      if (state.status !== undefined) expected.add(state.status)
      await enter(page, state, players)
      await state.reach(page)
      expect(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize)).toBe('32px')
      await seeWhatIsOutside(page, `${state.name} at 200 % of ${width} px`, findings)
      await seeWhatIsCut(page, `${state.name} at 200 % of ${width} px`, findings)
      // Nothing lies over what is to be pressed.
      const main = page.getByRole('main')
      await main.getByRole('button').or(main.getByRole('link')).first().click({ trial: true })
    }
  }
  await browser.close()
  findings.expectNone()
})

test('the skip link comes first, and leads to the content', async ({ page, people }) => {
  const ada = await people.active()
  for (const [address, person] of [['/', undefined], ['/profile', ada], ['/admin', people.keeper]] as const) {
    await page.context().clearCookies()
    if (person !== undefined) await signIn(page, person)
    const some = new PortalPage(page)
    await some.visit(address)
    await page.keyboard.press('Tab')
    await expect(some.skipLink).toBeFocused()
    await expect(some.skipLink).toBeInViewport()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('main')).toBeFocused()
  }
})

test('what has the focus can be seen, in both themes', async ({ page, people }) => {
  await people.waiting()
  const some = new PortalPage(page)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [address, person] of [['/register', undefined], ['/login', undefined], ['/admin', people.keeper]] as const) {
      await page.context().clearCookies()
      if (person !== undefined) await signIn(page, person)
      await some.visit(address)
      for (let press = 0; press < 16; press += 1) {
        await page.keyboard.press('Tab')
        const focus = await page.evaluate(() => {
          const element = document.activeElement
          if (element === null || element === document.body) return undefined
          const style = getComputedStyle(element)
          const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
          return { html: element.outerHTML.slice(0, 160), seen: ring || style.boxShadow !== 'none' }
        })
        if (focus !== undefined) expect.soft(focus.seen, `${address}, ${colorScheme}: ${focus.html}`).toBe(true)
      }
    }
  }
})

test('the keyboard is enough to register, to decide and to sign out', async ({ page, people }) => {
  const ada = await people.confirmed()
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  const button = desk.waitingRow(ada.username).getByRole('button', { name: /^Approve/ })
  await button.focus()
  await page.keyboard.press('Enter')
  await desk.says(ada.username, 'Approved.')
  await desk.alive()
  await desk.account.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(desk.notice('You are signed out.')).toBeVisible()
})

test('after a decision the focus is not lost @scripts', async ({ page, people }) => {
  const [ada] = [await people.confirmed(), await people.confirmed('bert')]
  await signIn(page, people.keeper)
  const desk = new DeskPage(page)
  await desk.open(ada)
  await desk.waitingRow(ada.username).getByRole('button', { name: /^Approve/ }).focus()
  await page.keyboard.press('Enter')
  await desk.says(ada.username, 'Approved.')
  await expect(desk.waitingRow(ada.username)).toHaveCount(0)
  const focused = async (): Promise<boolean> => page.evaluate(() => document.activeElement !== document.body)
  await expect.poll(focused, 'something has the focus').toBe(true)
})
