import { expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

const INVALID_LINK = 'This link has expired or has already been used.'

/** The page for a link that no longer works. */
export class InvalidLinkPage extends PortalPage {
  async openLink(link: string): Promise<void> {
    const response = await this.visit(link)
    expect(response.status()).toBe(404)
    await this.isOpen()
  }

  async isOpen(): Promise<void> {
    await expect(this.heading).toHaveText('This link no longer works')
    const main = this.page.getByRole('main')
    await expect(main).toContainText(INVALID_LINK)
    const profileLink = main.getByRole('link', { name: 'Go to your profile' })
    // Someone who is signed in has no use for a sign-in page.
    if (await profileLink.isVisible()) return expect(profileLink).toHaveAttribute('href', '/profile')
    await expect(main.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login')
    const resetLink = main.getByRole('link', { name: 'Get a temporary password' })
    // Temporary passwords are for active accounts only.
    if (/\/(confirm|answer)\//.test(this.page.url())) return expect(resetLink).toHaveCount(0)
    await expect(resetLink).toHaveAttribute('href', '/reset-password')
    if (!this.page.url().includes('/keep/')) return
    await expect(main).toContainText('If you have used it to keep your account, sign in with the password that you chose after that.')
  }

  /** Expects the variant for a link that would have undone a change of email address. */
  async isOpenForUndo(): Promise<void> {
    await expect(this.heading).toHaveText('This link no longer works')
    const main = this.page.getByRole('main')
    await expect(main).toContainText('If you have used it to undo the change, sign in with the password that you chose after that.')
    await expect(main).toContainText('If someone else has access to your account, tell an administrator. They can deactivate the account immediately.')
    await expect(main.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login')
  }
}
