import type { Locator } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** `/admin/mail` */
export class MailPage extends PortalPage {
  async open(): Promise<void> {
    await this.visit('/admin/mail')
    await this.is()
  }

  async is(): Promise<void> {
    await this.arrives('/admin/mail', 'Mail')
  }

  /** A mail that was given up. */
  entry(kind: string, address: string): Locator {
    return this.page.getByRole('article').filter({ hasText: kind }).filter({ hasText: address })
  }

  async sendAgain(kind: string, address: string): Promise<void> {
    await this.entry(kind, address).getByRole('button', { name: `Send again to ${address}` }).click()
  }

  async dismiss(kind: string, address: string): Promise<void> {
    await this.entry(kind, address).getByRole('button', { name: `Dismiss email to ${address}` }).click()
  }

  async sendAllAgain(): Promise<void> {
    await this.page.getByRole('button', { name: 'Send all emails again' }).click()
  }
}
