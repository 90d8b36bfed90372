// The applicant's side of a registration: the question at registration, its status, answers to questions, and withdrawing.
import { AdminUsersPage } from '../pages/admin-users.ts'
import { ANSWER_ERRORS, AnswerPage } from '../pages/answer.ts'
import { EmailVerificationPage } from '../pages/email-verification.ts'
import { HomePage } from '../pages/home.ts'
import { InvalidLinkPage } from '../pages/invalid-link.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { RegisterPage } from '../pages/register.ts'
import { RegistrationStatusPage } from '../pages/registration-status.ts'
import { checkAccessibility } from '../support/axe.ts'
import { linkIn } from '../support/emails.ts'
import { Findings } from '../support/findings.ts'
import { checkClipping, checkOverflow } from '../support/layout.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const QUESTION = 'Which department do you work in?\nSince when?'
const ANSWER = 'The library.\nSince May.'
const ANSWERED = "Your answer has been saved. Your registration is waiting for approval again. We'll email you when it's approved."
const WITHDRAWN = 'Your request has been withdrawn, and your account has been deleted.'

test('a question is answered on a phone, with the link in its email', async ({ page, people, newBrowser }) => {
  const ada = await people.pendingConfirmed()
  const link = await people.ask(ada, QUESTION)
  const phone = await newBrowser()
  await phone.setViewportSize({ width: 360, height: 740 })
  const answerPage = new AnswerPage(phone)
  await answerPage.openLink(link)
  await expect(answerPage.question).toHaveText(QUESTION)
  await expect(answerPage.password).toHaveCount(0)
  const findings = new Findings()
  await checkOverflow(phone, 'the question', findings)
  await checkClipping(phone, 'the question', findings)
  findings.expectNone()
  await answerPage.send(ANSWER)
  const login = new LoginPage(phone)
  await login.isOpen()
  await expect(login.message(ANSWERED)).toBeVisible()

  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await expect(adminUsers.pendingRow(ada.username)).toBeVisible()
})

test('a link works once, and nothing happens until the button is pressed', async ({ page, people, newBrowser, expectedStatuses }) => {
  expectedStatuses.add(404)
  const ada = await people.pendingConfirmed()
  const link = await people.ask(ada, QUESTION)
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(link)
  await answerPage.openLink(link)
  await answerPage.send(ANSWER)
  await new LoginPage(page).isOpen()
  await new InvalidLinkPage(page).openLink(link)
  await new InvalidLinkPage(await newBrowser()).openLink(link)
})

test('an unconfirmed email address needs the password for everything but the question', async ({ page, people }) => {
  const ada = await people.pending()
  const link = await people.ask(ada, QUESTION)
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(link)
  await expect(answerPage.question).toHaveText(QUESTION)
  await answerPage.hasUsernameField(ada.username)
  const long = '\u4e09'.repeat(500)
  await answerPage.password.fill('not the one at all')
  await answerPage.send(long)
  await answerPage.hasErrors({ Password: ANSWER_ERRORS.passwordWrong })
  await expect(answerPage.answer).toHaveValue(long)
  await expect(answerPage.password).toHaveValue('')
  await answerPage.withdraw()
  await answerPage.hasErrors({ Password: ANSWER_ERRORS.passwordMissing })
  await expect(answerPage.answer).toHaveValue(long)
  await answerPage.password.fill(ada.password)
  await answerPage.send(`${long}!`)
  await answerPage.hasErrors({ 'Your answer': ANSWER_ERRORS.tooLong })
  await answerPage.password.fill(ada.password)
  await answerPage.send(long)
  await new LoginPage(page).isOpen()
})

test('an empty answer is refused, and the summary leads to the field', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(await people.ask(ada, QUESTION))
  await answerPage.press('Send answer')
  await answerPage.hasErrors({ 'Your answer': ANSWER_ERRORS.missing })
  await answerPage.followError(ANSWER_ERRORS.missing)
  await expect(answerPage.answer).toBeFocused()
})

test('a request is withdrawn in another browser with the link and the password', async ({ page, people }) => {
  const ada = await people.pending()
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(await people.ask(ada, QUESTION))
  await answerPage.password.fill(ada.password)
  await answerPage.withdraw()
  const home = new HomePage(page)
  await expect(home.message(WITHDRAWN)).toBeVisible()
  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.username, ada.password)
  await login.hasFormError(LOGIN_MESSAGES.incorrect)
})

test("This wasn't me on the page of a question removes the registration", async ({ page, people }) => {
  const ada = await people.pending()
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(await people.ask(ada, QUESTION))
  await answerPage.press("This wasn't me")
  const home = new HomePage(page)
  await expect(home.message('The registration has been removed. Thank you for telling us.')).toBeVisible()
})

test('the right password of an account on hold leads to the question, so that a lost email is no dead end', async ({ page, people }) => {
  const ada = await people.pending()
  await people.ask(ada, QUESTION)
  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.username, ada.password)
  const answerPage = new AnswerPage(page)
  await answerPage.isOpen()
  await expect(answerPage.question).toHaveText(QUESTION)
  await answerPage.send(ANSWER)
  await login.isOpen()
  await expect(login.message(ANSWERED)).toBeVisible()
  await people.ask(ada, 'And since when?')
  await login.signIn(ada.username, ada.password)
  await answerPage.isOpen()
  await expect(answerPage.question).toHaveText('And since when?')
  await expect(answerPage.earlier).toContainText('Since May.')
  await answerPage.withdraw()
  await expect(new HomePage(page).message(WITHDRAWN)).toBeVisible()
})

test('the browser that registered shows the status from the registration to the approval', async ({ page, portal, people }) => {
  const ada = newPerson()
  const register = new RegisterPage(page)
  await register.open()
  await register.register(ada)
  const login = new LoginPage(page)
  await login.isOpen()
  await login.message(LOGIN_MESSAGES.registered).getByRole('link', { name: 'See the status of your registration' }).click()
  const status = new RegistrationStatusPage(page)
  await status.isAt('/register/status', 'Confirm your email address')

  const verification = new EmailVerificationPage(page)
  await verification.openLink(linkIn(await portal.emails.wait(ada.email, /^Confirm/), '/confirm/'))
  await verification.press('Confirm email address')
  await login.isOpen()
  await status.shows('Waiting for approval')

  const user = { ...ada, id: await people.idOf(ada.username) }
  await people.ask(user, QUESTION)
  await status.shows('An administrator has a question')
  await page.getByRole('link', { name: 'Answer the question' }).click()
  const answerPage = new AnswerPage(page)
  await answerPage.isOpen()
  await answerPage.send(ANSWER)
  await login.isOpen()
  await login.message(ANSWERED).getByRole('link', { name: 'See the status of your registration' }).click()
  await status.isAt('/register/status', 'Waiting for approval')

  await people.act(user, 'approve')
  await status.shows('Your registration has been approved')
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await login.isOpen()
})

test('a declined applicant reads the reason', async ({ page, people }) => {
  const ada = newPerson()
  const register = new RegisterPage(page)
  await register.open()
  await register.register(ada)
  await new LoginPage(page).isOpen()
  const user = { ...ada, id: await people.idOf(ada.username) }
  await people.act(user, 'reject', { silent: 'no', reason: 'Guests use <b>the other portal</b>.' })
  const status = new RegistrationStatusPage(page)
  await status.shows('Your request was declined')
  await expect(page.getByRole('main')).toContainText('Guests use <b>the other portal</b>.')
  await expect(page.getByRole('button', { name: 'Withdraw my request' })).toHaveCount(0)
})

test('withdrawing asks for the password and deletes the account', async ({ page }) => {
  const ada = newPerson()
  const register = new RegisterPage(page)
  await register.open()
  await register.register(ada)
  await new LoginPage(page).isOpen()
  const status = new RegistrationStatusPage(page)
  await status.shows('Confirm your email address')
  await status.hasUsernameField(ada.username)
  await status.withdraw('')
  await status.hasErrors({ Password: ANSWER_ERRORS.passwordMissing })
  await status.withdraw('not the one at all')
  await status.hasErrors({ Password: ANSWER_ERRORS.passwordWrong })
  await status.withdraw(ada.password)
  await expect(new HomePage(page).message(WITHDRAWN)).toBeVisible()
  await status.shows('No registration in this browser')
  await register.open()
  await register.register(ada)
  await new LoginPage(page).isOpen()
})

test('the question of the portal is answered at registration', async ({ page, startPortal }) => {
  const admin = ADMIN
  const { portal, people } = await startPortal({ admin, env: { REGISTER_QUESTION: 'Which department do you work in?' } })
  const ada = newPerson()
  const register = new RegisterPage(page)
  await register.visit(`${portal.url}/register`)
  await register.register(ada)
  await register.hasErrors({ 'Which department do you work in?': ANSWER_ERRORS.missing })
  await register.field('Which department do you work in?').fill('The library.')
  await register.register(ada)
  await expect(new LoginPage(page).message(LOGIN_MESSAGES.registered)).toBeVisible()
  const user = { ...ada, id: await people.idOf(ada.username) }
  const answerPage = new AnswerPage(page)
  await answerPage.openLink(await people.ask(user, QUESTION))
  await expect(answerPage.earlier).toContainText('The library.')
})

test('axe finds no violations on the pages of an applicant in light and dark mode @scripts', async ({ page, people }) => {
  const findings = new Findings()
  const answerPage = new AnswerPage(page)
  const ada = await people.pending()
  await answerPage.openLink(await people.ask(ada, QUESTION))
  await checkAccessibility(page, 'the question with a password', findings)
  await answerPage.press('Send answer')
  await answerPage.hasErrors({ 'Your answer': ANSWER_ERRORS.missing })
  await checkAccessibility(page, 'the refused answer', findings)
  const login = new LoginPage(page)
  await login.open()
  await login.signIn(ada.username, ada.password)
  await answerPage.isOpen()
  await checkAccessibility(page, 'the question after a sign-in', findings)
  const status = new RegistrationStatusPage(page)
  await status.shows('An administrator has a question')
  await checkAccessibility(page, 'the status', findings)
  findings.expectNone()
})
