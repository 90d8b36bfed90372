import { expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** A page that is shown instead of the requested one. */
export class ErrorPage extends PortalPage {
  /** Expects a title, a text, and a link with its text and its target. */
  async shows(title: string, text: string, [link, to]: [string, string] = ['Go to the home page', '/']): Promise<void> {
    await expect(this.heading).toHaveText(title)
    await expect(this.page).toHaveTitle(new RegExp(`^${title} – Vestibule$`))
    const main = this.page.getByRole('main')
    await expect(main).toContainText(text)
    await expect(main.getByRole('link', { name: link })).toHaveAttribute('href', to)
  }
}
