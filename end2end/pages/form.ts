import { type Locator, expect } from '@playwright/test'

import { PortalPage, withScripts } from './portal-page.ts'

/** What is said after too many attempts: limits count by the clock, so that the wait may be nearly over. */
export const TOO_MANY = /^Too many attempts\. Try again in \d+ (second|minute)s?\.$/

/** A page with a form. */
export class FormPage extends PortalPage {
  /** The list of everything that is wrong. */
  readonly summary: Locator = this.page.getByRole('main').getByRole('alert')

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true })
  }

  async press(button: string): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: button, exact: true }).click()
  }

  /** Waits for the answer: what is pressed before it comes is not sent, and the refusal before it looks the same. */
  async answered(): Promise<void> {
    await expect(this.page.getByRole('main').locator('button[aria-busy="true"]')).toHaveCount(0)
    await this.alive()
  }

  /** Expects the form to be refused as a whole. */
  async isRefused(words: string | RegExp): Promise<void> {
    await this.answered()
    await expect(this.summary).toContainText(words)
    await this.titleBeginsWithError()
    await this.alive()
  }

  /** Expects a refusal with exactly these errors, each in the summary and beside its field. */
  async hasErrors(errors: Record<string, string>): Promise<void> {
    await this.answered()
    // The page scrolls to it, and lies still then.
    await this.summaryHasFocus()
    const words = Object.values(errors)
    const title = words.length === 1 ? 'One thing needs another look' : `${words.length} things need another look`
    await expect(this.summary.getByRole('heading', { name: title })).toBeVisible()
    await expect(this.summary.getByRole('listitem')).toHaveText(words)
    for (const [label, error] of Object.entries(errors)) await this.hasError(label, error)
    await this.titleBeginsWithError()
    await this.alive()
  }

  /** Expects an error beside a field, tied to it. */
  async hasError(label: string, error: string): Promise<void> {
    const field = this.field(label)
    await expect(field).toHaveAttribute('aria-invalid', 'true')
    await expect(field).toHaveAccessibleDescription(new RegExp(escape(error)))
    const said = this.page.getByRole('paragraph').filter({ hasText: error })
    await expect(said).toBeVisible()
    const words = await said.elementHandle()
    const gap = await field.evaluate((input, words) => {
      return input.getBoundingClientRect().top - (words?.getBoundingClientRect().bottom ?? Infinity)
    }, words)
    expect(gap, `"${error}" stands right above its field`).toBeGreaterThanOrEqual(0)
    expect(gap, `"${error}" stands right above its field`).toBeLessThan(24)
  }

  /** Expects a field to be in order. */
  async hasNoError(label: string): Promise<void> {
    await expect(this.field(label)).not.toHaveAttribute('aria-invalid', 'true')
  }

  /** Expects the summary to have the focus: at once with scripts, and on the page that comes back without. */
  async summaryHasFocus(): Promise<void> {
    await expect(this.summary).toBeFocused()
  }

  /** Follows a link of the summary. */
  async goTo(error: string): Promise<void> {
    await this.summary.getByRole('link', { name: error }).click()
  }

  /** What password managers take the name from: in the form, and out of everybody's way. */
  async namesAccount(username: string): Promise<void> {
    const name = this.page.getByRole('main').locator('form input[autocomplete="username"]')
    await expect(name).toHaveValue(username)
    await expect(name).toHaveAttribute('readonly', '')
    await expect(name).toHaveAttribute('aria-hidden', 'true')
    await expect(name).toHaveAttribute('tabindex', '-1')
  }

  /** Pastes a text into a field, as people and password managers do. */
  async paste(field: Locator, text: string): Promise<void> {
    const desk = await this.page.context().newPage()
    await desk.setContent('<textarea></textarea>')
    await desk.locator('textarea').fill(text)
    await desk.locator('textarea').press('ControlOrMeta+a')
    await desk.locator('textarea').press('ControlOrMeta+c')
    await desk.close()
    await field.focus()
    await field.press('ControlOrMeta+a')
    await field.press('ControlOrMeta+v')
    await expect(field).toHaveValue(text)
  }

  /** Whether the field can be read after "Show". */
  async show(label: string): Promise<void> {
    if (!withScripts()) throw new Error('Passwords are shown by scripts alone')
    const box = this.page.getByRole('main').locator('div').filter({ has: this.field(label) }).last()
    await box.getByRole('button', { name: 'Show password' }).click()
  }
}

export function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
