import { CHANGE_PASSWORD_ERRORS, ChangePasswordPage } from '../pages/change-password.ts'
import { ConfirmEmailChangePage, EmailChangePage, UndoEmailChangePage } from '../pages/email-change.ts'
import { HomePage } from '../pages/home.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { REGISTRATION_ERRORS } from '../pages/register.ts'
import { linkIn } from '../support/emails.ts'
import { newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CONFIRM = /^Confirm your new email address for Vestibule$/
const CHANGED = /^Your email address at Vestibule was changed$/
const REQUESTED = "Check your new email address for a confirmation link. Until you confirm it, we'll keep using your current email address. We send at most 3 links an hour."
const NEW_PASSWORD = 'copper lantern drifts north'

const EMAIL = 'New email address'
const CURRENT = 'Current password'

test('a user requests another email address on the profile, and confirms it with the emailed link', async ({
  page,
  portal,
  people,
  newBrowser,
  expectedStatuses,
}) => {
  test.slow()
  expectedStatuses.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const [firstEmail, newEmail] = [newPerson('first').email, newPerson('moved').email]
  const other = await newBrowser()
  await signIn(other, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const emailChange = new EmailChangePage(page)
  const confirmation = new ConfirmEmailChangePage(page)

  await test.step('the form shows its errors next to the fields, and keeps the email address', async () => {
    await profile.open()
    await profile.followLink('Change email address')
    await emailChange.isOpen()
    await expect(page.getByRole('main')).toContainText(`We'll keep using ${ada.email} until you confirm the new email address.`)
    await expect(emailChange.email).toBeFocused()
    await expect(emailChange.email).toHaveAttribute('autocomplete', 'email')
    await expect(emailChange.currentPassword).toHaveAttribute('autocomplete', 'current-password')
    await emailChange.hasUsernameField(ada.username)
    await emailChange.press('Send confirmation link')
    await emailChange.hasErrors({ [EMAIL]: REGISTRATION_ERRORS.emailMissing, [CURRENT]: CHANGE_PASSWORD_ERRORS.currentMissing })
    const cases: [string, string, Record<string, string>][] = [
      ['ada at example.org', ada.password, { [EMAIL]: REGISTRATION_ERRORS.emailFormat }],
      [firstEmail, '', { [CURRENT]: CHANGE_PASSWORD_ERRORS.currentMissing }],
      [firstEmail, 'not the one at all', { [CURRENT]: CHANGE_PASSWORD_ERRORS.currentWrong }],
      [ada.email.toUpperCase(), ada.password, { [EMAIL]: 'That is already your email address.' }],
    ]
    for (const [typed, password, errors] of cases) {
      await emailChange.request(typed, password)
      await emailChange.hasErrors(errors)
      await expect(emailChange.email).toHaveValue(typed)
      for (const label of [EMAIL, CURRENT]) if (!(label in errors)) await emailChange.hasNoError(label)
    }
    await page.getByRole('main').getByRole('link', { name: 'Cancel' }).click()
    await profile.isOpen()
  })

  await test.step('the email address of another account gets the same answer, and its owner gets an email', async () => {
    await emailChange.open()
    await emailChange.paste(emailChange.currentPassword, ada.password)
    await emailChange.email.fill(bert.email)
    await emailChange.press('Send confirmation link')
    await profile.isOpen()
    await expect(profile.message(REQUESTED)).toBeVisible()
    await portal.emails.wait(bert.email, /^You already have an account at Vestibule$/)
    expect(await portal.emails.to(bert.email, CONFIRM)).toEqual([])
  })

  const link = await test.step('the link goes to the new email address, and a second request revokes the first link', async () => {
    await emailChange.open()
    await emailChange.request(firstEmail, ada.password)
    await profile.isOpen()
    await expect(profile.message(REQUESTED)).toBeVisible()
    await expect(profile.details).toContainText(ada.email)
    const firstLink = linkIn(await portal.emails.wait(firstEmail, CONFIRM), '/confirm-address/')
    const link = await people.requestEmailChange(ada, newEmail)
    await new InvalidLinkPage(page).openLink(firstLink)
    await profile.open()
    await expect(profile.details).toContainText(ada.email)
    return link
  })

  await test.step('opening the link changes nothing, and a click confirms without a password in this browser', async () => {
    await confirmation.openLink(link)
    await confirmation.openLink(link)
    await confirmation.isOpen()
    await expect(page.getByRole('main')).toContainText(`Confirm ${newEmail} as the email address for ${ada.username}.`)
    await expect(confirmation.password).toHaveCount(0)
    expect(await portal.emails.to(ada.email, CHANGED)).toEqual([])
    await confirmation.submit()
    await profile.isOpen()
    await expect(profile.message(LOGIN_MESSAGES.emailChanged)).toBeVisible()
    await expect(profile.details).toContainText(newEmail)
    await expect(profile.details).toContainText('Email confirmed')
    await expect(profile.sessions).toHaveCount(1)
    await expect(profile.activity.first()).toContainText('Email address changed')
    await new InvalidLinkPage(page).openLink(link)
    await profile.open()
    await profile.isOpenFor(ada.username)
  })

  await test.step('the old email address gets a notification, every other session ends, and the new email address signs in', async () => {
    const notification = await portal.emails.wait(ada.email, CHANGED)
    expect(notification.text).toContain('If it was not, undo the change now.')
    await other.goto('/profile')
    const login = new LoginPage(other)
    await login.isOpen('?next=%2Fprofile')
    await expect(login.message(LOGIN_MESSAGES.sessionEnded)).toBeVisible()
    await login.signIn(ada.email, ada.password)
    await login.hasFormError(LOGIN_MESSAGES.incorrect)
    await login.signIn(newEmail, ada.password)
    await new ProfilePage(other).isOpenFor(ada.username)
  })
})

test('without a session, a new email address is confirmed with the password, and not as another user', async ({
  page,
  people,
  portal,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const newEmail = newPerson('moved').email
  const link = await people.requestEmailChange(ada, newEmail)
  const confirmation = new ConfirmEmailChangePage(page)

  await signIn(page, bert)
  await confirmation.openLink(link)
  await confirmation.isAt(/\/confirm-address\//, `This link is for ${ada.username}`)
  await expect(page.getByRole('main')).toContainText(`You're signed in as ${bert.username}. Sign out, then open the link again.`)
  await page.getByRole('main').getByRole('link', { name: 'Sign out' }).click()
  await confirmation.isAt('/logout', 'Sign out?')
  await confirmation.press('Sign out')
  await new HomePage(page).isOpen()

  await confirmation.openLink(link)
  await confirmation.isOpen()
  await expect(confirmation.password).toHaveAttribute('autocomplete', 'current-password')
  await confirmation.hasUsernameField(ada.username)
  await expect(confirmation.password).toHaveAccessibleDescription(`The password for ${ada.username}.`)
  await confirmation.submit()
  await confirmation.hasErrors({ Password: REGISTRATION_ERRORS.passwordMissing })
  await confirmation.password.fill(bert.password.toUpperCase())
  await confirmation.submit()
  await confirmation.hasErrors({ Password: 'That password is incorrect.' })
  await confirmation.paste(confirmation.password, ada.password)
  await confirmation.submit()
  const login = new LoginPage(page)
  await login.isOpen()
  await expect(login.message(LOGIN_MESSAGES.emailChangedSignIn)).toBeVisible()
  await new InvalidLinkPage(page).openLink(link)
  await login.open()
  await login.signIn(newEmail, ada.password)
  const profile = new ProfilePage(page)
  await profile.isOpenFor(ada.username)
  await expect(profile.details).toContainText(newEmail)
  await portal.emails.wait(ada.email, CHANGED)
})

test('the owner of the old email address undoes the change, which ends every session and asks for a new password', async ({
  page,
  people,
  newBrowser,
  expectedStatuses,
}) => {
  expectedStatuses.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const newEmail = newPerson('moved').email
  const link = await people.changeEmail(ada, newEmail)
  const attacker = await newBrowser()
  await signIn(attacker, ada)
  const undo = new UndoEmailChangePage(page)

  await test.step('another signed-in user has to sign out first', async () => {
    await signIn(page, bert)
    await undo.openLink(link)
    await undo.isAt(/\/undo\//, `This link is for ${ada.username}`)
    await expect(page.getByRole('main')).toContainText(`You're signed in as ${bert.username}.`)
    await page.context().clearCookies()
  })

  const changePassword = new ChangePasswordPage(page)
  await test.step('opening the link changes nothing, and a click undoes the change and asks for a new password', async () => {
    await undo.openLink(link)
    await undo.openLink(link)
    await undo.isOpen()
    await expect(page.getByRole('main')).toContainText(`We'll restore ${ada.email} as the email address for ${ada.username}`)
    await attacker.goto('/profile')
    await new ProfilePage(attacker).isOpenFor(ada.username)
    await undo.submit()
    await changePassword.isRequired(ada.username)
    await expect(changePassword.message(/^Your old email address has been restored\. Everyone has been signed out/)).toBeVisible()
    await attacker.goto('/profile')
    await new LoginPage(attacker).isOpen('?next=%2Fprofile')
    await changePassword.visit('/profile')
    await changePassword.isRequired(ada.username)
  })

  await test.step('the old password no longer works', async () => {
    await changePassword.chooseNew(NEW_PASSWORD)
    const profile = new ProfilePage(page)
    await profile.isOpenFor(ada.username)
    await expect(profile.details).toContainText(ada.email)
    await expect(profile.details).toContainText('Email confirmed')
    await expect(profile.activity.filter({ hasText: 'Email address change undone' })).toHaveCount(1)
    await new InvalidLinkPage(page).openLink(link)
    const usedElsewhere = new InvalidLinkPage(attacker)
    await usedElsewhere.visit(link)
    await usedElsewhere.isOpenForUndo()
    const login = new LoginPage(attacker)
    await login.visit('/login')
    for (const [identifier, password] of [[ada.username, ada.password], [newEmail, NEW_PASSWORD]] as const) {
      await login.signIn(identifier, password)
      await login.hasFormError(LOGIN_MESSAGES.incorrect)
    }
    await login.signIn(ada.email, NEW_PASSWORD)
    await new ProfilePage(attacker).isOpenFor(ada.username)
  })
})

test('after a second change, the first owner can still undo the changes', async ({ page, portal, people }) => {
  const ada = await people.active()
  const attacker = { ...ada, email: newPerson('thief').email }
  const undoLink = await people.changeEmail(ada, attacker.email)
  const link = await people.requestEmailChange(attacker, newPerson('hideout').email)
  await people.confirmEmailChange(attacker, link)
  // A recently changed email address gets no undo link of its own.
  const notification = await portal.emails.wait(attacker.email, CHANGED)
  expect(notification.text).toContain('tell an administrator')
  expect(notification.text).not.toContain('/undo/')
  const undo = new UndoEmailChangePage(page)
  await undo.openLink(undoLink)
  await undo.submit()
  const changePassword = new ChangePasswordPage(page)
  await changePassword.isRequired(ada.username)
  await changePassword.chooseNew(NEW_PASSWORD)
  await new ProfilePage(page).isOpenFor(ada.username)
})

test('an email address that another user has confirmed in the meantime stays with that user', async ({ page, people }) => {
  const ada = await people.active()
  const bert = await people.active('bert')
  const link = await people.changeEmail(ada, newPerson('moved').email)
  const claimedEmail = newPerson('wanted').email
  const confirmLink = await people.requestEmailChange(bert, claimedEmail)
  await people.confirmEmail(await people.register({ ...newPerson('carl'), email: ada.email }), 2)
  await people.confirmEmail(await people.register({ ...newPerson('carl'), email: claimedEmail }))

  const taken = 'Another account has already confirmed this email address. Use that account instead. Nothing has changed.'
  const undo = new UndoEmailChangePage(page)
  await undo.openLink(link)
  await undo.submit()
  await undo.hasFormError(taken)
  await signIn(page, bert)
  const confirmation = new ConfirmEmailChangePage(page)
  await confirmation.openLink(confirmLink)
  await confirmation.submit()
  await confirmation.hasFormError(taken)
  await confirmation.visit('/profile')
  await expect(new ProfilePage(page).details).toContainText(bert.email)
})
