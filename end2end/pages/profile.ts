import { type Locator, expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** The profile page, `/profile`. */
export class ProfilePage extends PortalPage {
  readonly details: Locator = this.region('Your details')
  readonly password: Locator = this.region('Password')
  readonly signInMethods: Locator = this.region('Ways to sign in')
  /** The sessions, the current one first. */
  readonly sessions: Locator = this.region("Where you're signed in").getByRole('listitem')
  /** The recent activity, the newest first. */
  readonly activity: Locator = this.region('Recent activity').getByRole('listitem')
  readonly data: Locator = this.region('Your data')
  readonly signOutElsewhere: Locator = this.region("Where you're signed in").getByRole('button', { name: 'Sign out everywhere else' })

  async open(): Promise<void> {
    await this.visit('/profile')
  }

  async isOpen(): Promise<void> {
    await this.isAt('/profile', 'Profile')
  }

  async isOpenFor(username: string): Promise<void> {
    await this.isOpen()
    await expect(this.details).toContainText(username)
  }

  region(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  /** The session with this browser, for example "Firefox on Windows". */
  session(browser: string): Locator {
    return this.sessions.filter({ hasText: browser })
  }

  async endSession(browser: string): Promise<void> {
    await this.session(browser).getByRole('button', { name: `Sign out ${browser}`, exact: true }).click()
  }

  async followLink(link: 'Change email address' | 'Change password' | 'Delete account'): Promise<void> {
    await this.page.getByRole('main').getByRole('link', { name: link, exact: true }).click()
  }
}
