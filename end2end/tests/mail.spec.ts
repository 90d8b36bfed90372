import { ConfirmPage } from '../pages/confirm.ts'
import { DeskPage } from '../pages/desk.ts'
import { LoginPage } from '../pages/login.ts'
import { MailPage } from '../pages/mail.ts'
import { linkIn } from '../support/mail.ts'
import { someone } from '../support/people.ts'
import { MailServer } from '../support/smtp.ts'
import { expect, signIn, test } from '../support/test.ts'

test('while every mail arrives, the page says that there is none', async ({ page, people }) => {
  await signIn(page, people.keeper)
  const mail = new MailPage(page)
  const desk = new DeskPage(page)
  await desk.open()
  await desk.mailTab.click()
  await mail.is()
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  await expect(desk.mailTab).toHaveAccessibleName('Mail 0 given up')
})

test('a mail that the server refused can be sent again, with a new link', async ({ afterPortals, page, newBrowser, startPortal }) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.refusing = true
  const keeper = someone('keeper')
  const { portal, people } = await startPortal({
    admin: keeper,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'desk@example.org' },
  })
  const ada = await people.waiting()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(keeper.username, keeper.password)
  const mail = new MailPage(page)
  await mail.is()
  const entry = mail.entry('Confirm address', ada.email)
  await expect(async () => {
    await mail.visit(`${portal.url}/admin/mail`)
    await expect(entry).toBeVisible({ timeout: 250 })
    await expect(mail.entry('Notice to administrators', 'desk@example.org')).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await expect(entry).toContainText('given up after 1 try')
  await expect(entry).toContainText('no such mailbox here')
  await expect(new DeskPage(page).mailTab).toHaveAccessibleName('Mail 2 given up')

  const stale = new MailPage(await newBrowser(portal.url))
  await signIn(stale.page, keeper)
  await stale.visit('/admin/mail')

  server.refusing = false
  await mail.sendAgain('Confirm address', ada.email)
  await expect(mail.notice('The mail will be sent again.')).toBeVisible()
  await expect(entry).toHaveCount(0)
  const sent = await server.wait(ada.email, /^Confirm your address/)
  expect(sent.headers.get('auto-submitted')).toBe('auto-generated')
  await mail.sendAgain('Notice to administrators', 'desk@example.org')
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  await server.wait('desk@example.org', /asks to join/)

  await stale.sendAgain('Confirm address', ada.email)
  await expect(stale.alert('That mail is not waiting to be sent again.')).toBeVisible()

  const confirm = new ConfirmPage(await newBrowser(portal.url))
  await confirm.openLink(linkIn(sent, '/confirm/'))
  await confirm.password.fill(ada.password)
  await confirm.press('Confirm address')
  await new LoginPage(confirm.page).arrives(/\/login$/, 'Sign in')
})

test('while the mail server refuses all emails, administrators see why, and one button sends all emails again', async ({ afterPortals, page, startPortal }) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.full = true
  const keeper = someone('keeper')
  const { portal, people } = await startPortal({
    admin: keeper,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'desk@example.org' },
  })
  const ada = await people.waiting()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(keeper.username, keeper.password)
  const mail = new MailPage(page)
  await mail.is()
  await expect(async () => {
    await mail.visit(`${portal.url}/admin/mail`)
    await expect(mail.notice(/^2 emails have not been sent yet\..*over quota/)).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await expect(page.getByRole('heading', { name: 'No failed emails' })).toBeVisible()
  server.full = false
  await mail.sendAllAgain()
  await expect(mail.notice("We'll send these emails again. Some may take a while.")).toBeVisible()
  await server.wait(ada.email, /^Confirm your address/)
  await server.wait('desk@example.org', /asks to join/)
})

test('a failed email can be dismissed', async ({ afterPortals, page, startPortal }) => {
  const server = await MailServer.start()
  afterPortals(async () => server.stop())
  server.refusing = true
  const keeper = someone('keeper')
  const { portal, people } = await startPortal({
    admin: keeper,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'desk@example.org' },
  })
  const ada = await people.waiting()
  const login = new LoginPage(page)
  await login.visit(`${portal.url}/login?next=%2Fadmin%2Fmail`)
  await login.signIn(keeper.username, keeper.password)
  const mail = new MailPage(page)
  await mail.is()
  const entry = mail.entry('Confirm address', ada.email)
  await expect(async () => {
    await mail.visit(`${portal.url}/admin/mail`)
    await expect(mail.entry('Notice to administrators', 'desk@example.org')).toBeVisible({ timeout: 250 })
    await expect(entry).toBeVisible({ timeout: 250 })
  }).toPass({ timeout: 15_000 })
  await mail.dismiss('Confirm address', ada.email)
  await expect(mail.notice('The failed email has been dismissed. We will not send it.')).toBeVisible()
  await expect(entry).toHaveCount(0)
  await expect(new DeskPage(page).mailTab).toHaveAccessibleName('Mail 1 given up')
})

test('a development server shows the mails it has sent', async ({ page, people }) => {
  const ada = await people.waiting()
  await people.confirm(ada)
  await page.goto('/dev/mail')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Mail')
  const mail = page.getByRole('group').filter({ hasText: ada.email }).first()
  await expect(mail).toContainText('Confirm your address for Vestibule')
  if ((await mail.getAttribute('open')) === null) await mail.getByText('Confirm your address for Vestibule').first().click()
  await expect(mail.getByRole('link', { name: /\/confirm\// })).toBeVisible()
  await mail.getByRole('link', { name: 'HTML part' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm your address')
  await expect(page.getByRole('link', { name: 'Confirm address' })).toBeVisible()
})
