import { ConfirmPage } from '../pages/confirm.ts'
import { DecisionPage } from '../pages/decision.ts'
import { DeskPage } from '../pages/desk.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { SignInLinkPage } from '../pages/sign-in-link.ts'
import { VoidLinkPage } from '../pages/void-link.ts'
import { linkIn } from '../support/mail.ts'
import { someone } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CONFIRM = /^Confirm your address for Vestibule$/
const APPROVED = /^Your account at Vestibule is approved$/

test('a person registers, an administrator lets them in, and they sign in', async ({ page, newBrowser, startPortal, expected }) => {
  expected.add(404)
  // Notices are gathered for a quarter of an hour, so this portal has had no registration before.
  const keeper = someone('keeper')
  const { portal } = await startPortal({ admin: keeper })
  const ada = someone('ada')
  const login = new LoginPage(page)

  await test.step('register: it waits', async () => {
    await page.goto(`${portal.url}/`)
    await new PortalPage(page).alive()
    await page.getByRole('link', { name: 'Create an account' }).click()
    const register = new RegisterPage(page)
    await register.arrives(/\/register$/, 'Create your account')
    await register.register(ada)
    await login.arrives(/\/login$/, 'Sign in')
    await expect(login.notice(ANSWERS.registered)).toBeVisible()
  })

  await test.step('signing in is refused, and says why', async () => {
    await login.signIn(ada.username, ada.password)
    await login.isRefused(ANSWERS.waiting)
    await expect(login.identifier).toHaveValue(ada.username)
    await expect(login.password).toHaveValue('')
  })

  await test.step('the link in the mail confirms the address; this browser registered, so no password is asked', async () => {
    const link = linkIn(await portal.mails.wait(ada.email, CONFIRM), '/confirm/')
    const confirm = new ConfirmPage(page)
    await confirm.openLink(link)
    await confirm.openLink(link)
    await confirm.is()
    await expect(page.getByRole('main')).toContainText(`${ada.email} is the address of ${ada.username}.`)
    await expect(confirm.password).toHaveCount(0)
    await confirm.press('Confirm address')
    await login.arrives(/\/login$/, 'Sign in')
    await expect(login.notice("Your address is confirmed. An administrator decides next, and we'll mail you then.")).toBeVisible()
    await new VoidLinkPage(page).openLink(link)
  })

  await test.step("the administrator's notice leads to the card, by way of signing in", async () => {
    const notice = await portal.mails.wait(keeper.email, new RegExp(`^${ada.username} asks to join Vestibule$`))
    expect(notice.text).toContain('address not confirmed yet')
    const link = linkIn(notice, '/admin/approve/')
    const admin = await newBrowser(portal.url)
    const theirs = new LoginPage(admin)
    await theirs.visit(link)
    await theirs.is(`?next=${encodeURIComponent(new URL(link).pathname)}`)
    await theirs.signIn(keeper.username, keeper.password)
    const card = new DecisionPage(admin)
    await card.arrives(new URL(link).pathname, `Approve ${ada.username}?`)
    await expect(card.card(ada.username)).toContainText('Address confirmed')
    await expect(admin.getByRole('main')).toContainText('They get a mail with a link to sign in.')

    // Another look changes nothing.
    await card.visit(link)
    await card.asks('Approve', ada.username)
    await card.press('Approve')
    const desk = new DeskPage(admin)
    await desk.is()
    await expect(desk.notice('Approved. The mail that says so is on its way.')).toBeVisible()
    await expect(desk.row(ada.username)).toContainText('Active')

    // Pressed again from the mail, it says what has happened.
    await card.visit(link)
    await expect(card.notice(new RegExp(`^This account was approved by ${keeper.username} on .* UTC\\.$`))).toBeVisible()
  })

  await test.step('the mailed link signs in once, at a press', async () => {
    const mail = await portal.mails.wait(ada.email, APPROVED)
    const link = linkIn(mail, '/auto-login/')
    const fresh = await newBrowser(portal.url)
    const card = new SignInLinkPage(fresh)
    await card.openLink(link)
    await card.openLink(link)
    await card.isFor(ada.username)
    await card.go(ada.username)
    const profile = new ProfilePage(fresh)
    await profile.isOf(ada.username)
    await expect(profile.card).toContainText('Address confirmed')
    await profile.signOut()
    await new HomePage(fresh).is()
    await new VoidLinkPage(fresh).openLink(link)
  })

  await test.step('from then on, name and password', async () => {
    await login.visit(`${portal.url}/login`)
    await login.signIn(ada.email, ada.password)
    await new ProfilePage(page).isOf(ada.username)
  })
})

test('another browser is asked for the password before an address is confirmed', async ({ page, portal, people }) => {
  const ada = await people.waiting()
  const confirm = new ConfirmPage(page)
  await confirm.openLink(linkIn(await portal.mails.wait(ada.email, CONFIRM), '/confirm/'))
  await confirm.press('Confirm address')
  await confirm.hasErrors({ Password: 'Enter a password.' })
  await confirm.password.fill('not the one at all')
  await confirm.press('Confirm address')
  await confirm.hasErrors({ Password: 'That is not the password of this account.' })
  await expect(confirm.password).toHaveAccessibleDescription(new RegExp(`The one that ${ada.username} chose`))
  await confirm.password.fill(ada.password)
  await confirm.press('Confirm address')
  const login = new LoginPage(page)
  await login.is()
  await expect(login.notice('Your address is confirmed.')).toBeVisible()
})

test('"This wasn\'t me" removes the registration', async ({ page, portal, people, expected }) => {
  expected.add(404)
  const ada = await people.waiting()
  const link = linkIn(await portal.mails.wait(ada.email, CONFIRM), '/confirm/')
  const confirm = new ConfirmPage(page)
  await confirm.openLink(link)
  await confirm.press("This wasn't me")
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice('The registration was removed. Thank you for telling us.')).toBeVisible()
  await new VoidLinkPage(page).openLink(link)

  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.username, ada.password)
  await login.isRefused(ANSWERS.incorrect)

  const register = new RegisterPage(page)
  await register.open()
  await register.register(ada)
  await login.is()
  await expect(login.notice(ANSWERS.registered)).toBeVisible()
})

test('"This wasn\'t me" leaves an account alone that was approved meanwhile', async ({ page, portal, people }) => {
  const ada = await people.activeUnconfirmed()
  const confirm = new ConfirmPage(page)
  await confirm.openLink(linkIn(await portal.mails.wait(ada.email, CONFIRM), '/confirm/'))
  await confirm.press("This wasn't me")
  const home = new HomePage(page)
  await home.is()
  await expect(home.notice("We've told the administrators, and we'll send no more links to your email address.")).toBeVisible()
  await signIn(page, ada)
})

test('an unconfirmed address can be approved, and then the link asks for the password too', async ({ page, portal, people, newBrowser, expected }) => {
  expected.add(404)
  const ada = await people.waiting()
  const admin = await newBrowser()
  await signIn(admin, people.keeper)
  const card = new DecisionPage(admin)
  await card.open('approve', ada)
  await card.asks('Approve unconfirmed address', ada.username)
  await expect(card.card(ada.username)).toContainText('Not confirmed yet')
  await card.press('Approve unconfirmed address')
  await new DeskPage(admin).is()

  const link = linkIn(await portal.mails.wait(ada.email, APPROVED), '/auto-login/')
  const mine = new SignInLinkPage(page)
  await mine.openLink(link)
  await mine.isFor(ada.username)
  await mine.go(ada.username)
  await mine.hasErrors({ Password: 'Enter a password.' })
  await mine.password.fill('not the one at all')
  await mine.go(ada.username)
  await mine.hasErrors({ Password: 'That is not the password of this account.' })
  await mine.password.fill(ada.password)
  await mine.go(ada.username)
  const profile = new ProfilePage(page)
  await profile.isOf(ada.username)
  await expect(profile.card).toContainText('Address confirmed')
  await new VoidLinkPage(await newBrowser()).openLink(link)
})

test('whoever waits can ask for another link to confirm the address', async ({ page, portal, people, expected }) => {
  expected.add(404)
  const ada = await people.waiting()
  const first = linkIn(await portal.mails.wait(ada.email, CONFIRM), '/confirm/')
  const login = new LoginPage(page)
  await login.open()
  await expect(login.askConfirmation).toHaveCount(0)
  await login.signIn(ada.username, ada.password)
  await login.isRefused(ANSWERS.waiting)
  await login.askConfirmation.click()
  await expect(login.notice('A new link to confirm your address is on its way.')).toBeVisible()
  await login.is()
  const second = linkIn(await portal.mails.wait(ada.email, CONFIRM, 2), '/confirm/')
  expect(second).not.toBe(first)
  const confirm = new ConfirmPage(page)
  await confirm.openLink(second)
  await confirm.password.fill(ada.password)
  await confirm.press('Confirm address')
  await login.is()
  await new VoidLinkPage(page).openLink(first)
})

test('an active person confirms the address from the profile', async ({ page, portal, people }) => {
  const ada = await people.activeUnconfirmed()
  await portal.mails.wait(ada.email, CONFIRM)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await expect(profile.card).toContainText('Not confirmed yet')
  await profile.card.getByRole('button', { name: 'Send a new confirmation link' }).click()
  await expect(profile.notice('A new link to confirm your address is on its way.')).toBeVisible()
  const confirm = new ConfirmPage(page)
  await confirm.openLink(linkIn(await portal.mails.wait(ada.email, CONFIRM, 2), '/confirm/'))
  await expect(confirm.password).toHaveCount(0)
  await confirm.press('Confirm address')
  await profile.is()
  await expect(profile.notice('Your address is confirmed.')).toBeVisible()
  await expect(profile.card).toContainText('Address confirmed')
})

test("somebody else's sign-in link asks to sign out first", async ({ page, portal, people }) => {
  const ada = await people.active()
  const bert = await people.active('bert')
  await signIn(page, bert)
  const link = linkIn(await portal.mails.wait(ada.email, APPROVED), '/auto-login/')
  const card = new SignInLinkPage(page)
  await card.openLink(link)
  await card.arrives(/\/auto-login\//, `This link is for ${ada.username}`)
  await expect(page.getByRole('main')).toContainText(`${bert.username} is signed in here. Sign out first, then open the link again.`)
  await page.getByRole('main').getByRole('link', { name: 'Sign out' }).click()
  await card.arrives('/logout', 'Sign out?')
  await card.press('Sign out')
  await new HomePage(page).is()
  await card.openLink(link)
  await card.go(ada.username)
  await new ProfilePage(page).isOf(ada.username)
})

test('an ordinary sign-in voids the mailed link', async ({ page, portal, people, newBrowser, expected }) => {
  expected.add(404)
  const ada = await people.active()
  const link = linkIn(await portal.mails.wait(ada.email, APPROVED), '/auto-login/')
  await signIn(page, ada)
  await new VoidLinkPage(await newBrowser()).openLink(link)
})
