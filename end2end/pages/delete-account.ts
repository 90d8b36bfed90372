import { FormPage } from './form.ts'

/** The message after a request for deletion. */
export const DELETION_REQUESTED = /^Your account will be deleted on \d{1,2} \w{3} \d{4}\. To keep it, check your email for a link, or ask an administrator\.$/

/** The form error after the right password of an account that is due for deletion. */
export const DUE_FOR_DELETION = /This account will be deleted on \d{1,2} \w{3} \d{4}, \d\d:\d\d UTC\. To keep this account, use the link in the email about the deletion, or ask an administrator\./

/** The page that requests the deletion of an account, `/profile/delete`. */
export class DeleteAccountPage extends FormPage {
  readonly currentPassword = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/delete')
  }

  async isOpen(): Promise<void> {
    await this.isAt('/profile/delete', 'Delete your account?')
  }

  async delete(currentPassword: string): Promise<void> {
    await this.currentPassword.fill(currentPassword)
    await this.press('Delete account')
  }
}

/** The page that cancels the deletion of an account, `/keep/{token}`. */
export class KeepAccountPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/keep\//, 'Keep your account?')
  }

  async keep(): Promise<void> {
    await this.press('Keep account')
  }
}
