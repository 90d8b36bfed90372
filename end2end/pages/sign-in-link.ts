import { FormPage } from './form.ts'

/** `/auto-login/{token}` */
export class SignInLinkPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isFor(username: string): Promise<void> {
    await this.arrives(/\/auto-login\//, `Continue as ${username}`)
  }

  async go(username: string): Promise<void> {
    await this.press(`Continue as ${username}`)
  }
}
