import { SetupPage } from '../pages/setup.ts'
import { DeskPage } from '../pages/desk.ts'
import { VoidLinkPage } from '../pages/void-link.ts'
import { someone } from '../support/people.ts'
import { expect, test } from '../support/test.ts'

test('the first administrator is made with the one-time link in the log', async ({ page, newBrowser, startPortal, expected }) => {
  expected.add(404)
  const { portal } = await startPortal()
  const first = portal.setupLink
  if (first === undefined) throw new Error(`No link in:\n${portal.logged}`)
  const admin = someone('grace')
  const setup = new SetupPage(page)

  await test.step('looking spends nothing', async () => {
    await setup.openLink(first)
    await setup.openLink(first)
    await setup.is()
  })

  await test.step('a new start voids the link and prints another', async () => {
    await portal.restart()
    const second = portal.setupLink
    if (second === undefined) throw new Error(`No link in:\n${portal.logged}`)
    expect(second).not.toBe(first)
    const old = new VoidLinkPage(page)
    await old.openLink(portal.url + new URL(first).pathname)
    await setup.openLink(second)
    await setup.is()
  })

  await test.step('a refusal keeps what was typed and spends nothing', async () => {
    await setup.fill(admin, 'something else altogether')
    await setup.press('Create administrator')
    await setup.hasErrors({ 'Password once more': 'The two passwords are not the same.' })
    await expect(setup.username).toHaveValue(admin.username)
    await expect(setup.email).toHaveValue(admin.email)
  })

  await test.step('the link makes an administrator, who is signed in', async () => {
    await setup.fill(admin)
    await setup.press('Create administrator')
    const desk = new DeskPage(page)
    await desk.is()
    await expect(desk.notice('You are the first administrator. Welcome.')).toBeVisible()
    await expect(desk.row(admin.username)).toContainText('Administrator')
    await expect(desk.row(admin.username)).toContainText('(you)')
    await expect(page.getByRole('heading', { name: 'Nobody is waiting', exact: true })).toBeVisible()
  })

  await test.step('the link works once', async () => {
    const other = new VoidLinkPage(await newBrowser(portal.url))
    await other.openLink(portal.setupLink ?? '')
  })

  await test.step('no start prints another once there is an administrator', async () => {
    await portal.restart()
    expect(portal.setupLink).toBeUndefined()
  })
})
