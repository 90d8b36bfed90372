// The pages in the screenshots of README.md: those of the demo. Their text is the same in every run: the people are always the
// same, and times that depend on the minute are replaced. script/screenshots takes the screenshots and stores the text of each
// page next to them. tests/readme-screenshots.spec.ts fails if the text has changed since then.
import { fileURLToPath } from 'node:url'

import type { Browser, Page } from '@playwright/test'

import { PortalPage } from '../pages/portal-page.ts'
import { PASSWORD } from '../support/people.ts'
import type { PortalOptions } from '../support/portal.ts'
import { type TestPortal, signIn, watchConsole } from '../support/test.ts'

/** The folder of the screenshots and the texts. */
export const FOLDER = fileURLToPath(new URL('../../docs/screenshots', import.meta.url))

interface Fixtures {
  browser: Browser
  consoleErrors: string[]
  startPortal: (options?: PortalOptions) => Promise<TestPortal>
}

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'

/** An administrator and a member of the demo (server/src/cli/demo). */
const ADMINISTRATOR = 'robin.vale'
const MEMBER = 'noor.haddad'

/** The pages, and the person who sees each of them. */
const PAGES = [
  ['register', '/register', undefined],
  ['people', '/admin', ADMINISTRATOR],
  ['profile', '/profile', MEMBER],
] as const

/** Opens each page in a new portal and passes it to `show`. */
export async function openReadmePages(
  { browser, consoleErrors, startPortal }: Fixtures,
  show: (name: (typeof PAGES)[number][0], page: Page) => Promise<void>,
): Promise<void> {
  const { portal } = await startPortal({ demo: true })
  for (const [name, path, username] of PAGES) {
    const context = await browser.newContext({ baseURL: portal.url, userAgent: CHROME, viewport: { width: 1120, height: 760 } })
    await watchConsole(context, consoleErrors, true)
    const page = await context.newPage()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    if (username !== undefined) await signIn(page, { username, password: PASSWORD })
    await new PortalPage(page).visit(path)
    await replaceTimes(page)
    await show(name, page)
    await context.close()
  }
}

/** Returns the visible text of a page, one line for each line of the page. */
export async function textOf(page: Page): Promise<string> {
  const lines = (await page.locator('body').innerText()).split('\n').map((line) => line.replace(/\s+/g, ' ').trim())
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

/**
 * Replaces the times of a page that another run would show differently. "2 hours ago" and "3 days ago" stay, because the demo's
 * times are never near the next hour or day. Minutes become tens of minutes. Relative times have a title with the full time.
 */
async function replaceTimes(page: Page): Promise<void> {
  // The page shows full times until its scripts replace them.
  await page.waitForFunction(() =>
    [...document.querySelectorAll('time[title]')].every((time) => time.textContent?.includes('UTC') === false),
  )
  await page.evaluate(() => {
    for (const time of document.querySelectorAll('time[title]')) {
      const minutes = /^(\d+) minutes? ago$/.exec(time.textContent ?? '')?.[1]
      if (minutes === undefined) continue
      const tens = Math.floor(Number(minutes) / 10) * 10
      time.textContent = tens === 0 ? 'just now' : `${tens} minutes ago`
    }
    for (const time of document.querySelectorAll('time:not([title])')) time.textContent = '24 Nov 2026, 09:57 UTC'
  })
}
