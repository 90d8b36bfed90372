import type { Locator } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** The page of failed emails, `/admin/mail`. */
export class FailedEmailsPage extends PortalPage {
  async open(): Promise<void> {
    await this.visit('/admin/mail')
    await this.isOpen()
  }

  async isOpen(): Promise<void> {
    await this.isAt('/admin/mail', 'Failed emails')
  }

  /** A failed email. */
  entry(kind: string, recipient: string): Locator {
    return this.page.getByRole('article').filter({ hasText: kind }).filter({ hasText: recipient })
  }

  async sendAgain(kind: string, recipient: string): Promise<void> {
    await this.entry(kind, recipient).getByRole('button', { name: `Send again to ${recipient}` }).click()
  }

  async dismiss(kind: string, recipient: string): Promise<void> {
    await this.entry(kind, recipient).getByRole('button', { name: `Dismiss email to ${recipient}` }).click()
  }

  async sendAllAgain(): Promise<void> {
    await this.page.getByRole('button', { name: 'Send all emails again' }).click()
  }
}
