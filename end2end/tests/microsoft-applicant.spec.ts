// The applicant's side of a registration with Microsoft: no password proves anything, so a sign-in with Microsoft does.
import { AnswerPage } from '../pages/answer.ts'
import { EntraPage } from '../pages/entra.ts'
import { HomePage } from '../pages/home.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { RegistrationStatusPage } from '../pages/registration-status.ts'
import type { Account } from '../support/entra.ts'
import { newMicrosoftAccount, signInWithMicrosoft, test } from '../support/microsoft.ts'
import type { People, User } from '../support/people.ts'
import { expect } from '../support/test.ts'

/** Returns the user of a Microsoft account. */
async function userOf(people: People, account: Account): Promise<User> {
  return { id: await people.idOf(account.name), username: account.name, email: account.username, password: '' }
}

test('a guest on hold who signs in with Microsoft gets to the question and answers it', async ({ page, people, entra, newBrowser }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
  const link = await people.ask(await userOf(people, guest), 'Who invited you?')
  const other = await newBrowser()
  const answerPage = new AnswerPage(other)
  await answerPage.openLink(link)
  await expect(answerPage.answer, 'the mailbox proves nothing').toHaveCount(0)
  await other.getByRole('link', { name: 'Sign in with Microsoft to answer' }).click()
  await new EntraPage(other).choose(guest)
  await answerPage.isOpen()
  await expect(answerPage.question).toHaveText('Who invited you?')
  await answerPage.send('Ada did.')
  await new LoginPage(other).isOpen()
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
})

test('a guest withdraws the request after another sign-in with Microsoft', async ({ page, entra }) => {
  const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
  await signInWithMicrosoft(page, guest)
  await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
  await page.context().clearCookies({ name: 'proved' })
  const status = new RegistrationStatusPage(page)
  await status.shows('Confirm your email address')
  await expect(page.getByRole('button', { name: 'Withdraw my request' })).toHaveCount(0)
  await page.getByRole('link', { name: 'Sign in with Microsoft to withdraw' }).click()
  await new EntraPage(page).choose(guest)
  await status.isAt('/register/status', 'Confirm your email address')
  await status.press('Withdraw my request')
  const home = new HomePage(page)
  await expect(home.message('Your request has been withdrawn, and your account has been deleted.')).toBeVisible()
})
