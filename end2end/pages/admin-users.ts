import { type Locator, expect } from '@playwright/test'

import { confirmationTitle } from './admin-action.ts'
import { escape } from './form.ts'
import { PortalPage, withScripts } from './portal-page.ts'

/** The list of users, `/admin`. */
export class AdminUsersPage extends PortalPage {
  readonly pending: Locator = this.page.getByRole('table', { name: /^(Pending|Matching) registrations/ })
  readonly users: Locator = this.page.getByRole('table', { name: /^All accounts/ })
  readonly failedEmailsLink: Locator = this.page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: /^Email/ })

  /** Opens the page of the list on which this user is shown. A page has fifty users. */
  async open(user?: { username: string }): Promise<void> {
    await this.visit(user === undefined ? '/admin' : `/admin?after=${user.username.slice(0, -1)}`)
    await this.isOpen()
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/admin(\?|$)/, 'People')
  }

  pendingRow(username: string): Locator {
    return this.pending.getByRole('row').filter({ has: this.usernameLink(username) })
  }

  row(username: string): Locator {
    return this.users.getByRole('row').filter({ has: this.usernameLink(username) })
  }

  private usernameLink(username: string): Locator {
    return this.page.getByRole('link', { name: username, exact: true })
  }

  /** Returns the number of pending registrations, as shown in the heading. */
  async pendingCount(): Promise<number> {
    const heading = this.page.getByRole('heading', { level: 2, name: /^Pending registrations \d+$/ })
    return Number(((await heading.textContent()) ?? '').replace(/\D/g, ''))
  }

  async expectPendingCount(count: number): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 2, name: `Pending registrations ${count}`, exact: true })).toBeVisible()
  }

  /** Presses a button in a row of the pending registrations. */
  async act(username: string, label: string): Promise<void> {
    await this.pendingRow(username).getByRole('button', { name: new RegExp(`^${escape(label)} `) }).click()
  }

  /** Chooses an action from the menu in a row of the list of users. */
  async openAction(username: string, label: string): Promise<void> {
    const row = this.row(username)
    await row.getByLabel(`More actions for ${username}`).click()
    await row.getByRole('link', { name: label, exact: true }).click()
  }

  /** Chooses an action from the menu and confirms it: in a dialog with scripts, on a page without. */
  async openAndConfirm(username: string, label: string): Promise<void> {
    await this.openAction(username, label)
    await this.confirmation(username, label).getByRole('button', { name: label, exact: true }).click()
  }

  /** The dialog or page that asks for confirmation of an action. */
  confirmation(username: string, label: string): Locator {
    const title = confirmationTitle(label, username)
    if (withScripts()) return this.page.getByRole('dialog', { name: title })
    return this.page.getByRole('main').filter({ has: this.page.getByRole('heading', { name: title }) })
  }

  /** Expects the result of an action: a toast with scripts, a message without. */
  async reports(username: string, text: string): Promise<void> {
    await expect(this.message(text)).toBeVisible()
    if (withScripts()) await expect(this.message(text)).toContainText(`${username}: ${text}`)
  }

  /** The bar for decisions about several registrations. */
  readonly bar: Locator = this.page.getByRole('form', { name: 'Selected registrations' })
  /** The decisions that can be undone. */
  readonly recent: Locator = this.page.getByRole('region', { name: 'Recent decisions' })

  /** Opens the approval queue with a filter. */
  async openFiltered(filter: string): Promise<void> {
    await this.visit(`/admin?filter=${encodeURIComponent(filter)}`)
    await this.isOpen()
  }

  /** Opens the menu in a row of the pending registrations, and presses one of its items. */
  async chooseFromQueue(username: string, label: string): Promise<void> {
    const row = this.pendingRow(username)
    await row.getByLabel(`More actions for ${username}`).click()
    await row.getByRole('link', { name: label, exact: true }).or(row.getByRole('button', { name: label, exact: true })).click()
  }

  async select(username: string): Promise<void> {
    await this.page.getByRole('checkbox', { name: `Select ${username}` }).check()
  }

  /** Undoes a decision with its button in the list of recent decisions. `subject` is for example "the approval of ada". */
  async undo(subject: string): Promise<void> {
    await this.recent.getByRole('button', { name: `Undo ${subject}` }).click()
  }
}
