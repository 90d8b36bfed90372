import { AdminUsersPage } from '../pages/admin-users.ts'
import { FirstAdminPage } from '../pages/first-admin.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { newPerson } from '../support/people.ts'
import { expect, test } from '../support/test.ts'

test('the first administrator is created with the one-time link in the log', async ({
  page,
  newBrowser,
  startPortal,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  const { portal } = await startPortal()
  const first = portal.setupLink
  if (first === undefined) throw new Error(`No link in:\n${portal.logged}`)
  const admin = newPerson('grace')
  const firstAdmin = new FirstAdminPage(page)

  await test.step('opening the link does not use it up', async () => {
    await firstAdmin.openLink(first)
    await firstAdmin.openLink(first)
    await firstAdmin.isOpen()
  })

  await test.step('a restart revokes the link and prints another', async () => {
    await portal.restart()
    const second = portal.setupLink
    if (second === undefined) throw new Error(`No link in:\n${portal.logged}`)
    expect(second).not.toBe(first)
    const oldLink = new InvalidLinkPage(page)
    await oldLink.openLink(portal.url + new URL(first).pathname)
    await firstAdmin.openLink(second)
    await firstAdmin.isOpen()
  })

  await test.step('a form error keeps the typed values and does not use up the link', async () => {
    await firstAdmin.fill(admin, 'something else altogether')
    await firstAdmin.press('Create administrator')
    await firstAdmin.hasErrors({ 'Confirm password': 'The passwords do not match.' })
    await expect(firstAdmin.username).toHaveValue(admin.username)
    await expect(firstAdmin.email).toHaveValue(admin.email)
  })

  await test.step('the link creates an administrator, who is signed in', async () => {
    await firstAdmin.fill(admin)
    await firstAdmin.press('Create administrator')
    const adminUsers = new AdminUsersPage(page)
    await adminUsers.isOpen()
    await expect(adminUsers.message("Welcome. You're now an administrator.")).toBeVisible()
    await expect(adminUsers.row(admin.username)).toContainText('Administrator')
    await expect(adminUsers.row(admin.username)).toContainText('(you)')
    await expect(page.getByRole('heading', { name: 'No pending registrations', exact: true })).toBeVisible()
  })

  await test.step('the link works once', async () => {
    const other = new InvalidLinkPage(await newBrowser(portal.url))
    await other.openLink(portal.setupLink ?? '')
  })

  await test.step('once there is an administrator, no link is printed', async () => {
    await portal.restart()
    expect(portal.setupLink).toBeUndefined()
  })
})
