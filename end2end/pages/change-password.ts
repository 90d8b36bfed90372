import { expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** Errors of this form, in addition to those of every new password. */
export const CHANGE_PASSWORD_ERRORS = {
  currentMissing: 'Enter your current password.',
  currentWrong: 'Your current password is incorrect.',
  unchanged: 'Choose a password that is different from your current one.',
} as const

/** The page that changes or sets a password, `/change-password`. */
export class ChangePasswordPage extends FormPage {
  readonly currentPassword = this.field('Current password')
  readonly newPassword = this.field('New password')
  readonly repeatedPassword = this.field('Confirm new password')
  readonly signOutButton = this.page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true })

  async open(): Promise<void> {
    await this.visit('/change-password')
  }

  /** Expects the page as it is shown to someone who opens it by choice. */
  async isOpen(): Promise<void> {
    await this.isAt('/change-password', 'Change password')
  }

  /** Expects the page as it is shown to someone who must choose a new password first. */
  async isRequired(username: string): Promise<void> {
    await this.isAt('/change-password', 'Choose a new password')
    await expect(this.page.getByRole('main')).toContainText(new RegExp(`You signed in as ${username} with a temporary password|The old password of ${username} no longer works`))
    await expect(this.currentPassword).toHaveCount(0)
  }

  async chooseNew(newPassword: string, repeatedPassword = newPassword): Promise<void> {
    await this.newPassword.fill(newPassword)
    await this.repeatedPassword.fill(repeatedPassword)
    await this.press('Change password')
  }

  async change(currentPassword: string, newPassword: string, repeatedPassword = newPassword): Promise<void> {
    await this.currentPassword.fill(currentPassword)
    await this.chooseNew(newPassword, repeatedPassword)
  }
}
