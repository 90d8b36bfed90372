import { AdminActionPage } from '../pages/admin-action.ts'
import { AdminUsersPage } from '../pages/admin-users.ts'
import { EmailVerificationPage } from '../pages/email-verification.ts'
import { HomePage } from '../pages/home.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { SignInLinkPage } from '../pages/sign-in-link.ts'
import { linkIn } from '../support/emails.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CONFIRM = /^Confirm your email address for Vestibule$/
const APPROVED = /^Your account at Vestibule has been approved$/

test('a person registers, an administrator approves the registration, and the person signs in', async ({
  page,
  newBrowser,
  startPortal,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  // Notifications are combined for 15 minutes, so this portal must have no earlier registration.
  const admin = ADMIN
  const { portal } = await startPortal({ admin })
  const ada = newPerson('ada')
  const login = new LoginPage(page)

  await test.step('the registration is pending', async () => {
    await page.goto(`${portal.url}/`)
    await new PortalPage(page).waitUntilReady()
    await page.getByRole('link', { name: 'Create an account' }).click()
    const register = new RegisterPage(page)
    await register.isAt(/\/register$/, 'Create your account')
    await register.register(ada)
    await login.isAt(/\/login$/, 'Sign in')
    await expect(login.message(LOGIN_MESSAGES.registered)).toBeVisible()
  })

  await test.step('a pending user cannot sign in, and sees the reason', async () => {
    await login.signIn(ada.username, ada.password)
    await login.hasFormError(LOGIN_MESSAGES.pending)
    await expect(login.identifier).toHaveValue(ada.username)
    await expect(login.password).toHaveValue('')
  })

  await test.step('the link in the email confirms the email address, without a password in the browser of the registration', async () => {
    const link = linkIn(await portal.emails.wait(ada.email, CONFIRM), '/confirm/')
    const emailVerification = new EmailVerificationPage(page)
    await emailVerification.openLink(link)
    await emailVerification.openLink(link)
    await emailVerification.isOpen()
    await expect(page.getByRole('main')).toContainText(`Confirm ${ada.email} as the email address for ${ada.username}.`)
    await expect(emailVerification.password).toHaveCount(0)
    await emailVerification.press('Confirm email address')
    await login.isAt(/\/login$/, 'Sign in')
    await expect(login.message("Your email address has been confirmed. Next, an administrator will review your registration. We'll email you when it's approved.")).toBeVisible()
    await new InvalidLinkPage(page).openLink(link)
  })

  await test.step("the link in the administrator's notification leads to the user after sign-in", async () => {
    const notification = await portal.emails.wait(admin.email, new RegExp(`^${ada.username} has asked to join Vestibule$`))
    expect(notification.text).toContain('email address not confirmed yet')
    const link = linkIn(notification, '/admin/approve/')
    const adminPage = await newBrowser(portal.url)
    const adminLogin = new LoginPage(adminPage)
    await adminLogin.visit(link)
    await adminLogin.isOpen(`?next=${encodeURIComponent(new URL(link).pathname)}`)
    await adminLogin.signIn(admin.username, admin.password)
    const adminAction = new AdminActionPage(adminPage)
    await adminAction.isAt(new URL(link).pathname, `Approve ${ada.username}?`)
    await expect(adminAction.userDetails(ada.username)).toContainText('Email confirmed')
    await expect(adminPage.getByRole('main')).toContainText("They'll get an email with a sign-in link.")

    // Opening the page again changes nothing.
    await adminAction.visit(link)
    await adminAction.asksToConfirm('Approve', ada.username)
    await adminAction.press('Approve')
    const adminUsers = new AdminUsersPage(adminPage)
    await adminUsers.isOpen()
    await expect(adminUsers.message("Approved. They'll get an email.")).toBeVisible()
    await expect(adminUsers.row(ada.username)).toContainText('Active')

    // After the approval, the link in the notification shows the approval.
    await adminAction.visit(link)
    await expect(adminAction.message(new RegExp(`^This account was approved by ${admin.username} on .* UTC\\.$`))).toBeVisible()
  })

  await test.step('the emailed link signs the person in once, after a click', async () => {
    const approval = await portal.emails.wait(ada.email, APPROVED)
    const link = linkIn(approval, '/auto-login/')
    const other = await newBrowser(portal.url)
    const adminAction = new SignInLinkPage(other)
    await adminAction.openLink(link)
    await adminAction.openLink(link)
    await adminAction.isOpenFor(ada.username)
    await adminAction.continueAs(ada.username)
    const profile = new ProfilePage(other)
    await profile.isOpenFor(ada.username)
    await expect(profile.details).toContainText('Email confirmed')
    await profile.signOut()
    await new HomePage(other).isOpen()
    await new InvalidLinkPage(other).openLink(link)
  })

  await test.step('from then on, the person signs in with a password', async () => {
    await login.visit(`${portal.url}/login`)
    await login.signIn(ada.email, ada.password)
    await new ProfilePage(page).isOpenFor(ada.username)
  })
})

test('another browser asks for the password before it confirms an email address', async ({ page, portal, people }) => {
  const ada = await people.pending()
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(linkIn(await portal.emails.wait(ada.email, CONFIRM), '/confirm/'))
  await emailVerification.press('Confirm email address')
  await emailVerification.hasErrors({ Password: 'Enter a password.' })
  await emailVerification.password.fill('not the one at all')
  await emailVerification.press('Confirm email address')
  await emailVerification.hasErrors({ Password: 'That password is incorrect.' })
  await expect(emailVerification.password).toHaveAccessibleDescription(new RegExp(`The password for ${ada.username}`))
  await emailVerification.password.fill(ada.password)
  await emailVerification.press('Confirm email address')
  const login = new LoginPage(page)
  await login.isOpen()
  await expect(login.message('Your email address has been confirmed.')).toBeVisible()
})

test('"This wasn\'t me" removes the registration', async ({ page, portal, people, expectedStatuses }) => {
  expectedStatuses.add(404)
  const ada = await people.pending()
  const link = linkIn(await portal.emails.wait(ada.email, CONFIRM), '/confirm/')
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(link)
  await emailVerification.press("This wasn't me")
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message('The registration has been removed. Thank you for telling us.')).toBeVisible()
  await new InvalidLinkPage(page).openLink(link)

  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.username, ada.password)
  await login.hasFormError(LOGIN_MESSAGES.incorrect)

  const register = new RegisterPage(page)
  await register.open()
  await register.register(ada)
  await login.isOpen()
  await expect(login.message(LOGIN_MESSAGES.registered)).toBeVisible()
})

test('"This wasn\'t me" keeps an account that has been approved', async ({ page, portal, people }) => {
  const ada = await people.activeUnconfirmed()
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(linkIn(await portal.emails.wait(ada.email, CONFIRM), '/confirm/'))
  await emailVerification.press("This wasn't me")
  const home = new HomePage(page)
  await home.isOpen()
  await expect(home.message("We've told the administrators, and we'll send no more links to your email address.")).toBeVisible()
  await signIn(page, ada)
})

test('a user with an unconfirmed email address can be approved, and their sign-in link asks for the password', async ({
  page,
  portal,
  people,
  newBrowser,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  const ada = await people.pending()
  const adminPage = await newBrowser()
  await signIn(adminPage, people.admin)
  const adminAction = new AdminActionPage(adminPage)
  await adminAction.open('approve', ada)
  await adminAction.asksToConfirm('Approve anyway', ada.username)
  await expect(adminAction.userDetails(ada.username)).toContainText('Email not confirmed')
  await adminAction.press('Approve anyway')
  await new AdminUsersPage(adminPage).isOpen()

  const link = linkIn(await portal.emails.wait(ada.email, APPROVED), '/auto-login/')
  const signInLink = new SignInLinkPage(page)
  await signInLink.openLink(link)
  await signInLink.isOpenFor(ada.username)
  await signInLink.continueAs(ada.username)
  await signInLink.hasErrors({ Password: 'Enter a password.' })
  await signInLink.password.fill('not the one at all')
  await signInLink.continueAs(ada.username)
  await signInLink.hasErrors({ Password: 'That password is incorrect.' })
  await signInLink.password.fill(ada.password)
  await signInLink.continueAs(ada.username)
  const profile = new ProfilePage(page)
  await profile.isOpenFor(ada.username)
  await expect(profile.details).toContainText('Email confirmed')
  await new InvalidLinkPage(await newBrowser()).openLink(link)
})

test('a pending user can request another confirmation link', async ({ page, portal, people, expectedStatuses }) => {
  expectedStatuses.add(404)
  const ada = await people.pending()
  const first = linkIn(await portal.emails.wait(ada.email, CONFIRM), '/confirm/')
  const login = new LoginPage(page)
  await login.open()
  await expect(login.resendConfirmation).toHaveCount(0)
  await login.signIn(ada.username, ada.password)
  await login.hasFormError(LOGIN_MESSAGES.pending)
  await login.resendConfirmation.click()
  await expect(login.message('Check your inbox and spam folder for a link to confirm your email address. We send at most 3 links an hour and 10 a day, including the first one.')).toBeVisible()
  await login.isOpen()
  const second = linkIn(await portal.emails.wait(ada.email, CONFIRM, 2), '/confirm/')
  expect(second).not.toBe(first)
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(second)
  await emailVerification.password.fill(ada.password)
  await emailVerification.press('Confirm email address')
  await login.isOpen()
  await new InvalidLinkPage(page).openLink(first)
})

test('an active user can confirm the email address from the profile', async ({ page, portal, people }) => {
  const ada = await people.activeUnconfirmed()
  await portal.emails.wait(ada.email, CONFIRM)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  await profile.open()
  await expect(profile.details).toContainText('Email not confirmed')
  await profile.details.getByRole('button', { name: 'Send a new confirmation link' }).click()
  await expect(profile.message('Check your inbox and spam folder for a link to confirm your email address. We send at most 3 links an hour and 10 a day, including the first one.')).toBeVisible()
  const emailVerification = new EmailVerificationPage(page)
  await emailVerification.openLink(linkIn(await portal.emails.wait(ada.email, CONFIRM, 2), '/confirm/'))
  await expect(emailVerification.password).toHaveCount(0)
  await emailVerification.press('Confirm email address')
  await profile.isOpen()
  await expect(profile.message('Your email address has been confirmed.')).toBeVisible()
  await expect(profile.details).toContainText('Email confirmed')
})

test('the sign-in link of another user asks to sign out first', async ({ page, portal, people }) => {
  const ada = await people.active()
  const bert = await people.active('bert')
  await signIn(page, bert)
  const link = linkIn(await portal.emails.wait(ada.email, APPROVED), '/auto-login/')
  const adminAction = new SignInLinkPage(page)
  await adminAction.openLink(link)
  await adminAction.isAt(/\/auto-login\//, `This link is for ${ada.username}`)
  await expect(page.getByRole('main')).toContainText(`You're signed in as ${bert.username}. Sign out, then open the link again.`)
  await page.getByRole('main').getByRole('link', { name: 'Sign out' }).click()
  await adminAction.isAt('/logout', 'Sign out?')
  await adminAction.press('Sign out')
  await new HomePage(page).isOpen()
  await adminAction.openLink(link)
  await adminAction.continueAs(ada.username)
  await new ProfilePage(page).isOpenFor(ada.username)
})

test('after an ordinary sign-in, the emailed sign-in link no longer works', async ({
  page,
  portal,
  people,
  newBrowser,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  const ada = await people.active()
  const link = linkIn(await portal.emails.wait(ada.email, APPROVED), '/auto-login/')
  await signIn(page, ada)
  await new InvalidLinkPage(await newBrowser()).openLink(link)
})
