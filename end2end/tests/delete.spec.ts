import { CHANGE_PROBLEMS } from '../pages/change-password.ts'
import { DeleteAccountPage } from '../pages/delete-account.ts'
import { DeskPage } from '../pages/desk.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { someone } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CURRENT = 'Current password'
const DELETED = 'Your account is deleted.'

test('somebody deletes their account: it is gone, and its name is free again', async ({ page, people, newBrowser }) => {
  const ada = await people.active()
  const other = await newBrowser()
  await signIn(other, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const goodbye = new DeleteAccountPage(page)
  const home = new HomePage(page)

  await test.step('it is asked, and can be left', async () => {
    await profile.open()
    await profile.follow('Delete my account')
    await goodbye.is()
    const main = page.getByRole('main')
    await expect(main).toContainText(`${ada.username} is removed with its sessions and mails, at once and for good.`)
    await expect(main.getByRole('link', { name: 'Download your data' })).toHaveAttribute('href', '/profile/data.json')
    await expect(goodbye.current).toHaveAttribute('autocomplete', 'current-password')
    await expect(goodbye.current).toBeFocused()
    await goodbye.namesAccount(ada.username)
    await main.getByRole('link', { name: 'Keep it' }).click()
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

  await test.step('the right one deletes: nobody is signed in any more, and nobody can', async () => {
    await goodbye.paste(goodbye.current, ada.password)
    await goodbye.press('Delete account')
    await home.is()
    await expect(home.notice(DELETED)).toBeVisible()
    await profile.visit('/profile')
    const login = new LoginPage(page)
    await login.is('?next=%2Fprofile')
    for (const identifier of [ada.username, ada.email]) {
      await login.signIn(identifier, ada.password)
      await login.isRefused(ANSWERS.incorrect)
    }
    await other.goto('/profile')
    await new LoginPage(other).is('?next=%2Fprofile')
  })

  await test.step("the desk knows nobody of that name, until somebody registers with it", async () => {
    const admin = await newBrowser()
    await signIn(admin, people.keeper)
    const desk = new DeskPage(admin)
    await desk.open(ada)
    await expect(desk.row(ada.username)).toHaveCount(0)
    const register = new RegisterPage(page)
    await register.open()
    await register.register(ada)
    const login = new LoginPage(page)
    await login.is()
    await expect(login.notice(ANSWERS.registered)).toBeVisible()
    await desk.open(ada)
    await expect(desk.row(ada.username)).toContainText('Waiting')
    expect(await people.idOf(ada.username), 'numbers are never used again').toBeGreaterThan(ada.id)
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
  await expect(home.notice(DELETED)).toBeVisible()
})
