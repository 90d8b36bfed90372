import { expect } from '@playwright/test'

import { PortalPage } from './portal-page.ts'

/** A page for what cannot be shown. */
export class DeadEndPage extends PortalPage {
  /** Expects words and a way on: a link with its words, and where it leads. */
  async says(title: string, text: string, [link, to]: [string, string] = ['Go to the start', '/']): Promise<void> {
    await expect(this.heading).toHaveText(title)
    await expect(this.page).toHaveTitle(new RegExp(`^${title} – Vestibule$`))
    const main = this.page.getByRole('main')
    await expect(main).toContainText(text)
    await expect(main.getByRole('link', { name: link })).toHaveAttribute('href', to)
  }
}
