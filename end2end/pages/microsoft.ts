import { FormPage } from './form.ts'

/** `/profile/microsoft`: linking and unlinking. */
export class MicrosoftPage extends FormPage {
  readonly current = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/microsoft')
  }

  async isLink(): Promise<void> {
    await this.arrives('/profile/microsoft', 'Link Microsoft')
  }

  async isUnlink(): Promise<void> {
    await this.arrives('/profile/microsoft', 'Unlink Microsoft')
  }

  async link(current: string): Promise<void> {
    await this.current.fill(current)
    await this.press('Go to Microsoft')
  }

  async unlink(current: string): Promise<void> {
    await this.current.fill(current)
    await this.press('Unlink Microsoft')
  }
}
