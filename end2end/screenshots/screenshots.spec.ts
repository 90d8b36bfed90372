// Screenshots of every page in all relevant states, in light and dark mode, in a narrow and a wide viewport. They test
// nothing.
//
// Run `npx playwright test --project=screenshots`. The files go to the folder SCREENSHOTS (default
// /tmp/vestibule-screenshots). readme.spec.ts takes those of README.md.
import { join } from 'node:path'

import type { Page } from '@playwright/test'

import { AdminUsersPage } from '../pages/admin-users.ts'
import { DeleteAccountPage } from '../pages/delete-account.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { microsoftStates } from '../support/microsoft-states.ts'
import { test as withMicrosoft } from '../support/microsoft.ts'
import { PASSWORD, type People } from '../support/people.ts'
import type { Person } from '../support/portal.ts'
import { MailServer } from '../support/smtp.ts'
import { createTestUsers, signInFor, states } from '../support/states.ts'
import { expect, signIn, test } from '../support/test.ts'
import { until } from '../support/until.ts'

const FOLDER = process.env.SCREENSHOTS || '/tmp/vestibule-screenshots'
const VARIANTS = [360, 1280].flatMap((width) => (['light', 'dark'] as const).map((theme) => ({ width, theme })))

/** Takes screenshots of a page in every variant, each after reaching its state again. */
async function takeScreenshots(page: Page, name: string, reach: (page: Page) => Promise<void>): Promise<void> {
  for (const { width, theme } of VARIANTS) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : 800 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await reach(page)
    // A menu, dialog or toast is shown in its place in the viewport.
    const fullPage = !/menu|dialog|toasts/.test(name)
    await page.screenshot({ path: join(FOLDER, `${name}-${width}-${theme}.png`), fullPage })
  }
}

function named(username: string, email = `${username.replace(/\..*/, '')}@example.org`): Person {
  return { username, email, password: PASSWORD }
}

test('every page', async ({ page, portal, people, expectedStatuses }) => {
  const users = await createTestUsers(people)
  for (const state of await states(portal, users)) {
    if (state.status !== undefined) expectedStatuses.add(state.status)
    await takeScreenshots(page, state.name, async (page) => {
      await signInFor(page, state, users)
      await state.reach(page)
    })
  }
  await takeScreenshots(page, 'dev-mail', async (page) => void (await page.goto('/dev/mail')))
  for (const [name, subject] of EMAILS) {
    const email = (await portal.emails.all()).find(({ subject: text }) => subject.test(text))
    await takeScreenshots(page, `email-${name}`, async (page) => void (await page.goto(`/dev/mail/${email?.file}`)))
  }
})

withMicrosoft('every page about Microsoft', async ({ page, portal, people, entra }) => {
  for (const { name, reach } of microsoftStates({ portal, people, entra })) {
    await takeScreenshots(page, `microsoft-${name}`, async (page) => {
      await page.context().clearCookies()
      await reach(page)
    })
  }
})

const EMAILS = [
  ['temporary-password', /^Your temporary password/],
  ['confirm-new-address', /^Confirm your new email address/],
  ['address-changed', /^Your email address at .* was changed/],
] as const

test('an administrator who cannot delete their account, because there is no other', async ({ page, newBrowser, startPortal }) => {
  const admin = named('charles.babbage')
  const { portal } = await startPortal({ admin })
  const adminPage = await newBrowser(portal.url)
  await signIn(adminPage, admin)
  const deleteAccount = new DeleteAccountPage(adminPage)
  await takeScreenshots(adminPage, 'delete-account-of-only-administrator', async () => {
    await deleteAccount.open()
    await deleteAccount.delete(admin.password)
    await deleteAccount.hasFormError(/^You're the only administrator/)
  })
  await page.close()
})

test('a portal without an administrator', async ({ page, startPortal }) => {
  const { portal } = await startPortal()
  await takeScreenshots(page, 'first-admin', async (page) => void (await new PortalPage(page).visit(portal.setupLink ?? '')))
})

test('failed emails', async ({ page, newBrowser, startPortal }) => {
  const server = await MailServer.start()
  server.rejecting = true
  const admin = named('charles.babbage')
  const { portal, people } = await startPortal({
    admin,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'admins@example.org' },
  })
  await people.register(named('ada.lovelace'))
  await people.register(named('luigi.menabrea'))
  const adminPage = await newBrowser(portal.url)
  await signIn(adminPage, admin)
  await until('the emails to fail', async () => {
    await adminPage.goto('/admin/mail')
    return (await adminPage.getByRole('article').count()) >= 3 ? true : undefined
  })
  await takeScreenshots(adminPage, 'failed-emails', async (page) => void (await new PortalPage(page).visit('/admin/mail')))
  await server.stop()
  await page.close()
})

test('the admin pages with users', async ({ page, newBrowser, startPortal }) => {
  const admin = named('charles.babbage')
  const { portal, people } = await startPortal({ admin })
  await createUsers(people)
  const adminPage = await newBrowser(portal.url)
  await signIn(adminPage, admin)
  await spreadTimes(adminPage)
  const adminUsers = new AdminUsersPage(adminPage)
  await takeScreenshots(adminPage, 'admin-users-list', async () => adminUsers.open())
  await expect(adminUsers.row('ada.lovelace')).toContainText('Pending')
  await page.close()
})

/** Creates eleven users, four of them pending. */
async function createUsers(people: People): Promise<void> {
  const active = ['mary.somerville', 'michael.faraday', 'caroline.herschel', 'john.herschel', 'charles.wheatstone']
  for (const name of [...active, 'george.airy', 'annabella.byron']) {
    const person = await people.register(named(name, `${name}@example.org`))
    if (name !== 'george.airy') await people.confirmEmail(person)
    await people.act(person, name === 'george.airy' ? 'reject' : 'approve')
    if (name === 'mary.somerville') await people.act(person, 'make-admin')
    if (name === 'annabella.byron') await people.act(person, 'deactivate')
    if (['mary.somerville', 'michael.faraday', 'caroline.herschel'].includes(name)) await people.signInOnce(person)
  }
  for (const name of ['florence.nightingale', 'isambard.brunel', 'ada.lovelace', 'luigi.menabrea']) {
    const person = await people.register(named(name))
    if (name !== 'isambard.brunel' && name !== 'luigi.menabrea') await people.confirmEmail(person)
  }
}

/** Spreads the times of all events over the past days. */
async function spreadTimes(page: Page): Promise<void> {
  const HOUR = 3_600_000_000
  const ago = { registered: [31, 7.2, 2.6, 0.4], last_sign_in: [49, 0.02, 3.4, 21] }
  await page.route('**/admin', async (route) => {
    const response = await route.fetch()
    const seen = { registered: 0, last_sign_in: 0 }
    const body = (await response.text()).replace(
      /(&quot;(registered|last_sign_in)&quot;:)(\d{16})/g,
      (_, before: string, name: keyof typeof ago, at: string) => {
        const hours = ago[name][seen[name] % ago[name].length] ?? 0
        seen[name] += 1
        return `${before}${Number(at) - Math.round(HOUR * hours)}`
      },
    )
    await route.fulfill({ response, body })
  })
}
