import { FormPage } from './form.ts'

/** `/logout` */
export class LogoutPage extends FormPage {
  async open(): Promise<void> {
    await this.visit('/logout')
  }
}
