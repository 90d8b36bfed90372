// The pages in the screenshots of README.md. Their text is the same in every run: the users are always the same, and times are
// replaced. script/screenshots takes the screenshots and stores the text of each page next to them.
// tests/readme-screenshots.spec.ts fails if the text has changed since then.
import { fileURLToPath } from 'node:url'

import type { Browser, Page } from '@playwright/test'

import { PortalPage } from '../pages/portal-page.ts'
import { PASSWORD, type People } from '../support/people.ts'
import type { Person, PortalOptions } from '../support/portal.ts'
import { type TestPortal, signIn, watchConsole } from '../support/test.ts'

/** The folder of the screenshots and the texts. */
export const FOLDER = fileURLToPath(new URL('../../docs/screenshots', import.meta.url))

interface Fixtures {
  browser: Browser
  consoleErrors: string[]
  startPortal: (options?: PortalOptions) => Promise<TestPortal>
}

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0'

const ADMINISTRATOR = named('grace.hopper')
const MEMBER = named('caroline.herschel')

/** The texts of the relative times of each page, in their order. The last text is used for all further times. */
const TIMES = {
  register: [],
  people: ['7 hours ago', '2 hours ago', '20 minutes ago', '3 hours ago', 'just now', '2 days ago', '12 minutes ago', '5 days ago'],
  profile: ['41 days ago', '12 minutes ago', '12 minutes ago', 'just now', '3 hours ago', '2 hours ago', '12 minutes ago', '3 hours ago', '41 days ago'],
} as const

/** Opens each page in a new portal and passes it to `show`. */
export async function openReadmePages(
  { browser, consoleErrors, startPortal }: Fixtures,
  show: (name: keyof typeof TIMES, page: Page) => Promise<void>,
): Promise<void> {
  const { portal, people } = await startPortal({ admin: ADMINISTRATOR })
  await createUsers(people)

  const openBrowser = async (userAgent: string, person?: Person): Promise<Page> => {
    const context = await browser.newContext({ baseURL: portal.url, userAgent, viewport: { width: 1120, height: 760 } })
    await watchConsole(context, consoleErrors, true)
    const page = await context.newPage()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    if (person !== undefined) await signIn(page, person)
    return page
  }
  const showPage = async (name: keyof typeof TIMES, path: string, person?: Person): Promise<void> => {
    const page = await openBrowser(CHROME, person)
    await new PortalPage(page).visit(path)
    await replaceTimes(page, TIMES[name])
    await show(name, page)
    await page.context().close()
  }

  // A second session, which the profile lists.
  await (await openBrowser(FIREFOX, MEMBER)).context().close()
  await showPage('register', '/register')
  await showPage('people', '/admin', ADMINISTRATOR)
  await showPage('profile', '/profile', MEMBER)
}

/** Returns the visible text of a page, one line for each line of the page. */
export async function textOf(page: Page): Promise<string> {
  const lines = (await page.locator('body').innerText()).split('\n').map((line) => line.replace(/\s+/g, ' ').trim())
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

function named(username: string): Person {
  return { username, email: `${username}@example.org`, password: PASSWORD }
}

/** Creates five active users, one of them an administrator, a deactivated user and three pending ones. */
async function createUsers(people: People): Promise<void> {
  for (const name of ['mary.somerville', MEMBER.username, 'michael.faraday', 'john.herschel', 'annabella.byron']) {
    const user = await people.register(named(name))
    await people.confirmEmail(user)
    await people.act(user, 'approve')
    if (name === 'mary.somerville') await people.act(user, 'make-admin')
    if (name === 'annabella.byron') await people.act(user, 'deactivate')
    else if (name !== MEMBER.username) await people.signInOnce(user)
  }
  for (const name of ['ada.lovelace', 'luigi.menabrea', 'florence.nightingale']) {
    const user = await people.register(named(name))
    if (name !== 'luigi.menabrea') await people.confirmEmail(user)
  }
}

/** Replaces the times of a page. Relative times have a title with the full time. */
async function replaceTimes(page: Page, relative: readonly string[]): Promise<void> {
  // The page shows full times until its scripts replace them.
  await page.waitForFunction(() =>
    [...document.querySelectorAll('time[title]')].every((time) => time.textContent?.includes('UTC') === false),
  )
  await page.evaluate((relative) => {
    document.querySelectorAll('time[title]').forEach((time, index) => {
      time.textContent = relative[Math.min(index, relative.length - 1)] ?? ''
    })
    for (const time of document.querySelectorAll('time:not([title])')) time.textContent = '24 Nov 2026, 09:57 UTC'
  }, relative)
}
