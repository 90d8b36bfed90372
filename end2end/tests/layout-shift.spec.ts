import { LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { Findings } from '../support/findings.ts'
import { checkLayoutShift, measureLayoutShift } from '../support/layout.ts'
import { LoopbackServer } from '../support/loopback.ts'
import { OPENED_PAGES, createTestUsers, signInFor, states } from '../support/states.ts'
import { WITH_MOTION, expect, signOut, test } from '../support/test.ts'

test.use(WITH_MOTION)

for (const viewport of [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
]) {
  test(`nothing moves while a page hydrates at ${viewport.width} px @scripts`, async ({ page, portal, people, expectedStatuses }) => {
    test.slow()
    await measureLayoutShift(page.context())
    await page.setViewportSize(viewport)
    const users = await createTestUsers(people)
    const findings = new Findings()
    for (const state of await states(portal, users)) {
      if (!OPENED_PAGES.has(state.name)) continue
      if (state.status !== undefined) expectedStatuses.add(state.status)
      await signInFor(page, state, users)
      await state.reach(page)
      await checkLayoutShift(page, state.name, findings)
    }
    findings.expectNone()
  })
}

test('nothing moves on a page that shows a message @scripts', async ({ page }) => {
  await measureLayoutShift(page.context())
  const findings = new Findings()
  const home = new PortalPage(page)
  await signOut(page)
  await home.visit('/')
  await expect(home.message("You're signed out.")).toBeVisible()
  await checkLayoutShift(page, 'the home page with a message', findings)
  findings.expectNone()
})

test('nothing moves on a page whose end arrives late @scripts', async ({ page, portal }) => {
  // This server passes on the portal's responses, and delays everything after the start of the footer.
  const server = await LoopbackServer.start(async (request, response) => {
    const answer = await fetch(`${portal.url}${request.url ?? '/'}`, { headers: { accept: request.headers.accept ?? '*/*' } })
    const body = Buffer.from(await answer.arrayBuffer())
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !/^(content-(length|encoding)|transfer-|connection|keep-)/.test(name)))
    response.writeHead(answer.status, headers)
    const footer = /<footer[^>]*>/.exec(body.toString('latin1'))
    const end = footer === null ? body.length : footer.index + footer[0].length
    response.write(body.subarray(0, end))
    setTimeout(() => response.end(body.subarray(end)), footer === null ? 0 : 700)
  })
  await measureLayoutShift(page.context())
  const findings = new Findings()
  await page.goto(`${server.url}/login`)
  await new LoginPage(page).isOpen()
  await checkLayoutShift(page, 'sign-in', findings)
  findings.expectNone()
  await server.stop()
})
