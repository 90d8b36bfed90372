import { type Locator, type Page, type Response, expect, test } from '@playwright/test'

/** Returns true if this project runs with JavaScript. */
export function withScripts(): boolean {
  return test.info().project.use.javaScriptEnabled !== false
}

/** The parts that every page of the portal has. */
export class PortalPage {
  readonly heading: Locator
  readonly themes: Locator
  readonly skipLink: Locator
  readonly account: Locator

  constructor(readonly page: Page) {
    this.heading = page.getByRole('heading', { level: 1 })
    this.themes = page.getByRole('group', { name: 'Theme' })
    this.skipLink = page.getByRole('link', { name: 'Skip to content' })
    this.account = page.getByLabel(/^Account, /)
  }

  /** Opens a path and waits until its page is ready. */
  async visit(path: string): Promise<Response> {
    const response = await this.page.goto(path)
    if (response === null) throw new Error(`${path} returned no page`)
    await this.waitUntilReady()
    return response
  }

  /** Waits until the page is loaded and, with scripts, hydrated. */
  async waitUntilReady(): Promise<void> {
    if (!withScripts()) return this.page.waitForLoadState('load')
    await this.page.waitForFunction(
      () =>
        document.readyState === 'complete' &&
        // The body of a page is emptied before the browser leaves it.
        document.body.childElementCount > 0 &&
        (document.querySelector('leptos-island') === null || (window as Window & { ready?: boolean }).ready === true),
    )
  }

  /** Waits for the page with this path and heading to be ready. */
  async isAt(path: string | RegExp, heading: string | RegExp): Promise<void> {
    await expect(this.page).toHaveURL(typeof path === 'string' ? (url) => pathAndQuery(url) === path : path)
    await expect(this.heading).toHaveText(heading)
    await this.waitUntilReady()
  }

  /** A success or information message above the content. */
  message(text: string | RegExp): Locator {
    return this.page.getByRole('main').getByRole('status').filter({ hasText: text })
  }

  /** An error message that belongs to no field. */
  alert(text: string | RegExp): Locator {
    return this.page.getByRole('alert').filter({ hasText: text })
  }

  /** Expects the title of the document to announce an error. */
  async titleBeginsWithError(): Promise<void> {
    await expect(this.page).toHaveTitle(/^Error: /)
  }

  /** Signs out through the account menu. */
  async signOut(): Promise<void> {
    await this.account.click()
    await this.page.getByRole('button', { name: 'Sign out' }).first().click()
  }

  /** Chooses a theme. */
  async chooseTheme(theme: 'Light theme' | 'Dark theme' | 'System theme'): Promise<void> {
    await this.themes.getByRole('button', { name: theme }).click()
  }
}

/** Returns the path and the query of a URL, without the id of a refusal that the tab shows. */
function pathAndQuery(url: URL): string {
  if (!url.searchParams.has('refused')) return url.pathname + url.search
  const clean = new URL(url)
  clean.searchParams.delete('refused')
  return clean.pathname + clean.search
}
