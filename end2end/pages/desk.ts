import { type Locator, expect } from '@playwright/test'

import { PortalPage, withScripts } from './portal-page.ts'
import { escape } from './form.ts'
import { question } from './decision.ts'

/** `/admin` */
export class DeskPage extends PortalPage {
  readonly waiting: Locator = this.page.getByRole('table', { name: /^Waiting/ })
  readonly everybody: Locator = this.page.getByRole('table', { name: /^People/ })
  readonly mailTab: Locator = this.page.getByRole('navigation', { name: 'Desk' }).getByRole('link', { name: /^Mail/ })

  /** Opens the desk where this person stands among all people: it shows fifty at a time. */
  async open(person?: { username: string }): Promise<void> {
    await this.visit(person === undefined ? '/admin' : `/admin?after=${person.username.slice(0, -1)}`)
    await this.is()
  }

  async is(): Promise<void> {
    await this.arrives(/\/admin(\?|$)/, 'Desk')
  }

  waitingRow(username: string): Locator {
    return this.waiting.getByRole('row').filter({ has: this.nameOf(username) })
  }

  row(username: string): Locator {
    return this.everybody.getByRole('row').filter({ has: this.nameOf(username) })
  }

  private nameOf(username: string): Locator {
    return this.page.getByRole('link', { name: username, exact: true })
  }

  /** How many wait, as the heading says. */
  async countOfWaiting(): Promise<number> {
    const heading = this.page.getByRole('heading', { level: 2, name: /^Waiting \d+$/ })
    return Number(((await heading.textContent()) ?? '').replace(/\D/g, ''))
  }

  async expectWaiting(count: number): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 2, name: `Waiting ${count}`, exact: true })).toBeVisible()
  }

  /** Presses a button in somebody's row among those who wait. */
  async decide(username: string, label: string): Promise<void> {
    await this.waitingRow(username).getByRole('button', { name: new RegExp(`^${escape(label)} `) }).click()
  }

  /** Chooses from the menu in somebody's row among all people. */
  async choose(username: string, label: string): Promise<void> {
    const row = this.row(username)
    await row.getByLabel(`More for ${username}`).click()
    await row.getByRole('link', { name: label, exact: true }).click()
  }

  /** Chooses from the menu and says yes: in a dialog with scripts, on a page without. */
  async chooseAndGo(username: string, label: string): Promise<void> {
    await this.choose(username, label)
    await this.question(username, label).getByRole('button', { name: label, exact: true }).click()
  }

  /** What asks before a decision is taken. */
  question(username: string, label: string): Locator {
    const asked = question(label, username)
    if (withScripts()) return this.page.getByRole('dialog', { name: asked })
    return this.page.getByRole('main').filter({ has: this.page.getByRole('heading', { name: asked }) })
  }

  /** What came of a decision: a toast with scripts, a notice without. */
  async says(username: string, words: string): Promise<void> {
    await expect(this.notice(words)).toBeVisible()
    if (withScripts()) await expect(this.notice(words)).toContainText(`${username}: ${words}`)
  }
}
