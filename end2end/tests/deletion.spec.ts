import { AdminUsersPage } from '../pages/admin-users.ts'
import { CHANGE_PASSWORD_ERRORS, ChangePasswordPage } from '../pages/change-password.ts'
import { DELETION_REQUESTED, DUE_FOR_DELETION, DeleteAccountPage, KeepAccountPage } from '../pages/delete-account.ts'
import { HomePage } from '../pages/home.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { linkIn } from '../support/emails.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CURRENT_PASSWORD = 'Current password'

test('a user requests deletion, and can keep the account until it is due', async ({
  page,
  people,
  portal,
  expectedStatuses,
  newBrowser,
}) => {
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const deleteAccount = new DeleteAccountPage(page)
  const home = new HomePage(page)
  const login = new LoginPage(page)

  await test.step('the page asks for confirmation and can be cancelled', async () => {
    await profile.open()
    await profile.followLink('Delete account')
    await deleteAccount.isOpen()
    const main = page.getByRole('main')
    await expect(main).toContainText(`You'll be signed out everywhere. We'll delete the account ${ada.username} on `)
    await expect(main.getByRole('link', { name: 'Download your data' })).toHaveAttribute('href', '/profile/data.json')
    await expect(deleteAccount.currentPassword).toHaveAttribute('autocomplete', 'current-password')
    await expect(deleteAccount.currentPassword).toBeFocused()
    await deleteAccount.hasUsernameField(ada.username)
    await main.getByRole('link', { name: 'Cancel' }).click()
    await profile.isOpenFor(ada.username)
  })

  await test.step('a wrong password is rejected', async () => {
    await deleteAccount.open()
    await deleteAccount.press('Delete account')
    await deleteAccount.hasErrors({ [CURRENT_PASSWORD]: CHANGE_PASSWORD_ERRORS.currentMissing })
    await deleteAccount.delete('not the one at all')
    await deleteAccount.hasErrors({ [CURRENT_PASSWORD]: CHANGE_PASSWORD_ERRORS.currentWrong })
    await other.reload()
    await new ProfilePage(other).open()
    await new ProfilePage(other).isOpenFor(ada.username)
  })

  await test.step('with the right password, every session ends and no one can sign in', async () => {
    await deleteAccount.paste(deleteAccount.currentPassword, ada.password)
    await deleteAccount.press('Delete account')
    await home.isOpen()
    await expect(home.message(DELETION_REQUESTED)).toBeVisible()
    await profile.visit('/profile')
    await login.isOpen('?next=%2Fprofile')
    for (const identifier of [ada.username, ada.email]) {
      await login.signIn(identifier, ada.password)
      await login.hasFormError(DUE_FOR_DELETION)
    }
    await other.goto('/profile')
    await new LoginPage(other).isOpen('?next=%2Fprofile')
  })

  await test.step('the username stays taken, and administrators see when the account will be deleted', async () => {
    const register = new RegisterPage(page)
    await register.open()
    await register.register({ ...ada, email: newPerson('another').email })
    await register.hasErrors({ Username: 'That username is already taken. Choose a different one.' })
    const adminPage = await newBrowser()
    await signIn(adminPage, people.admin)
    const adminUsers = new AdminUsersPage(adminPage)
    await adminUsers.open(ada)
    await expect(adminUsers.row(ada.username)).toContainText('Deactivated')
    await adminUsers.visit(`/admin/users/${ada.id}`)
    await expect(adminPage.getByRole('main')).toContainText('Will be deleted')
    await adminUsers.open(ada)
    await adminUsers.openAction(ada.username, 'Reactivate')
    await expect(adminUsers.confirmation(ada.username, 'Reactivate')).toContainText('because someone signed in to it and asked us to')
  })

  await test.step('the link in the email keeps the account, once, and the owner chooses a new password', async () => {
    const link = linkIn(await portal.emails.wait(ada.email, /^Your account at .* will be deleted$/), '/keep/')
    const keepAccount = new KeepAccountPage(page)
    await keepAccount.openLink(link)
    await keepAccount.isOpen()
    await expect(page.getByRole('main')).toContainText(`The account ${ada.username} will be deleted on `)
    await keepAccount.keep()
    const changePassword = new ChangePasswordPage(page)
    await changePassword.isRequired(ada.username)
    await expect(changePassword.message('Your account will not be deleted.')).toBeVisible()
    await changePassword.chooseNew('seven quiet violet lanterns')
    await profile.isOpenFor(ada.username)
    await expect(profile.activity.filter({ hasText: 'Deletion cancelled' })).toHaveCount(1)
    expectedStatuses.add(404)
    const otherPage = await newBrowser()
    await new InvalidLinkPage(otherPage).openLink(new URL(link).pathname)
  })
})

test('the only administrator cannot delete their account, and sees the reason', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin })
  const grace = await people.active('grace')
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fprofile%2Fdelete`)
  await login.signIn(admin.username, admin.password)
  const deleteAccount = new DeleteAccountPage(page)
  await deleteAccount.isOpen()
  await deleteAccount.delete(admin.password)
  await deleteAccount.hasFormError("You're the only administrator. Make someone else an administrator before you delete your account.")
  await deleteAccount.summaryHasFocus()
  const profile = new ProfilePage(page)
  await profile.visit(`${portal.url}/profile`)
  await profile.isOpenFor(admin.username)

  await people.act(grace, 'make-admin')
  await deleteAccount.visit(`${portal.url}/profile/delete`)
  await deleteAccount.delete(admin.password)
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message(DELETION_REQUESTED)).toBeVisible()
})
