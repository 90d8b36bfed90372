import { type Page, expect } from '@playwright/test'

import type { Account } from '../support/entra.ts'

/** Where one chooses at Microsoft who to be. */
export class EntraPage {
  constructor(readonly page: Page) {}

  async is(): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 1 })).toHaveText('Pick an account')
  }

  async choose({ name, username }: Account): Promise<void> {
    await this.is()
    await this.page.getByRole('button', { name: `${name} ${username}`, exact: true }).click()
  }

  async deny(): Promise<void> {
    await this.is()
    await this.page.getByRole('button', { name: 'Deny' }).click()
  }
}
