import { expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

const VOID = 'This link has expired or was already used. Sign in with your password, or ask for a temporary one.'

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
    await expect(main).toContainText(VOID)
    await expect(main.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login')
    const ask = main.getByRole('link', { name: 'Ask for a temporary password' })
    await expect(ask).toHaveAttribute('href', '/reset-password')
  }

  /** The same for a link that would have taken a change of address back. */
  async isTooLateToUndo(): Promise<void> {
    await expect(this.heading).toHaveText("This link can't be used")
    const main = this.page.getByRole('main')
    await expect(main).toContainText('If somebody else is in your account, tell an administrator: they can deactivate it at once.')
    await expect(main.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login')
  }
}
