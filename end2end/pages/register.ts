import type { Person } from '../support/portal.ts'
import { FormPage } from './form.ts'

/** What a registration form may say beside its fields. */
export const PROBLEMS = {
  taken: 'That username is already taken.',
  reserved: 'That name is reserved. Choose another username.',
  noName: 'Enter a username.',
  nameLength: 'Use 3 to 32 characters for the username.',
  nameShape: 'Use letters (a to z), digits, and single dots, hyphens or underscores between them.',
  noAddress: 'Enter your email address.',
  addressShape: 'Enter an email address like name@example.com.',
  noPassword: 'Enter a password.',
  short: 'Use at least 12 characters.',
  long: 'Use at most 128 characters.',
  guessable: 'That password would be guessed early. Use three or four unrelated words.',
  differ: 'The two passwords are not the same.',
} as const

/** `/register` */
export class RegisterPage extends FormPage {
  readonly username = this.field('Username')
  readonly email = this.field('Email address')
  readonly password = this.field('Password')
  readonly repeated = this.field('Password once more')

  async open(): Promise<void> {
    await this.visit('/register')
  }

  async fill({ username, email, password }: Person, repeated = password): Promise<void> {
    await this.username.fill(username)
    await this.email.fill(email)
    await this.password.fill(password)
    await this.repeated.fill(repeated)
  }

  async register(person: Person, repeated = person.password): Promise<void> {
    await this.fill(person, repeated)
    await this.press('Create account')
  }
}
