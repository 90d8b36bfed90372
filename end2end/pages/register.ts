import type { Person } from '../support/portal.ts'
import { FormPage } from './form.ts'

/** Errors of the registration form. */
export const REGISTRATION_ERRORS = {
  usernameTaken: 'That username is already taken.',
  usernameReserved: 'That name is reserved. Choose another username.',
  usernameMissing: 'Enter a username.',
  usernameLength: 'Use 3 to 32 characters for the username.',
  usernameFormat: 'Use letters (a to z), digits, and single dots, hyphens or underscores between them.',
  emailMissing: 'Enter your email address.',
  emailFormat: 'Enter an email address like name@example.com.',
  passwordMissing: 'Enter a password.',
  passwordTooShort: 'Use at least 12 characters.',
  passwordTooLong: 'Use at most 128 characters.',
  passwordTooWeak: 'That password would be guessed early. Use three or four unrelated words.',
  passwordsDiffer: 'The two passwords are not the same.',
} as const

/** The registration page, `/register`. */
export class RegisterPage extends FormPage {
  readonly username = this.field('Username')
  readonly email = this.field('Email address')
  readonly password = this.field('Password')
  readonly repeatedPassword = this.field('Password once more')

  async open(): Promise<void> {
    await this.visit('/register')
  }

  async fill({ username, email, password }: Person, repeatedPassword = password): Promise<void> {
    await this.username.fill(username)
    await this.email.fill(email)
    await this.password.fill(password)
    await this.repeatedPassword.fill(repeatedPassword)
  }

  async register(person: Person, repeatedPassword = person.password): Promise<void> {
    await this.fill(person, repeatedPassword)
    await this.press('Create account')
  }
}
