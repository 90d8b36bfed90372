import { FormPage } from './form.ts'

/** `/reset-password` */
export class ResetPasswordPage extends FormPage {
  readonly email = this.field('Email address')

  async open(): Promise<void> {
    await this.visit('/reset-password')
  }

  async is(): Promise<void> {
    await this.arrives('/reset-password', 'Forgotten password')
  }

  async ask(address: string): Promise<void> {
    await this.email.fill(address)
    await this.press('Send a temporary password')
  }
}
