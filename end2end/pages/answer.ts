import { expect } from '@playwright/test'

import { FormPage } from './form.ts'

/** Errors of the form that answers a question. */
export const ANSWER_ERRORS = {
  missing: 'Enter an answer.',
  tooLong: 'Use 500 characters or fewer.',
  passwordMissing: 'Enter a password.',
  passwordWrong: 'That password is incorrect.',
} as const

/** The page on which an applicant answers a question, `/answer/{token}` or `/register/answer`. */
export class AnswerPage extends FormPage {
  readonly answer = this.field('Your answer')
  readonly password = this.field('Password')
  readonly question = this.page.getByRole('main').getByRole('blockquote')
  readonly earlier = this.page.getByRole('region', { name: 'Your earlier answers' })

  async openLink(link: string): Promise<void> {
    await this.visit(link)
    await this.isOpen()
  }

  async isOpen(): Promise<void> {
    await this.isAt(/\/answer/, 'Answer a question')
  }

  async send(answer: string): Promise<void> {
    await this.answer.fill(answer)
    await this.press('Send answer')
  }

  /** Shows the button that withdraws the request, and presses it. */
  async withdraw(): Promise<void> {
    await expect(this.page.getByRole('button', { name: 'Withdraw my request' })).toBeHidden()
    await this.page.getByText('Withdraw your request', { exact: true }).click()
    await this.press('Withdraw my request')
  }
}
