import { type Locator, expect } from '@playwright/test'

import { AdminActionPage } from './admin-action.ts'
import { withScripts } from './portal-page.ts'

/** The page of a decision, `/admin/{decision}/{id}`, with its fields. */
export class DecisionPage extends AdminActionPage {
  /** The choice between an email and a silent rejection. */
  readonly silently: Locator = this.page.getByRole('radio', { name: 'Reject silently' })
  readonly withEmail: Locator = this.page.getByRole('radio', { name: 'Send an email' })
}

/** The parts of the list of people that are about decisions. */
export class DecisionsPart extends AdminActionPage {
  /** The decisions that can be undone. */
  readonly recent: Locator = this.page.getByRole('region', { name: 'Recent decisions' })

  async openList(): Promise<void> {
    await this.visit('/admin')
  }

  /** Undoes a recent decision, for example "the approval of ada". */
  async undo(subject: string): Promise<void> {
    await this.recent.getByRole('button', { name: `Undo ${subject}` }).click()
    await this.waitUntilReady()
  }

  /** Expects a message or an error at the top of the page. */
  async says(text: string | RegExp): Promise<void> {
    await expect(this.page.getByRole('main').getByText(text).first()).toBeVisible()
    if (withScripts()) await this.waitUntilReady()
  }
}
