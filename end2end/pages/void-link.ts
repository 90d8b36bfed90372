import { expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** The page of a link that means nothing any more. */
export class VoidLinkPage extends PortalPage {
  async openLink(link: string): Promise<void> {
    const response = await this.visit(link)
    expect(response.status()).toBe(404)
    await this.is()
  }

  async is(): Promise<void> {
    await expect(this.heading).toHaveText("This link can't be used")
    const main = this.page.getByRole('main')
    await expect(main).toContainText('This link has expired or was already used. Sign in with your password.')
    await expect(main.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login')
  }
}
