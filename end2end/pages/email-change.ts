import { FormPage } from './form.ts'

/** The page that requests a change of email address, `/profile/address`. */
export class EmailChangePage extends FormPage {
  readonly email = this.field('New email address')
  readonly currentPassword = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/address')
  }

  async isOpen(): Promise<void> {
    await this.isAt('/profile/address', 'Change email address')
  }

  async request(email: string, currentPassword: string): Promise<void> {
    await this.email.fill(email)
    await this.currentPassword.fill(currentPassword)
    await this.press('Send confirmation link')
  }
}

/** The page that confirms a new email address, `/confirm-address/{token}`. */
export class ConfirmEmailChangePage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/confirm-address\//, 'Confirm your new email address')
  }

  async submit(): Promise<void> {
    await this.press('Confirm new email address')
  }
}

/** The page that undoes a change of email address, `/undo/{token}`. */
export class UndoEmailChangePage extends FormPage {
  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/undo\//, 'Undo the change of email address?')
  }

  async submit(): Promise<void> {
    await this.press('Undo the change')
  }
}
