import { RegisterPage } from './register.ts'

/** The page that creates the first administrator, `/setup/{token}`. */
export class FirstAdminPage extends RegisterPage {
  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/setup\//, 'Create the first administrator')
  }
}
