import { type Locator, type Page, type Response, expect, test } from '@playwright/test'

/** Whether scripts run in this project. */
export function withScripts(): boolean {
  return test.info().project.use.javaScriptEnabled !== false
}

/** What every page of the portal has. */
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

  /** Opens an address and waits until its page is alive. */
  async visit(address: string): Promise<Response> {
    const response = await this.page.goto(address)
    if (response === null) throw new Error(`${address} brought no page`)
    await this.alive()
    return response
  }

  /** Waits until the page is loaded whole, and its scripts, if there are any, have come alive. */
  async alive(): Promise<void> {
    if (!withScripts()) return this.page.waitForLoadState('load')
    await this.page.waitForFunction(
      () =>
        document.readyState === 'complete' &&
        // A page that is being left has been emptied.
        document.body.childElementCount > 0 &&
        (document.querySelector('leptos-island') === null || (window as Window & { alive?: boolean }).alive === true),
    )
  }

  /** Waits for the page at an address, with its heading, to be there and alive. */
  async arrives(path: string | RegExp, heading: string | RegExp): Promise<void> {
    const url = typeof path === 'string' ? (url: URL) => url.pathname + url.search === path : path
    await expect(this.page).toHaveURL(url)
    await expect(this.heading).toHaveText(heading)
    await this.alive()
  }

  /** Good news or something to know, above the content. */
  notice(words: string | RegExp): Locator {
    return this.page.getByRole('main').getByRole('status').filter({ hasText: words })
  }

  /** Bad news that is about no field. */
  alert(words: string | RegExp): Locator {
    return this.page.getByRole('alert').filter({ hasText: words })
  }

  /** Whether the title of the document says that something was refused. */
  async titleBeginsWithError(): Promise<void> {
    await expect(this.page).toHaveTitle(/^Error: /)
  }

  /** Signs out through the account menu. */
  async signOut(): Promise<void> {
    await this.account.click()
    await this.page.getByRole('button', { name: 'Sign out' }).first().click()
  }

  /** Chooses a theme. */
  async chooseTheme(theme: 'Light theme' | 'Dark theme' | 'Theme of the system'): Promise<void> {
    await this.themes.getByRole('button', { name: theme }).click()
  }
}
