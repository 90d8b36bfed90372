import { FormPage } from './form.ts'

/** The page that requests a temporary password, `/reset-password`. */
export class ResetPasswordPage extends FormPage {
  readonly email = this.field('Email address')

  async open(): Promise<void> {
    await this.visit('/reset-password')
  }

  async isOpen(): Promise<void> {
    await this.isAt('/reset-password', 'Reset your password')
  }

  async request(email: string): Promise<void> {
    await this.email.fill(email)
    await this.press('Send a temporary password')
  }
}
