import { expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** What the form may say beside its fields, beside what every new password has to hear. */
export const CHANGE_PROBLEMS = {
  noCurrent: 'Enter your current password.',
  wrong: 'That is not your current password.',
  unchanged: 'That is your current password. Choose another one.',
} as const

/** `/change-password` */
export class ChangePasswordPage extends FormPage {
  readonly current = this.field('Current password')
  readonly fresh = this.field('New password')
  readonly repeated = this.field('New password once more')
  readonly leave = this.page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true })

  async open(): Promise<void> {
    await this.visit('/change-password')
  }

  /** Expects it as somebody opens it who wants to. */
  async is(): Promise<void> {
    await this.arrives('/change-password', 'Change password')
  }

  /** Expects it as somebody meets it who has to, and can do nothing else. */
  async isForced(username: string): Promise<void> {
    await this.arrives('/change-password', 'New password')
    await expect(this.page.getByRole('main')).toContainText(new RegExp(`You are signed in as ${username} for this alone|The old one of ${username} no longer works`))
    await expect(this.current).toHaveCount(0)
  }

  async choose(fresh: string, repeated = fresh): Promise<void> {
    await this.fresh.fill(fresh)
    await this.repeated.fill(repeated)
    await this.press('Change password')
  }

  async change(current: string, fresh: string, repeated = fresh): Promise<void> {
    await this.current.fill(current)
    await this.choose(fresh, repeated)
  }
}
