// Creates users in the states in which journeys begin, through the portal's endpoints and without a browser.
import { linkIn } from './emails.ts'
import { Visitor } from './http.ts'
import type { Person, Portal } from './portal.ts'

/** A password that satisfies the password policy. */
export const PASSWORD = 'violet tractor hums quietly'

/** A user of the portal. */
export interface User extends Person {
  /** The id of the user. */
  id: number
}

let number = 0

/**
 * Returns a person with a new username. The letter in it matters: `owner-1234` would look like the reserved name
 * `owner`.
 */
export function newPerson(given = 'ada'): Person {
  number += 1
  const username = `${given}-e${process.pid.toString(36)}${number.toString(36)}`
  return { username, email: `${username}@example.org`, password: PASSWORD }
}

/** The administrator of most portals. */
export const ADMIN = newPerson('admin')

/** Creates users. */
export class People {
  private signedInAdmin: Visitor | undefined
  /** The visitors who have registered, by username. They confirm their email address without a password, which saves a hash. */
  private readonly applicants = new Map<string, Visitor>()

  /** `admin` is an administrator of the portal. */
  constructor(
    private readonly portal: Portal,
    readonly admin: Person,
  ) {}

  /** Returns a pending user with an unconfirmed email address. */
  async pending(given?: string): Promise<User> {
    return this.register(newPerson(given))
  }

  /** Returns a pending user with a confirmed email address. */
  async pendingConfirmed(given?: string): Promise<User> {
    const person = await this.pending(given)
    await this.confirmEmail(person)
    return person
  }

  /** Returns an active user with a confirmed email address. */
  async active(given?: string): Promise<User> {
    const person = await this.pendingConfirmed(given)
    await this.act(person, 'approve')
    return person
  }

  /** Returns an active user with an unconfirmed email address. */
  async activeUnconfirmed(given?: string): Promise<User> {
    const person = await this.pending(given)
    await this.act(person, 'approve')
    return person
  }

  async rejected(given?: string): Promise<User> {
    const person = await this.pendingConfirmed(given)
    await this.act(person, 'reject')
    return person
  }

  async deactivated(given?: string): Promise<User> {
    const person = await this.active(given)
    await this.act(person, 'deactivate')
    return person
  }

  async administrator(given?: string): Promise<User> {
    const person = await this.active(given)
    await this.act(person, 'make-admin')
    return person
  }

  /** Registers a person. */
  async register(person: Person): Promise<User> {
    await this.registerWithoutId(person)
    return { ...person, id: await this.idOf(person.username) }
  }

  /** Registers a person whose id is not needed: looking it up costs a request to the admin pages. */
  async registerWithoutId({ username, email, password }: Person): Promise<void> {
    const form = { username, email, password, confirm_password: password }
    const applicant = this.visitor()
    await this.expectSuccess(applicant, 'register', form)
    this.applicants.set(username, applicant)
  }

  /** Confirms an email address with the link in the `number`th email about it. */
  async confirmEmail(person: Person, number = 1): Promise<void> {
    const email = await this.portal.emails.wait(person.email, /^Confirm your email address/, number)
    const token = linkIn(email, '/confirm/').split('/').at(-1) ?? ''
    const applicant = this.applicants.get(person.username) ?? this.visitor()
    await this.expectSuccess(applicant, 'confirm_address', { token, password: person.password })
  }

  /** Signs a user in and discards the session. */
  async signInOnce({ username, password }: Person): Promise<void> {
    await this.expectSuccess(this.visitor(), 'sign_in', { username, password })
  }

  /** Requests a temporary password for an email address, as a visitor. */
  async requestPasswordReset(email: string): Promise<void> {
    await this.expectSuccess(this.visitor(), 'ask_reset', { email })
  }

  /** Requests a change of email address, and returns the link in the email to the new address. */
  async requestEmailChange(person: Person, email: string): Promise<string> {
    const { username, password } = person
    const visitor = this.visitor()
    await this.expectSuccess(visitor, 'sign_in', { username, password })
    await this.expectSuccess(visitor, 'ask_address_change', { email, current_password: password })
    await this.expectSuccess(visitor, 'sign_out', {})
    return linkIn(await this.portal.emails.wait(email, /^Confirm your new email address/), '/confirm-address/')
  }

  /** Confirms a new email address with the link from its email. */
  async confirmEmailChange({ password }: Person, link: string): Promise<void> {
    const token = link.split('/').at(-1) ?? ''
    await this.expectSuccess(this.visitor(), 'change_address', { token, password })
  }

  /** Changes an email address, and returns the link in the email to the old address that undoes the change. */
  async changeEmail(person: Person, email: string): Promise<string> {
    await this.confirmEmailChange(person, await this.requestEmailChange(person, email))
    return linkIn(await this.portal.emails.wait(person.email, /^Your email address at .* was changed$/), '/undo/')
  }

  /** Requests the deletion of an account, and returns the link in the email that cancels it. */
  async requestDeletion({ username, password, email }: Person): Promise<string> {
    const visitor = this.visitor()
    await this.expectSuccess(visitor, 'sign_in', { username, password })
    await this.expectSuccess(visitor, 'delete_account', { current_password: password })
    return linkIn(await this.portal.emails.wait(email, /^Your account at .* will be deleted$/), '/keep/')
  }

  /** Performs an action on a user as the administrator, for example `approve`. */
  async act(person: User, action: string, fields: Record<string, string> = {}): Promise<void> {
    await this.expectSuccess(await this.asAdmin(), 'decide', { id: String(person.id), decision: action, stay: 'yes', ...fields })
  }

  /** Asks a user a question as the administrator, and returns the link in the email. */
  async ask(person: User, question: string): Promise<string> {
    const subject = /^A question about your request to join/
    const before = await this.portal.emails.to(person.email, subject)
    await this.act(person, 'ask', { question })
    return linkIn(await this.portal.emails.wait(person.email, subject, before.length + 1), '/answer/')
  }

  /** Saves a reason. If the same reason is already saved, nothing changes. */
  async saveReason(usedFor: string, title: string, text: string): Promise<void> {
    await this.expectSuccess(await this.asAdmin(), 'add_reason', { used_for: usedFor, title, reason: text })
  }

  /** Returns the id of a user from the admin pages. */
  async idOf(username: string): Promise<number> {
    // The filter matches no one, because the queue takes most of the time of this page.
    const page = await (await this.asAdmin()).open(`/admin?domain=none.invalid&after=${username.slice(0, -1)}`)
    const match = new RegExp(`/admin/users/(\\d+)"[^>]*>${username}<`).exec(page.body)
    if (match?.[1] === undefined) throw new Error(`${username} is not on the admin pages`)
    return Number(match[1])
  }

  private async asAdmin(): Promise<Visitor> {
    if (this.signedInAdmin === undefined) {
      const admin = this.visitor()
      await admin.signIn(this.admin)
      this.signedInAdmin = admin
    }
    return this.signedInAdmin
  }

  private visitor(): Visitor {
    return new Visitor(this.portal)
  }

  private async expectSuccess(visitor: Visitor, action: string, form: Record<string, string>): Promise<void> {
    const { status, body } = await visitor.send(action, form)
    if (status !== 200 || !/^\{"(goto|done)":/.test(body)) throw new Error(`${action} failed with status ${status}: ${body}`)
  }
}
