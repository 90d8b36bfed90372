import { type Locator, expect } from '@playwright/test'

import { PortalPage, withScripts } from './portal-page.ts'

/** The message after too many attempts. Limits count by the clock, so the wait may be nearly over. */
export const TOO_MANY_ATTEMPTS = /^Too many attempts\. Try again in \d+ (second|minute)s?\.$/

/** A page with a form. */
export class FormPage extends PortalPage {
  /** The summary of all errors of the form. */
  readonly summary: Locator = this.page.getByRole('main').getByRole('alert')

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true })
  }

  async press(button: string): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: button, exact: true }).click()
  }

  /** Waits for the response. A click before it arrives sends nothing, and the page still shows the previous error. */
  async waitForResponse(): Promise<void> {
    await expect(this.page.getByRole('main').locator('button[aria-busy="true"]')).toHaveCount(0)
    await this.waitUntilReady()
  }

  /** Expects an error of the form as a whole. */
  async hasFormError(text: string | RegExp): Promise<void> {
    await this.waitForResponse()
    await expect(this.summary).toContainText(text)
    await this.titleBeginsWithError()
    await this.waitUntilReady()
  }

  /** Expects exactly these field errors, each in the summary and next to its field. */
  async hasErrors(errors: Record<string, string>): Promise<void> {
    await this.waitForResponse()
    // The page scrolls to the summary, and has stopped moving once the summary has the focus.
    await this.summaryHasFocus()
    const texts = Object.values(errors)
    await expect(this.summary.getByRole('heading', { name: 'There is a problem' })).toBeVisible()
    await expect(this.summary.getByRole('listitem')).toHaveText(texts)
    for (const [label, error] of Object.entries(errors)) await this.hasError(label, error)
    await this.titleBeginsWithError()
    await this.waitUntilReady()
  }

  /** Expects an error next to a field, associated with it. */
  async hasError(label: string, error: string): Promise<void> {
    const field = this.field(label)
    await expect(field).toHaveAttribute('aria-invalid', 'true')
    await expect(field).toHaveAccessibleDescription(new RegExp(escape(error)))
    const message = this.page.getByRole('paragraph').filter({ hasText: error })
    await expect(message).toBeVisible()
    const element = await message.elementHandle()
    const gap = await field.evaluate((input, message) => {
      return input.getBoundingClientRect().top - (message?.getBoundingClientRect().bottom ?? Infinity)
    }, element)
    expect(gap, `"${error}" is directly above its field`).toBeGreaterThanOrEqual(0)
    expect(gap, `"${error}" is directly above its field`).toBeLessThan(24)
  }

  /** Expects a field without an error. */
  async hasNoError(label: string): Promise<void> {
    await expect(this.field(label)).not.toHaveAttribute('aria-invalid', 'true')
  }

  /** Expects the summary to have the focus: immediately with scripts, and on the reloaded page without. */
  async summaryHasFocus(): Promise<void> {
    await expect(this.summary).toBeFocused()
  }

  /** Follows the link of an error in the summary. */
  async followError(error: string): Promise<void> {
    await this.summary.getByRole('link', { name: error }).click()
  }

  /** Expects the field from which password managers read the username. It is in the form, but hidden from people. */
  async hasUsernameField(username: string): Promise<void> {
    const name = this.page.getByRole('main').locator('form input[autocomplete="username"]')
    await expect(name).toHaveValue(username)
    await expect(name).toHaveAttribute('readonly', '')
    await expect(name).toHaveAttribute('aria-hidden', 'true')
    await expect(name).toHaveAttribute('tabindex', '-1')
  }

  /** Pastes a text into a field, as people and password managers do. */
  async paste(field: Locator, text: string): Promise<void> {
    const scratchPage = await this.page.context().newPage()
    await scratchPage.setContent('<textarea></textarea>')
    await scratchPage.locator('textarea').fill(text)
    await scratchPage.locator('textarea').press('ControlOrMeta+a')
    await scratchPage.locator('textarea').press('ControlOrMeta+c')
    await scratchPage.close()
    await field.focus()
    await field.press('ControlOrMeta+a')
    await field.press('ControlOrMeta+v')
    await expect(field).toHaveValue(text)
  }

  /** Shows the password in a field as text. */
  async showPassword(label: string): Promise<void> {
    if (!withScripts()) throw new Error('Only scripts can show passwords')
    const box = this.page.getByRole('main').locator('div').filter({ has: this.field(label) }).last()
    await box.getByRole('button', { name: 'Show password' }).click()
  }
}

export function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
