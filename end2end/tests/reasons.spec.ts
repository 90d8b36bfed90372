import { AdminActionPage } from '../pages/admin-action.ts'
import { withScripts } from '../pages/portal-page.ts'
import { SavedReasonsPage } from '../pages/saved-reasons.ts'
import { newPerson } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

/** Text that would run a script or end its field if it were not escaped. */
const MARKUP = `</textarea><script>document.title = 'hacked'</script><b>"bold" & 'more'</b>`

test('an administrator adds, changes and deletes a saved reason', async ({ page, people }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  const title = newPerson('title').username
  await page.goto('/admin')
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Reasons' }).click()
  await reasons.isOpen()
  await reasons.add('Rejection with an email', title, 'You are not\na member.')
  await expect(reasons.entry(title)).toContainText('Rejection with an email')
  await expect(reasons.entry(title)).toContainText('You are not a member.')
  await reasons.edit(title)
  await expect(reasons.field('Text')).toHaveValue('You are not\na member.')
  await expect(reasons.use('Rejection with an email')).toBeChecked()
  await reasons.fill('Question', title, 'Which department?')
  await reasons.press('Save reason')
  await reasons.isOpen()
  await expect(reasons.message('The saved reason has been changed.')).toBeVisible()
  await expect(reasons.entry(title)).toContainText('Which department?')
  await reasons.edit(title)
  await reasons.press('Delete reason')
  await reasons.isOpen()
  await expect(reasons.message('The saved reason has been deleted.')).toBeVisible()
  await expect(reasons.entry(title)).toHaveCount(0)
})

test('a reason without a title, or with a text that is too long, is refused and its input is kept', async ({ page, people }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  await reasons.open()
  await reasons.openNew()
  const long = '\u4e09'.repeat(501)
  await reasons.fill('Deactivation', '', long)
  await reasons.press('Add reason')
  await reasons.hasErrors({ Title: 'Enter a title.', Text: 'Use 500 characters or fewer.' })
  await expect(reasons.use('Deactivation')).toBeChecked()
  await expect(reasons.field('Text')).toHaveValue(withScripts() ? long : long.slice(0, 500))
})

test('a saved reason fills in the reason of a rejection, which can be changed and previewed before it is sent', async ({ page, people, portal }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  const title = newPerson('title').username
  await reasons.open()
  await reasons.add('Rejection with an email', title, MARKUP)
  const ada = await people.pendingConfirmed()
  const rejection = new AdminActionPage(page)
  await rejection.open('reject', ada)
  await page.getByLabel('Saved reason').selectOption({ label: title })
  await rejection.press('Use reason')
  await expect(rejection.field('Reason (optional)')).toHaveValue(MARKUP)
  await rejection.field('Reason (optional)').fill(`${MARKUP}\nSorry.`)
  await rejection.field('Note (optional)').fill('Only for administrators')
  await rejection.press('Preview the email')
  const preview = page.getByRole('region', { name: 'Preview of the email' })
  await expect(preview).toContainText('This email has not been sent.')
  await expect(preview).toContainText(ada.email)
  await expect(preview).toContainText(`Your request to join Vestibule was declined`)
  await expect(preview.getByLabel('Text of the email')).toContainText(MARKUP)
  await rejection.waitUntilReady()
  await expect(rejection.field('Reason (optional)')).toHaveValue(`${MARKUP}\nSorry.`)
  await expect(rejection.field('Note (optional)')).toHaveValue('Only for administrators')
  await expect(page).not.toHaveTitle('hacked')
  await rejection.press('Reject')
  const email = await portal.emails.wait(ada.email, /was declined$/)
  expect(email.text).toContain(MARKUP)
  expect(email.text).toContain('Sorry.')
  expect(email.text).not.toContain('Only for administrators')
})

test('a silent reason chooses a silent rejection, and no email is sent', async ({ page, people }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  const title = newPerson('title').username
  await reasons.open()
  await reasons.add('Silent rejection', title, 'Advertisement')
  const ada = await people.pendingConfirmed()
  const rejection = new AdminActionPage(page)
  await rejection.open('reject', ada)
  await page.getByLabel('Saved reason').selectOption({ label: `${title} (silent)` })
  await rejection.press('Use reason')
  await expect(rejection.field('Reason (optional)')).toHaveValue('Advertisement')
  await expect(page.getByRole('radio', { name: 'Reject silently' })).toBeChecked()
  await rejection.press('Preview the email')
  await expect(page.getByRole('region', { name: 'Preview of the email' })).toContainText('No email will be sent.')
})

test('a chosen reason replaces another one, but no typed text', async ({ page, people }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  const [first, second] = [newPerson('first').username, newPerson('second').username]
  await reasons.open()
  await reasons.add('Rejection with an email', first, 'You are not\na member.')
  await reasons.add('Rejection with an email', second, 'We are full.')
  const rejection = new AdminActionPage(page)
  await rejection.open('reject', await people.pendingConfirmed())
  const reason = rejection.field('Reason (optional)')
  const use = async (title: string): Promise<void> => {
    await page.getByLabel('Saved reason').selectOption({ label: title })
    await rejection.press('Use reason')
  }
  await use(first)
  await expect(reason).toHaveValue('You are not\na member.')
  await use(second)
  await expect(reason).toHaveValue('We are full.')
  await reason.fill('Hello Ada,')
  await use(first)
  await expect(reason).toHaveValue('Hello Ada,\n\nYou are not\na member.')
})

test('a chosen reason appears without loading the page again @scripts', async ({ page, people }) => {
  await signIn(page, people.admin)
  const reasons = new SavedReasonsPage(page)
  const title = newPerson('title').username
  await reasons.open()
  await reasons.add('Rejection with an email', title, 'You are not a member.')
  const rejection = new AdminActionPage(page)
  await rejection.open('reject', await people.pendingConfirmed())
  await rejection.field('Note (optional)').fill('Kept')
  await page.getByLabel('Saved reason').selectOption({ label: title })
  await rejection.press('Use reason')
  await expect(rejection.field('Reason (optional)')).toHaveValue('You are not a member.')
  await expect(rejection.field('Reason (optional)')).toBeFocused()
  await expect(rejection.field('Note (optional)')).toHaveValue('Kept')
  expect(new URL(page.url()).search).toBe('')
})
