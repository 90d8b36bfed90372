import { FormPage } from './form.ts'

/** `/confirm/{token}` */
export class ConfirmPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async is(): Promise<void> {
    await this.arrives(/\/confirm\//, 'Confirm your address')
  }
}
