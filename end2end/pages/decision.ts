import { type Locator, expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** What is asked before a decision whose button says `label`. */
export function question(label: string, username: string): string {
  switch (label) {
    case 'Approve unconfirmed address':
      return `Approve ${username}?`
    case 'Put back among the waiting':
      return `Put ${username} back among the waiting?`
    case 'Make administrator':
      return `Make ${username} an administrator?`
    case 'Remove administrator':
      return `Remove ${username} as an administrator?`
    default:
      return `${label} ${username}?`
  }
}

/** `/admin/{decision}/{id}`: asks before a decision; and `/admin/users/{id}`: one person. */
export class DecisionPage extends FormPage {
  async open(decision: string, person: { id: number }): Promise<void> {
    await this.visit(`/admin/${decision}/${person.id}`)
  }

  async openPerson(person: { id: number }): Promise<void> {
    await this.visit(`/admin/users/${person.id}`)
  }

  async asks(label: string, username: string): Promise<void> {
    await expect(this.heading).toHaveText(question(label, username))
    await this.alive()
  }

  /** What is known of the person. */
  card(username: string): Locator {
    return this.page.getByRole('region', { name: `About ${username}` })
  }

  /** A way on to another decision. */
  offer(label: string): Locator {
    return this.page.getByRole('main').getByRole('link', { name: label, exact: true })
  }
}
