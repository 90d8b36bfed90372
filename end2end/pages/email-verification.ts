import { FormPage } from './form.ts'

/** The page that confirms the email address of a registration, `/confirm/{token}`. */
export class EmailVerificationPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/confirm\//, 'Confirm your email address')
  }
}
