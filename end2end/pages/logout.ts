import { FormPage } from './form.ts'

/** The page that asks before signing out, `/logout`. */
export class LogoutPage extends FormPage {
  async open(): Promise<void> {
    await this.visit('/logout')
  }
}
