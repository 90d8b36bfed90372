import type { Person } from '../support/portal.ts'
import { FormPage } from './form.ts'

/** Errors of the registration form. */
export const REGISTRATION_ERRORS = {
  usernameTaken: 'That username is already taken. Choose a different one.',
  usernameReserved: 'That username is reserved. Choose a different one.',
  usernameMissing: 'Enter a username.',
  usernameLength: 'Username must be 3 to 32 characters.',
  usernameFormat: 'Use only letters (a to z) and numbers, with single dots, hyphens or underscores in between.',
  emailMissing: 'Enter your email address.',
  emailFormat: 'Enter an email address in the correct format, like name@example.com.',
  passwordMissing: 'Enter a password.',
  passwordTooShort: 'Password must be at least 12 characters.',
  passwordTooLong: 'Password must be 128 characters or fewer.',
  passwordTooWeak: 'That password is too easy to guess. Try three or four unrelated words.',
  passwordsDiffer: 'The passwords do not match.',
} as const

/** The registration page, `/register`. */
export class RegisterPage extends FormPage {
  readonly username = this.field('Username')
  readonly email = this.field('Email address')
  readonly password = this.field('Password')
  readonly repeatedPassword = this.field('Confirm password')

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
