// Buttons that are pressed twice on a slow line, without scripts: the browser never gets the first answer. (With scripts, a form is
// not sent again while its answer is on its way.)
import { type Page } from '@playwright/test'

import { AdminUsersPage } from '../pages/admin-users.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { RegisterPage } from '../pages/register.ts'
import { SignInLinkPage } from '../pages/sign-in-link.ts'
import { linkIn } from '../support/emails.ts'
import { newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

/** Lets the first answer of an action get lost, with its cookies. The page stays open. */
async function loseFirstAnswer(page: Page, action: string): Promise<void> {
  const context = page.context()
  await page.route(
    `**/do/${action}`,
    async (route) => {
      const cookies = await context.cookies()
      const answer = await route.fetch({ maxRedirects: 0 })
      expect(answer.status(), 'the portal has answered').toBe(302)
      await context.clearCookies()
      await context.addCookies(cookies)
      await route.abort('aborted')
    },
    { times: 1 },
  )
}

test('a registration that is sent twice says that the account has been created @plain', async ({ page }) => {
  const register = new RegisterPage(page)
  const ada = newPerson()
  await register.open()
  await loseFirstAnswer(page, 'register')
  await register.register(ada)
  await register.register(ada)
  const login = new LoginPage(page)
  await login.isOpen()
  await expect(login.message(LOGIN_MESSAGES.registered)).toBeVisible()
})

test('a sign-in link that is pressed twice signs in @plain', async ({ page, people, portal }) => {
  const ada = await people.active()
  const link = linkIn(await portal.emails.wait(ada.email, /has been approved$/), '/auto-login/')
  const linkPage = new SignInLinkPage(page)
  await linkPage.openLink(link)
  await loseFirstAnswer(page, 'use_sign_in_link')
  await linkPage.continueAs(ada.username)
  await linkPage.continueAs(ada.username)
  const profile = new ProfilePage(page)
  await profile.isOpen()
  await expect(profile.sessions).toHaveCount(1)
})

test('an approval that is sent twice is reported as done @plain', async ({ page, people }) => {
  const ada = await people.pendingConfirmed()
  await signIn(page, people.admin)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open(ada)
  await loseFirstAnswer(page, 'decide')
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.act(ada.username, 'Approve')
  await adminUsers.reports(ada.username, "Approved. They'll get an email.")
})
