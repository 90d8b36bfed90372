import { type Locator, expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** The decisions that a saved reason can be for. */
export type ReasonUse = 'Rejection with an email' | 'Silent rejection' | 'Deactivation' | 'Question'

/** The list of saved reasons, `/admin/reasons`, and the page that adds or changes one. */
export class SavedReasonsPage extends FormPage {
  async open(): Promise<void> {
    await this.visit('/admin/reasons')
    await this.isOpen()
  }

  async isOpen(): Promise<void> {
    await this.isAt('/admin/reasons', 'Saved reasons')
  }

  /** A saved reason in the list. */
  entry(title: string): Locator {
    return this.page.getByRole('article').filter({ has: this.page.getByRole('heading', { name: title, exact: true }) })
  }

  /** Opens the page that adds a reason. */
  async openNew(): Promise<void> {
    await this.page.getByRole('link', { name: 'Add reason' }).click()
    await this.isAt('/admin/reasons/new', 'Add a reason')
  }

  /** Opens the page that changes a saved reason. */
  async edit(title: string): Promise<void> {
    await this.entry(title).getByRole('link', { name: `Edit ${title}`, exact: true }).click()
    await this.isAt(/\/admin\/reasons\/\d+$/, 'Edit saved reason')
  }

  use(usedFor: ReasonUse): Locator {
    return this.page.getByRole('radio', { name: usedFor })
  }

  async fill(usedFor: ReasonUse, title: string, text: string): Promise<void> {
    await this.field('Title').fill(title)
    await this.use(usedFor).check()
    await this.field('Text').fill(text)
  }

  /** Adds a reason and returns to the list. */
  async add(usedFor: ReasonUse, title: string, text: string): Promise<void> {
    await this.openNew()
    await this.fill(usedFor, title, text)
    await this.press('Add reason')
    await this.isOpen()
    await expect(this.message('The reason has been saved.')).toBeVisible()
  }
}
