import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { REGISTRATION_ERRORS, RegisterPage } from '../pages/register.ts'
import { PASSWORD, newPerson } from '../support/people.ts'
import { expect, test } from '../support/test.ts'

const USERNAME = 'Username'
const EMAIL = 'Email address'
const PASSWORD_FIELD = 'Password'
const REPEATED_PASSWORD = 'Confirm password'

test('an empty form shows every missing value', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.press('Create account')
  await register.hasErrors({
    [USERNAME]: REGISTRATION_ERRORS.usernameMissing,
    [EMAIL]: REGISTRATION_ERRORS.emailMissing,
    [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordMissing,
  })
  await register.hasNoError(REPEATED_PASSWORD)
})

test('each error appears next to its field, and everything except passwords is kept', async ({ page, people }) => {
  const register = new RegisterPage(page)
  const ada = newPerson()
  const member = await people.pending('twin')
  const cases: [string, Partial<typeof ada>, string, Record<string, string>][] = [
    ['short username', { username: 'ab' }, PASSWORD, { [USERNAME]: REGISTRATION_ERRORS.usernameLength }],
    ['username with a space', { username: 'ada lovelace' }, PASSWORD, { [USERNAME]: REGISTRATION_ERRORS.usernameFormat }],
    ['reserved username', { username: 'Administrator' }, PASSWORD, { [USERNAME]: REGISTRATION_ERRORS.usernameReserved }],
    ['taken username', { username: member.username.toUpperCase() }, PASSWORD, { [USERNAME]: REGISTRATION_ERRORS.usernameTaken }],
    ['no email address', { email: 'ada at example.org' }, PASSWORD, { [EMAIL]: REGISTRATION_ERRORS.emailFormat }],
    ['short password', { password: 'short' }, 'short', { [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordTooShort }],
    ['long password', { password: 'x'.repeat(129) }, 'x'.repeat(129), { [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordTooLong }],
    ['weak password', { password: 'password1234' }, 'password1234', { [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordTooWeak }],
    ['password with the username', { password: `${ada.username}12345678` }, `${ada.username}12345678`, { [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordTooWeak }],
    ['two different passwords', {}, `${PASSWORD}.`, { [REPEATED_PASSWORD]: REGISTRATION_ERRORS.passwordsDiffer }],
    [
      'two errors',
      { username: '-ada', email: 'ada@localhost' },
      PASSWORD,
      { [USERNAME]: REGISTRATION_ERRORS.usernameFormat, [EMAIL]: REGISTRATION_ERRORS.emailFormat },
    ],
  ]
  await register.open()
  for (const [name, change, repeated, errors] of cases) {
    await test.step(name, async () => {
      const typed = { ...ada, ...change }
      await register.register(typed, repeated)
      await register.hasErrors(errors)
      await expect(register.username).toHaveValue(typed.username)
      await expect(register.email).toHaveValue(typed.email)
      for (const label of [USERNAME, EMAIL, PASSWORD_FIELD, REPEATED_PASSWORD]) if (!(label in errors)) await register.hasNoError(label)
    })
  }
  await test.step('a valid form is accepted at last', async () => {
    await register.register(ada)
    const login = new LoginPage(page)
    await login.isOpen()
    await expect(login.message(LOGIN_MESSAGES.registered)).toBeVisible()
  })
})

test('a password may be typed in different normal forms of Unicode', async ({ page, javaScriptEnabled }) => {
  const [composed, decomposed] = ['gr\u00fcne Br\u00fccken im Nebel', 'gru\u0308ne Bru\u0308cken im Nebel']
  const ada = { ...newPerson(), password: composed }
  const register = new RegisterPage(page)
  await register.open()
  await register.fill(ada, decomposed)
  if (javaScriptEnabled) {
    await register.repeatedPassword.pressSequentially(' ')
    await register.repeatedPassword.press('Backspace')
    await register.repeatedPassword.press('Tab')
    await register.hasNoError(REPEATED_PASSWORD)
  }
  await register.press('Create account')
  const login = new LoginPage(page)
  await login.isOpen()
  await login.signIn(ada.username, decomposed)
  await login.hasFormError(LOGIN_MESSAGES.pending)
})

test('a refusal is shown with the beginning of a long input', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  const long = '\u{1f600}'.repeat(254)
  await register.register({ username: long, email: long, password: PASSWORD })
  await register.hasErrors({ [USERNAME]: REGISTRATION_ERRORS.usernameFormat, [EMAIL]: REGISTRATION_ERRORS.emailFormat })
  await expect(register.username).toHaveValue(/^(\u{1f600}){60}/u)
})

test('the page contains no password after an error', async ({ page, javaScriptEnabled }) => {
  const register = new RegisterPage(page)
  await register.open()
  if (javaScriptEnabled) await register.showPassword('Password')
  await register.register({ ...newPerson(), username: 'x' })
  await register.hasErrors({ [USERNAME]: REGISTRATION_ERRORS.usernameLength })
  await expect(register.password).toHaveValue('')
  await expect(register.repeatedPassword).toHaveValue('')
  expect(await page.content()).not.toContain(PASSWORD)
})

test('the summary gets the focus, and its links lead to the fields', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await expect(register.username).toBeFocused()
  await register.press('Create account')
  await register.hasErrors({
    [USERNAME]: REGISTRATION_ERRORS.usernameMissing,
    [EMAIL]: REGISTRATION_ERRORS.emailMissing,
    [PASSWORD_FIELD]: REGISTRATION_ERRORS.passwordMissing,
  })
  await register.summaryHasFocus()
  await register.followError(REGISTRATION_ERRORS.emailMissing)
  await expect(register.email).toBeFocused()
  await register.followError(REGISTRATION_ERRORS.passwordMissing)
  await expect(register.password).toBeFocused()
})

test('a field is checked when it loses the focus, and its error disappears as soon as the value is valid @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.username.pressSequentially('ab')
  await register.hasNoError(USERNAME)
  await register.username.press('Tab')
  await register.hasError(USERNAME, REGISTRATION_ERRORS.usernameLength)
  await register.username.press('End')
  await register.username.pressSequentially('c')
  await register.hasNoError(USERNAME)

  await register.password.fill(PASSWORD)
  await register.repeatedPassword.fill('violet')
  await register.repeatedPassword.press('Tab')
  await register.hasError(REPEATED_PASSWORD, REGISTRATION_ERRORS.passwordsDiffer)
  await register.repeatedPassword.fill(PASSWORD)
  await register.hasNoError(REPEATED_PASSWORD)
})

test('a field that is left empty shows no error @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  for (const field of [register.username, register.email, register.password]) {
    await field.focus()
    await field.press('Tab')
  }
  for (const label of [USERNAME, EMAIL, PASSWORD_FIELD, REPEATED_PASSWORD]) await register.hasNoError(label)
})

test('a password can be shown and hidden again @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.password.fill(PASSWORD)
  await expect(register.password).toHaveAttribute('type', 'password')
  await register.showPassword('Password')
  await expect(register.password).toHaveAttribute('type', 'text')
  await expect(register.password).toHaveValue(PASSWORD)
  await page.getByRole('button', { name: 'Hide password' }).click()
  await expect(register.password).toHaveAttribute('type', 'password')
})

test('the email address of an existing account gets the same answer as a new one, and its owner gets an email', async ({
  page,
  portal,
  people,
}) => {
  const owner = await people.active('owner')
  const other = { ...newPerson('mallory'), email: owner.email.toUpperCase() }
  const register = new RegisterPage(page)
  const login = new LoginPage(page)
  const answers: string[] = []
  for (const person of [newPerson(), other]) {
    await page.context().clearCookies()
    await register.open()
    await register.register(person)
    await login.isOpen()
    await expect(login.message(LOGIN_MESSAGES.registered)).toBeVisible()
    await login.signIn(person.username, person.password)
    await login.hasFormError(LOGIN_MESSAGES.pending)
    await login.resendConfirmation.click()
    await expect(login.message('Check your inbox and spam folder for a link to confirm your email address. We send at most 3 links an hour and 10 a day, including the first one.')).toBeVisible()
    await login.waitUntilReady()
    answers.push((await page.getByRole('main').innerText()).replaceAll(person.username, 'NAME'))
  }
  expect(answers[1]).toBe(answers[0])
  const notification = await portal.emails.wait(owner.email, /^You already have an account at Vestibule$/)
  expect(notification.text).toContain(`you already have an account there: ${owner.username}.`)
  expect(await portal.emails.to(other.email, /./)).toEqual([])
})

test('the registration form works with password managers and phones', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await expect(register.username).toHaveAttribute('autocomplete', 'username')
  await expect(register.username).toHaveAttribute('autocapitalize', 'none')
  await expect(register.username).toHaveAttribute('spellcheck', 'false')
  await expect(register.email).toHaveAttribute('autocomplete', 'email')
  await expect(register.email).toHaveAttribute('inputmode', 'email')
  await expect(register.password).toHaveAttribute('autocomplete', 'new-password')
  await expect(register.repeatedPassword).toHaveAttribute('autocomplete', 'new-password')
  for (const field of [register.username, register.email, register.password]) {
    await expect(field).not.toHaveAttribute('maxlength')
  }
})
