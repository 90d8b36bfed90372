import { FormPage } from './form.ts'

/** Messages and errors of the sign-in page. */
export const LOGIN_MESSAGES = {
  registered: "Your account was created and is waiting for approval. We'll mail you when it is approved.",
  pending: "Your account is waiting for an administrator's approval. We'll mail you when it is approved.",
  rejected: 'Your request to join was declined.',
  deactivated: 'This account has been deactivated. An administrator can reactivate it.',
  incorrect: 'Incorrect username or password.',
  resetRequested: 'If an account has that address, a temporary password is on its way. It is valid for 2 hours. Nothing after a few minutes? Look in your spam folder, then ask again.',
  emailChanged: 'Your address is changed. You are signed out everywhere else.',
  emailChangedSignIn: 'Your address is changed. Sign in to go on.',
  sessionEnded: 'Your session is over. Sign in to go on.',
} as const

/** The sign-in page, `/login`. */
export class LoginPage extends FormPage {
  readonly identifier = this.field('Username or email address')
  readonly password = this.field('Password')
  readonly shared = this.page.getByRole('checkbox', { name: 'This is a shared computer' })
  readonly resendConfirmation = this.page.getByRole('button', { name: 'Send a new confirmation link' })

  async open(query = ''): Promise<void> {
    await this.visit(`/login${query}`)
  }

  async isOpen(query: string | RegExp = ''): Promise<void> {
    await this.isAt(typeof query === 'string' ? `/login${query}` : query, 'Sign in')
  }

  async signIn(identifier: string, password: string): Promise<void> {
    await this.identifier.fill(identifier)
    await this.password.fill(password)
    await this.press('Sign in')
  }
}
