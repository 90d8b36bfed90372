import { type Locator, expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** `/profile` */
export class ProfilePage extends PortalPage {
  readonly card: Locator = this.region('Who I am')
  readonly password: Locator = this.region('Password')
  readonly waysIn: Locator = this.region('Ways to sign in')
  /** Each session, this one first. */
  readonly sessions: Locator = this.region('Sessions').getByRole('listitem')
  /** Each thing that was done, the newest first. */
  readonly history: Locator = this.region('History').getByRole('listitem')
  readonly data: Locator = this.region('My data')
  readonly signOutElsewhere: Locator = this.region('Sessions').getByRole('button', { name: 'Sign out everywhere else' })

  async open(): Promise<void> {
    await this.visit('/profile')
  }

  async is(): Promise<void> {
    await this.arrives('/profile', 'Profile')
  }

  async isOf(username: string): Promise<void> {
    await this.is()
    await expect(this.card).toContainText(username)
  }

  region(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  /** The session of a browser, in words, e.g. "Firefox on Windows". */
  session(browser: string): Locator {
    return this.sessions.filter({ hasText: browser })
  }

  async endSession(browser: string): Promise<void> {
    await this.session(browser).getByRole('button', { name: `Sign out ${browser}`, exact: true }).click()
  }

  async follow(link: 'Change address' | 'Change password' | 'Delete my account'): Promise<void> {
    await this.page.getByRole('main').getByRole('link', { name: link, exact: true }).click()
  }
}
