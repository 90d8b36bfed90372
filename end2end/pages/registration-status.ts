import { FormPage } from './form.ts'

/** The page with the status of a registration, `/register/status`. */
export class RegistrationStatusPage extends FormPage {
  readonly password = this.field('Password')

  async open(): Promise<void> {
    await this.visit('/register/status')
  }

  /** Opens the page and expects a status. */
  async shows(heading: string): Promise<void> {
    await this.open()
    await this.isAt('/register/status', heading)
  }

  async withdraw(password: string): Promise<void> {
    await this.password.fill(password)
    await this.press('Withdraw my request')
  }
}
