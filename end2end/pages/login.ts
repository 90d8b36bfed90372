import { FormPage } from './form.ts'

/** What the sign-in page may answer. */
export const ANSWERS = {
  registered: "Your account was created and is waiting for approval. We'll mail you when it is approved.",
  waiting: "Your account is waiting for an administrator's approval. We'll mail you when it is approved.",
  rejected: 'Your request to join was declined.',
  deactivated: 'This account has been deactivated. An administrator can reactivate it.',
  incorrect: 'Incorrect username or password.',
  resetAsked: 'If an account has that address, a temporary password is on its way. It is valid for 2 hours. Nothing after a few minutes? Look in your spam folder, then ask again.',
  addressChanged: 'Your address is changed. You are signed out everywhere else.',
  addressChangedSignIn: 'Your address is changed. Sign in to go on.',
  sessionOver: 'Your session is over. Sign in to go on.',
} as const

/** `/login` */
export class LoginPage extends FormPage {
  readonly identifier = this.field('Username or email address')
  readonly password = this.field('Password')
  readonly shared = this.page.getByRole('checkbox', { name: 'This is a shared computer' })
  readonly askConfirmation = this.page.getByRole('button', { name: 'Send a new confirmation link' })

  async open(query = ''): Promise<void> {
    await this.visit(`/login${query}`)
  }

  async is(query: string | RegExp = ''): Promise<void> {
    await this.arrives(typeof query === 'string' ? `/login${query}` : query, 'Sign in')
  }

  async signIn(identifier: string, password: string): Promise<void> {
    await this.identifier.fill(identifier)
    await this.password.fill(password)
    await this.press('Sign in')
  }
}
