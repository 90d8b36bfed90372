import { CHANGE_PROBLEMS, ChangePasswordPage } from '../pages/change-password.ts'
import { DELETION_ASKED, DeleteAccountPage, KeepAccountPage, DUE_FOR_DELETION } from '../pages/delete-account.ts'
import { DeskPage } from '../pages/desk.ts'
import { HomePage } from '../pages/home.ts'
import { LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { VoidLinkPage } from '../pages/void-link.ts'
import { linkIn } from '../support/mail.ts'
import { someone } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CURRENT = 'Current password'

test('someone requests deletion, and can keep the account until it is due', async ({ page, people, portal, expected, newBrowser }) => {
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const goodbye = new DeleteAccountPage(page)
  const home = new HomePage(page)
  const login = new LoginPage(page)

  await test.step('it is asked, and can be left', async () => {
    await profile.open()
    await profile.follow('Delete my account')
    await goodbye.is()
    const main = page.getByRole('main')
    await expect(main).toContainText(`You'll be signed out everywhere. We'll delete the account ${ada.username} on `)
    await expect(main.getByRole('link', { name: 'Download your data' })).toHaveAttribute('href', '/profile/data.json')
    await expect(goodbye.current).toHaveAttribute('autocomplete', 'current-password')
    await expect(goodbye.current).toBeFocused()
    await goodbye.namesAccount(ada.username)
    await main.getByRole('link', { name: 'Cancel' }).click()
    await profile.isOf(ada.username)
  })

  await test.step('a wrong password is refused', async () => {
    await goodbye.open()
    await goodbye.press('Delete account')
    await goodbye.hasErrors({ [CURRENT]: CHANGE_PROBLEMS.noCurrent })
    await goodbye.delete('not the one at all')
    await goodbye.hasErrors({ [CURRENT]: CHANGE_PROBLEMS.wrong })
    await other.reload()
    await new ProfilePage(other).open()
    await new ProfilePage(other).isOf(ada.username)
  })

  await test.step('with the right password everyone is signed out, and no one can sign in', async () => {
    await goodbye.paste(goodbye.current, ada.password)
    await goodbye.press('Delete account')
    await home.is()
    await expect(home.notice(DELETION_ASKED)).toBeVisible()
    await profile.visit('/profile')
    await login.is('?next=%2Fprofile')
    for (const identifier of [ada.username, ada.email]) {
      await login.signIn(identifier, ada.password)
      await login.isRefused(DUE_FOR_DELETION)
    }
    await other.goto('/profile')
    await new LoginPage(other).is('?next=%2Fprofile')
  })

  await test.step('the name stays taken, and administrators see when the account will be deleted', async () => {
    const register = new RegisterPage(page)
    await register.open()
    await register.register({ ...ada, email: someone('another').email })
    await register.hasErrors({ Username: 'That username is already taken.' })
    const admin = await newBrowser()
    await signIn(admin, people.keeper)
    const desk = new DeskPage(admin)
    await desk.open(ada)
    await expect(desk.row(ada.username)).toContainText('Deactivated')
    await desk.visit(`/admin/users/${ada.id}`)
    await expect(admin.getByRole('main')).toContainText('Will be deleted')
    await desk.open(ada)
    await desk.choose(ada.username, 'Reactivate')
    await expect(desk.question(ada.username, 'Reactivate')).toContainText('because its owner asked us to')
  })

  await test.step('the link in the email keeps it, once, and the owner chooses a new password', async () => {
    const link = linkIn(await portal.mails.wait(ada.email, /^Your account at .* will be deleted$/), '/keep/')
    const keep = new KeepAccountPage(page)
    await keep.openLink(link)
    await keep.is()
    await expect(page.getByRole('main')).toContainText(`The account ${ada.username} will be deleted on `)
    await keep.keep()
    const change = new ChangePasswordPage(page)
    await change.isForced(ada.username)
    await expect(change.notice('Your account will not be deleted.')).toBeVisible()
    await change.choose('seven quiet violet lanterns')
    await profile.isOf(ada.username)
    await expect(profile.history.filter({ hasText: 'Deletion cancelled' })).toHaveCount(1)
    expected.add(404)
    const late = await newBrowser()
    await new VoidLinkPage(late).openLink(new URL(link).pathname)
  })
})

test('the only administrator stays, and reads why', async ({ page, startPortal }) => {
  const keeper = someone('keeper')
  const { portal, people } = await startPortal({ admin: keeper })
  const grace = await people.active('grace')
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fprofile%2Fdelete`)
  await login.signIn(keeper.username, keeper.password)
  const goodbye = new DeleteAccountPage(page)
  await goodbye.is()
  await goodbye.delete(keeper.password)
  await goodbye.isRefused('You are the only administrator. Make somebody else an administrator first, then delete your account.')
  await goodbye.summaryHasFocus()
  const profile = new ProfilePage(page)
  await profile.visit(`${portal.url}/profile`)
  await profile.isOf(keeper.username)

  await people.decide(grace, 'make-admin')
  await goodbye.visit(`${portal.url}/profile/delete`)
  await goodbye.delete(keeper.password)
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice(DELETION_ASKED)).toBeVisible()
})
