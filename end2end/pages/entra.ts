import { type Page, expect } from '@playwright/test'

import type { Account } from '../support/entra.ts'

/** The page of the Entra double on which people choose an account. */
export class EntraPage {
  constructor(readonly page: Page) {}

  async isOpen(): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 1 })).toHaveText('Pick an account')
  }

  async choose({ name, username }: Account): Promise<void> {
    await this.isOpen()
    await this.page.getByRole('button', { name: `${name} ${username}`, exact: true }).click()
  }

  async deny(): Promise<void> {
    await this.isOpen()
    await this.page.getByRole('button', { name: 'Deny' }).click()
  }
}
