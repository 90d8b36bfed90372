import { type Locator, expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** Returns the title of the confirmation for the button `label`. */
export function confirmationTitle(label: string, username: string): string {
  switch (label) {
    case 'Approve anyway':
      return `Approve ${username}?`
    case 'Move back to pending':
      return `Move ${username} back to pending?`
    case 'Make administrator':
      return `Make ${username} an administrator?`
    case 'Remove administrator role':
      return `Remove ${username}'s administrator role?`
    default:
      return `${label} ${username}?`
  }
}

/**
 * The pages that ask for confirmation of an action, `/admin/{action}/{id}`, and the page of one user,
 * `/admin/users/{id}`.
 */
export class AdminActionPage extends FormPage {
  async open(action: string, user: { id: number }): Promise<void> {
    await this.visit(`/admin/${action}/${user.id}`)
  }

  async openUser(user: { id: number }): Promise<void> {
    await this.visit(`/admin/users/${user.id}`)
  }

  async asksToConfirm(label: string, username: string): Promise<void> {
    await expect(this.heading).toHaveText(confirmationTitle(label, username))
    await this.waitUntilReady()
  }

  /** The section with the user's details. */
  userDetails(username: string): Locator {
    return this.page.getByRole('region', { name: `About ${username}` })
  }

  /** A link to another action. */
  actionLink(label: string): Locator {
    return this.page.getByRole('main').getByRole('link', { name: label, exact: true })
  }
}
