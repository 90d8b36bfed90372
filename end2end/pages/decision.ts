import { type Locator, expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** `/admin/{decision}/{id}`: asks before a decision; and `/admin/users/{id}`: one person. */
export class DecisionPage extends FormPage {
  async open(decision: string, person: { id: number }): Promise<void> {
    await this.visit(`/admin/${decision}/${person.id}`)
  }

  async openPerson(person: { id: number }): Promise<void> {
    await this.visit(`/admin/users/${person.id}`)
  }

  async asks(label: string, username: string): Promise<void> {
    await expect(this.heading).toHaveText(`${label}: ${username}?`)
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
