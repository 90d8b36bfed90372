import { RegisterPage } from './register.ts'

/** `/setup/{token}` */
export class SetupPage extends RegisterPage {
  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async is(): Promise<void> {
    await this.arrives(/\/setup\//, 'Create the first administrator')
  }
}
