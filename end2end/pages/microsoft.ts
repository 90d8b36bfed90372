import { FormPage } from './form.ts'

/** The page that links and unlinks a Microsoft account, `/profile/microsoft`. */
export class MicrosoftPage extends FormPage {
  readonly currentPassword = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/microsoft')
  }

  async isOpenToLink(): Promise<void> {
    await this.isAt('/profile/microsoft', 'Link Microsoft')
  }

  async isOpenToUnlink(): Promise<void> {
    await this.isAt('/profile/microsoft', 'Unlink Microsoft')
  }

  async link(currentPassword: string): Promise<void> {
    await this.currentPassword.fill(currentPassword)
    await this.press('Link Microsoft')
  }

  async unlink(currentPassword: string): Promise<void> {
    await this.currentPassword.fill(currentPassword)
    await this.press('Unlink Microsoft')
  }
}
