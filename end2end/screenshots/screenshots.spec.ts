// Pictures of every page in its telling states, light and dark, on a phone and on a desk. They test nothing.
//
//   npx playwright test --project=screenshots
//
// They go into the folder SCREENSHOTS (or /tmp/vestibule-screenshots). Where DESK_SHOT names a file, the desk is
// pictured there, too, for the README.
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Page } from '@playwright/test'

import { DeleteAccountPage } from '../pages/delete-account.ts'
import { DeskPage } from '../pages/desk.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { PASSWORD, type People } from '../support/people.ts'
import type { Person } from '../support/portal.ts'
import { MailServer } from '../support/smtp.ts'
import { microsoftStates } from '../support/microsoft-states.ts'
import { test as withMicrosoft } from '../support/microsoft.ts'
import { cast, enter, states } from '../support/states.ts'
import { expect, signIn, test } from '../support/test.ts'
import { until } from '../support/until.ts'

const FOLDER = process.env.SCREENSHOTS || '/tmp/vestibule-screenshots'
const LOOKS = [360, 1280].flatMap((width) => (['light', 'dark'] as const).map((theme) => ({ width, theme })))

/** Takes a page's picture in every look, reaching its state anew each time. */
async function picture(page: Page, name: string, reach: (page: Page) => Promise<void>): Promise<void> {
  for (const { width, theme } of LOOKS) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : 800 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await reach(page)
    // What lies over a page is pictured where it lies.
    const fullPage = !/menu|dialog|toasts/.test(name)
    await page.screenshot({ path: join(FOLDER, `${name}-${width}-${theme}.png`), fullPage })
  }
}

function named(username: string, email = `${username.replace(/\..*/, '')}@example.org`): Person {
  return { username, email, password: PASSWORD }
}

test('every page', async ({ page, portal, people, expected }) => {
  const players = await cast(people)
  for (const state of await states(portal, players)) {
    if (state.status !== undefined) expected.add(state.status)
    await picture(page, state.name, async (page) => {
      await enter(page, state, players)
      await state.reach(page)
    })
  }
  await picture(page, 'dev-mail', async (page) => void (await page.goto('/dev/mail')))
  for (const [name, subject] of MAILS) {
    const mail = (await portal.mails.all()).find((mail) => subject.test(mail.subject))
    await picture(page, `mail-${name}`, async (page) => void (await page.goto(`/dev/mail/${mail?.file}`)))
  }
})

withMicrosoft('every page about Microsoft', async ({ page, portal, people, entra }) => {
  for (const { name, reach } of microsoftStates({ portal, people, entra })) {
    await picture(page, `microsoft-${name}`, async (page) => {
      await page.context().clearCookies()
      await reach(page)
    })
  }
})

const MAILS = [
  ['temporary-password', /^Your temporary password/],
  ['confirm-new-address', /^Confirm your new address/],
  ['address-changed', /^Your address at .* was changed/],
] as const

test('the only administrator, who cannot leave', async ({ page, newBrowser, startPortal }) => {
  const keeper = named('charles.babbage')
  const { portal } = await startPortal({ admin: keeper })
  const admin = await newBrowser(portal.url)
  await signIn(admin, keeper)
  const goodbye = new DeleteAccountPage(admin)
  await picture(admin, 'delete-account-of-only-administrator', async () => {
    await goodbye.open()
    await goodbye.delete(keeper.password)
    await goodbye.isRefused(/^You are the only administrator/)
  })
  await page.close()
})

test('a portal that nobody has set up', async ({ page, startPortal }) => {
  const { portal } = await startPortal()
  await picture(page, 'setup', async (page) => void (await new PortalPage(page).visit(portal.setupLink ?? '')))
})

test('mails that were given up', async ({ page, newBrowser, startPortal }) => {
  const server = await MailServer.start()
  server.refusing = true
  const keeper = named('charles.babbage')
  const { portal, people } = await startPortal({
    admin: keeper,
    env: { MAIL_TRANSPORT: 'smtp', SMTP_URL: server.url, ADMIN_EMAIL: 'desk@example.org' },
  })
  await people.register(named('ada.lovelace'))
  await people.register(named('luigi.menabrea'))
  const admin = await newBrowser(portal.url)
  await signIn(admin, keeper)
  await until('the mails to be given up', async () => {
    await admin.goto('/admin/mail')
    return (await admin.getByRole('article').count()) >= 3 ? true : undefined
  })
  await picture(admin, 'mail-given-up', async (page) => void (await new PortalPage(page).visit('/admin/mail')))
  await server.stop()
  await page.close()
})

test('the desk, with people who could be', async ({ page, newBrowser, startPortal }) => {
  const keeper = named('charles.babbage')
  const { portal, people } = await startPortal({ admin: keeper })
  await engage(people)
  const admin = await newBrowser(portal.url)
  await signIn(admin, keeper)
  await tellTimes(admin)
  const desk = new DeskPage(admin)
  await picture(admin, 'desk-people', async () => desk.open())
  await expect(desk.row('ada.lovelace')).toContainText('Waiting')
  const file = process.env.DESK_SHOT
  if (file) {
    await mkdir(dirname(file), { recursive: true })
    await admin.setViewportSize({ width: 1280, height: 800 })
    await admin.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await desk.open()
    await admin.screenshot({ path: file, fullPage: true })
  }
  await page.close()
})

/** Eleven people beside the keeper, four of whom wait. */
async function engage(people: People): Promise<void> {
  const active = ['mary.somerville', 'michael.faraday', 'caroline.herschel', 'john.herschel', 'charles.wheatstone']
  for (const name of [...active, 'george.airy', 'annabella.byron']) {
    const person = await people.register(named(name, `${name}@example.org`))
    if (name !== 'george.airy') await people.confirm(person)
    await people.decide(person, name === 'george.airy' ? 'reject' : 'approve')
    if (name === 'mary.somerville') await people.decide(person, 'make-admin')
    if (name === 'annabella.byron') await people.decide(person, 'deactivate')
    if (['mary.somerville', 'michael.faraday', 'caroline.herschel'].includes(name)) await people.visit(person)
  }
  for (const name of ['florence.nightingale', 'isambard.brunel', 'ada.lovelace', 'luigi.menabrea']) {
    const person = await people.register(named(name))
    if (name !== 'isambard.brunel' && name !== 'luigi.menabrea') await people.confirm(person)
  }
}

/** Everything has just happened here. For the picture, it is spread over the past days. */
async function tellTimes(page: Page): Promise<void> {
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
