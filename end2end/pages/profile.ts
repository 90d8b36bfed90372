import { type Locator, expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** `/profile` */
export class ProfilePage extends PortalPage {
  readonly card: Locator = this.page.getByRole('region', { name: 'Who I am' })

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
}
