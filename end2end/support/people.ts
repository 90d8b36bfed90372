// People in the states that journeys begin with, made through the portal's own addresses, without a browser.
import { type APIRequestContext, expect, request } from '@playwright/test'

import { linkIn } from './mail.ts'
import type { Person, Portal } from './portal.ts'

/** A password that stands up to guessing. */
export const PASSWORD = 'violet tractor hums quietly'

/** Somebody whom the portal knows. */
export interface Member extends Person {
  /** Their number. */
  id: number
}

let number = 0

/** Someone new, with a name that no test has used. The letter keeps `owner-1234` out, which passes for a reserved name. */
export function someone(given = 'ada'): Person {
  number += 1
  const username = `${given}-e${process.pid.toString(36)}${number.toString(36)}`
  return { username, email: `${username}@example.org`, password: PASSWORD }
}

/** Makes people. */
export class People {
  private desk: APIRequestContext | undefined

  /** `keeper` is an administrator of the portal. */
  constructor(
    private readonly portal: Portal,
    readonly keeper: Person,
  ) {}

  /** Waiting, with an address that is not confirmed. */
  async waiting(given?: string): Promise<Member> {
    return this.register(someone(given))
  }

  /** Waiting, with a confirmed address. */
  async confirmed(given?: string): Promise<Member> {
    const person = await this.waiting(given)
    await this.confirm(person)
    return person
  }

  /** Active, with a confirmed address. */
  async active(given?: string): Promise<Member> {
    const person = await this.confirmed(given)
    await this.decide(person, 'approve')
    return person
  }

  /** Active, with an address that is not confirmed. */
  async activeUnconfirmed(given?: string): Promise<Member> {
    const person = await this.waiting(given)
    await this.decide(person, 'approve')
    return person
  }

  async rejected(given?: string): Promise<Member> {
    const person = await this.confirmed(given)
    await this.decide(person, 'reject')
    return person
  }

  async deactivated(given?: string): Promise<Member> {
    const person = await this.active(given)
    await this.decide(person, 'deactivate')
    return person
  }

  async administrator(given?: string): Promise<Member> {
    const person = await this.active(given)
    await this.decide(person, 'make-admin')
    return person
  }

  /** Registers somebody. */
  async register(person: Person): Promise<Member> {
    await this.registerOnly(person)
    return { ...person, id: await this.idOf(person.username) }
  }

  /** Registers somebody whose number nobody needs: looking it up takes a page of the desk. */
  async registerOnly({ username, email, password }: Person): Promise<void> {
    const form = { username, email, password, confirm_password: password }
    await this.asStranger(async (stranger) => this.must(stranger, 'register', form))
  }

  /** Confirms an address with the link from the `number`th mail about it. */
  async confirm(person: Person, number = 1): Promise<void> {
    const mail = await this.portal.mails.wait(person.email, /^Confirm your address/, number)
    const token = linkIn(mail, '/confirm/').split('/').at(-1) ?? ''
    await this.asStranger(async (stranger) => this.must(stranger, 'confirm_address', { token, password: person.password }))
  }

  /** Lets somebody sign in once. */
  async visit({ username, password }: Person): Promise<void> {
    await this.asStranger(async (stranger) => this.must(stranger, 'sign_in', { username, password }))
  }

  /** Asks for a temporary password for an address, as anybody can. */
  async askReset(email: string): Promise<void> {
    await this.asStranger(async (stranger) => this.must(stranger, 'ask_reset', { email }))
  }

  /** Asks for another address to become somebody's; answers the link from the mail to it. */
  async askAddress(person: Person, email: string): Promise<string> {
    const { username, password } = person
    await this.asStranger(async (stranger) => {
      await this.must(stranger, 'sign_in', { username, password })
      await this.must(stranger, 'ask_address_change', { email, current_password: password })
      await this.must(stranger, 'sign_out', {})
    })
    return linkIn(await this.portal.mails.wait(email, /^Confirm your new address/), '/confirm-address/')
  }

  /** Confirms a new address with the link from its mail. */
  async confirmAddress({ password }: Person, link: string): Promise<void> {
    const token = link.split('/').at(-1) ?? ''
    await this.asStranger(async (stranger) => this.must(stranger, 'change_address', { token, password }))
  }

  /** Changes somebody's address; answers the link from the mail to the old one, which takes that back. */
  async changeAddress(person: Person, email: string): Promise<string> {
    await this.confirmAddress(person, await this.askAddress(person, email))
    return linkIn(await this.portal.mails.wait(person.email, /^Your address at .* was changed$/), '/undo/')
  }

  /** Asks for the deletion of somebody's account; answers the link from the mail that keeps it. */
  async askDeletion({ username, password, email }: Person): Promise<string> {
    await this.asStranger(async (stranger) => {
      await this.must(stranger, 'sign_in', { username, password })
      await this.must(stranger, 'delete_account', { current_password: password })
    })
    return linkIn(await this.portal.mails.wait(email, /^Your account at .* will be deleted$/), '/keep/')
  }

  /** Decides as the keeper, e.g. `approve`. */
  async decide(person: Member, decision: string): Promise<void> {
    await this.must(await this.atDesk(), 'decide', { id: String(person.id), decision, stay: 'yes' })
  }

  /** Looks a number up on the desk. */
  async idOf(username: string): Promise<number> {
    const page = await (await this.atDesk()).get(`/admin?after=${username.slice(0, -1)}`)
    const found = new RegExp(`/admin/users/(\\d+)"[^>]*>${username}<`).exec(await page.text())
    if (found?.[1] === undefined) throw new Error(`${username} is not on the desk`)
    return Number(found[1])
  }

  /** Forgets the keeper's session. */
  async leave(): Promise<void> {
    await this.desk?.dispose()
  }

  private async atDesk(): Promise<APIRequestContext> {
    if (this.desk === undefined) {
      // It is used now and then: a connection kept from the last time may be closed by the portal at that very moment.
      this.desk = await request.newContext({ baseURL: this.portal.url, extraHTTPHeaders: { connection: 'close' } })
      const { username, password } = this.keeper
      await this.must(this.desk, 'sign_in', { username, password })
    }
    return this.desk
  }

  private async asStranger(act: (stranger: APIRequestContext) => Promise<void>): Promise<void> {
    const stranger = await request.newContext({ baseURL: this.portal.url })
    try {
      await act(stranger)
    } finally {
      await stranger.dispose()
    }
  }

  private async must(who: APIRequestContext, action: string, form: Record<string, string>): Promise<void> {
    const answer = await who.post(`/do/${action}`, { form })
    expect(answer.status(), `${action} is answered`).toBe(200)
    expect(Object.keys((await answer.json()) as object), `${action} is carried out`).toEqual([expect.stringMatching(/goto|done/)])
  }
}
