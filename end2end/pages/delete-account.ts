import { FormPage } from './form.ts'

/** The notice after a request for deletion. */
export const DELETION_ASKED = /^Your account will be deleted on \d{1,2} \w{3} \d{4}\. We've emailed you a link to keep it\.$/

/** The refusal after the right password of an account that is due for deletion. */
export const DUE_FOR_DELETION = /This account will be deleted on \d{1,2} \w{3} \d{4}, \d\d:\d\d UTC\. To keep this account, use the link in the email about the deletion, or ask an administrator\./

/** `/profile/delete` */
export class DeleteAccountPage extends FormPage {
  readonly current = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/delete')
  }

  async is(): Promise<void> {
    await this.arrives('/profile/delete', 'Delete your account?')
  }

  async delete(current: string): Promise<void> {
    await this.current.fill(current)
    await this.press('Delete account')
  }
}

/** `/keep/{token}` */
export class KeepAccountPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async is(): Promise<void> {
    await this.arrives(/\/keep\//, 'Keep your account?')
  }

  async keep(): Promise<void> {
    await this.press('Keep account')
  }
}
