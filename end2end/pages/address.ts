import { FormPage } from './form.ts'

/** `/profile/address` */
export class AddressPage extends FormPage {
  readonly email = this.field('New email address')
  readonly current = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/address')
  }

  async is(): Promise<void> {
    await this.arrives('/profile/address', 'Change address')
  }

  async ask(address: string, current: string): Promise<void> {
    await this.email.fill(address)
    await this.current.fill(current)
    await this.press('Send the link')
  }
}

/** `/confirm-address/{token}` */
export class ConfirmAddressPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async is(): Promise<void> {
    await this.arrives(/\/confirm-address\//, 'Confirm your new address')
  }

  async go(): Promise<void> {
    await this.press('Confirm new address')
  }
}

/** `/undo/{token}` */
export class UndoPage extends FormPage {
  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async is(): Promise<void> {
    await this.arrives(/\/undo\//, 'Undo the change of address?')
  }

  async go(): Promise<void> {
    await this.press('Undo the change')
  }
}
