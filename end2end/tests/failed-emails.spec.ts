import { AdminUsersPage } from '../pages/admin-users.ts'
import { EmailVerificationPage } from '../pages/email-verification.ts'
import { FailedEmailsPage } from '../pages/failed-emails.ts'
import { LoginPage } from '../pages/login.ts'
import { linkIn } from '../support/emails.ts'
import { ADMIN, newPerson } from '../support/people.ts'
import { MailServer } from '../support/smtp.ts'
import { expect, signIn, test } from '../support/test.ts'

test('without failed emails, the page says that there are none', async ({ page, people }) => {
  await signIn(page, people.admin)
  const failedEmails = new FailedEmailsPage(page)
  const adminUsers = new AdminUsersPage(page)
  await adminUsers.open()
  await adminUsers.failedEmailsLink.click()
  await failedEmails.isOpen()
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  await expect(adminUsers.failedEmailsLink).toHaveAccessibleName('Email 0 failed')
})

test('an email that the server rejected can be sent again, with a new link', async ({ afterPortals, page, newBrowser, startPortal }) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.rejecting = true
  const admin = ADMIN
  const { portal, people } = await startPortal({
    admin,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'admins@example.org' },
  })
  const ada = await people.pending()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(admin.username, admin.password)
  const failedEmails = new FailedEmailsPage(page)
  await failedEmails.isOpen()
  const entry = failedEmails.entry('Confirm email address', ada.email)
  await expect(async () => {
    await failedEmails.visit(`${portal.url}/admin/mail`)
    await expect(entry).toBeVisible({ timeout: 250 })
    await expect(failedEmails.entry('Notification to administrators', 'admins@example.org')).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await expect(entry).toContainText('failed after 1 attempt')
  await expect(entry).toContainText('no such mailbox here')
  await expect(new AdminUsersPage(page).failedEmailsLink).toHaveAccessibleName('Email 2 failed')
  await expect(entry.getByRole('link', { name: ada.username })).toHaveAttribute('href', `/admin/users/${ada.id}`)
  expect((await portal.attempt(['doctor'])).out).toContain('warn  failed emails: 2 emails could not be sent, and Vestibule no longer tries.')

  const colleague = newPerson('colleague')
  await portal.createAdmin(colleague)
  const outdated = new FailedEmailsPage(await newBrowser(portal.url))
  await signIn(outdated.page, colleague)
  await outdated.visit('/admin/mail')

  server.rejecting = false
  await failedEmails.sendAgain('Confirm email address', ada.email)
  await expect(failedEmails.message("We'll try to send this email again.")).toBeVisible()
  await expect(entry).toHaveCount(0)
  const sent = await server.wait(ada.email, /^Confirm your email address/)
  expect(sent.headers.get('auto-submitted')).toBe('auto-generated')
  await failedEmails.sendAgain('Notification to administrators', 'admins@example.org')
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  await server.wait('admins@example.org', /has asked to join/)

  await outdated.sendAgain('Confirm email address', ada.email)
  await expect(outdated.alert('This email can no longer be sent again or dismissed.')).toBeVisible()

  const emailVerification = new EmailVerificationPage(await newBrowser(portal.url))
  await emailVerification.openLink(linkIn(sent, '/confirm/'))
  await emailVerification.password.fill(ada.password)
  await emailVerification.press('Confirm email address')
  await new LoginPage(emailVerification.page).isAt(/\/login$/, 'Sign in')
})

test('while the mail server rejects all emails, administrators see the reason, and one button sends all emails again', async ({
  afterPortals,
  page,
  startPortal,
}) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.overQuota = true
  const admin = ADMIN
  const { portal, people } = await startPortal({
    admin,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'admins@example.org' },
  })
  const ada = await people.pending()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(admin.username, admin.password)
  const failedEmails = new FailedEmailsPage(page)
  await failedEmails.isOpen()
  await expect(async () => {
    await failedEmails.visit(`${portal.url}/admin/mail`)
    await expect(failedEmails.message(/^2 emails have not been sent yet\..*over quota/)).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  server.overQuota = false
  await failedEmails.sendAllAgain()
  await expect(failedEmails.message("We'll try to send these emails again. Some may take a while. Emails whose links have expired stay here.")).toBeVisible()
  await server.wait(ada.email, /^Confirm your email address/)
  await server.wait('admins@example.org', /has asked to join/)
})

test('a failed email can be dismissed', async ({ afterPortals, page, startPortal }) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.rejecting = true
  const admin = ADMIN
  const { portal, people } = await startPortal({
    admin,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'admins@example.org' },
  })
  const ada = await people.pending()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(admin.username, admin.password)
  const failedEmails = new FailedEmailsPage(page)
  await failedEmails.isOpen()
  const entry = failedEmails.entry('Confirm email address', ada.email)
  await expect(async () => {
    await failedEmails.visit(`${portal.url}/admin/mail`)
    await expect(failedEmails.entry('Notification to administrators', 'admins@example.org')).toBeVisible({ timeout: 250 })
    await expect(entry).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await failedEmails.dismiss('Confirm email address', ada.email)
  await expect(failedEmails.message('The failed email has been dismissed. We will not send it.')).toBeVisible()
  await expect(entry).toHaveCount(0)
  await expect(new AdminUsersPage(page).failedEmailsLink).toHaveAccessibleName('Email 1 failed')
})

test('a development server shows the emails that it has sent', async ({ page, people }) => {
  const ada = await people.pending()
  await people.confirmEmail(ada)
  await page.goto('/dev/mail')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Emails')
  const failedEmails = page.getByRole('group').filter({ hasText: ada.email }).first()
  await expect(failedEmails).toContainText('Confirm your email address for Vestibule')
  if ((await failedEmails.getAttribute('open')) === null) await failedEmails.getByText('Confirm your email address for Vestibule').first().click()
  await expect(failedEmails.getByRole('link', { name: /\/confirm\// })).toBeVisible()
  await failedEmails.getByRole('link', { name: 'HTML part' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm your email address')
  await expect(page.getByRole('link', { name: 'Confirm email address' })).toBeVisible()
})
