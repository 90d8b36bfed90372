import { FormPage } from './form.ts'

/** The page of an emailed sign-in link, `/auto-login/{token}`. */
export class SignInLinkPage extends FormPage {
  readonly password = this.field('Password')

  async openLink(link: string): Promise<void> {
    await this.visit(link)
  }

  async isOpenFor(username: string): Promise<void> {
    await this.isAt(/\/auto-login\//, `Continue as ${username}`)
  }

  async continueAs(username: string): Promise<void> {
    await this.press(`Continue as ${username}`)
  }
}
