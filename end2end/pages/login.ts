import { FormPage } from './form.ts'

/** Messages and errors of the sign-in page. */
export const LOGIN_MESSAGES = {
  registered: "Your account has been created and is waiting for approval. Check your inbox and spam folder for an email from us, and follow its instructions. We'll also email you when your account is approved.",
  pending: "Your account is waiting for an administrator's approval. We'll email you when it's approved.",
  rejected: 'Your request to join was declined.',
  deactivated: 'This account has been deactivated. An administrator can reactivate it.',
  incorrect: 'Incorrect username or password.',
  resetRequested: "If an active account uses that email address, we'll email you what to do next. A temporary password works for 2 hours. We send at most 3 emails an hour.",
  emailChanged: "Your email address has been changed. You're signed out everywhere else.",
  emailChangedSignIn: 'Your email address has been changed. Sign in to continue.',
  sessionEnded: 'Your session has ended. Sign in to continue.',
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
