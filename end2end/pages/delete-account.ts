import { FormPage } from './form.ts'

/** `/profile/delete` */
export class DeleteAccountPage extends FormPage {
  readonly current = this.field('Current password')

  async open(): Promise<void> {
    await this.visit('/profile/delete')
  }

  async is(): Promise<void> {
    await this.arrives('/profile/delete', 'Delete your account?')
  }

  async delete(current: string): Promise<void> {
    await this.current.fill(current)
    await this.press('Delete account')
  }
}
