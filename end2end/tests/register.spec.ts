import { ANSWERS, LoginPage } from '../pages/login.ts'
import { PROBLEMS, RegisterPage } from '../pages/register.ts'
import { PASSWORD, someone } from '../support/people.ts'
import { expect, test } from '../support/test.ts'

const NAME = 'Username'
const ADDRESS = 'Email address'
const WORD = 'Password'
const AGAIN = 'Password once more'

test('an empty form says everything that is missing', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.press('Create account')
  await register.hasErrors({ [NAME]: PROBLEMS.noName, [ADDRESS]: PROBLEMS.noAddress, [WORD]: PROBLEMS.noPassword })
  await register.hasNoError(AGAIN)
})

test('each refusal stands beside its field, and what was typed is kept but for passwords', async ({ page, people }) => {
  const register = new RegisterPage(page)
  const ada = someone()
  const member = await people.waiting('twin')
  const refusals: [string, Partial<typeof ada>, string, Record<string, string>][] = [
    ['short name', { username: 'ab' }, PASSWORD, { [NAME]: PROBLEMS.nameLength }],
    ['odd name', { username: 'ada lovelace' }, PASSWORD, { [NAME]: PROBLEMS.nameShape }],
    ['reserved name', { username: 'Administrator' }, PASSWORD, { [NAME]: PROBLEMS.reserved }],
    ['taken name', { username: member.username.toUpperCase() }, PASSWORD, { [NAME]: PROBLEMS.taken }],
    ['no address', { email: 'ada at example.org' }, PASSWORD, { [ADDRESS]: PROBLEMS.addressShape }],
    ['short password', { password: 'short' }, 'short', { [WORD]: PROBLEMS.short }],
    ['long password', { password: 'x'.repeat(129) }, 'x'.repeat(129), { [WORD]: PROBLEMS.long }],
    ['guessable password', { password: 'password1234' }, 'password1234', { [WORD]: PROBLEMS.guessable }],
    ['own words', { password: `${ada.username}12345678` }, `${ada.username}12345678`, { [WORD]: PROBLEMS.guessable }],
    ['two passwords', {}, `${PASSWORD}.`, { [AGAIN]: PROBLEMS.differ }],
    [
      'two things at once',
      { username: '-ada', email: 'ada@localhost' },
      PASSWORD,
      { [NAME]: PROBLEMS.nameShape, [ADDRESS]: PROBLEMS.addressShape },
    ],
  ]
  await register.open()
  for (const [what, change, repeated, errors] of refusals) {
    await test.step(what, async () => {
      const typed = { ...ada, ...change }
      await register.register(typed, repeated)
      await register.hasErrors(errors)
      await expect(register.username).toHaveValue(typed.username)
      await expect(register.email).toHaveValue(typed.email)
      for (const label of [NAME, ADDRESS, WORD, AGAIN]) if (!(label in errors)) await register.hasNoError(label)
    })
  }
  await test.step('a right form is taken at last', async () => {
    await register.register(ada)
    const login = new LoginPage(page)
    await login.is()
    await expect(login.notice(ANSWERS.registered)).toBeVisible()
  })
})

test('a password is never there any more after a refusal', async ({ page, javaScriptEnabled }) => {
  const register = new RegisterPage(page)
  await register.open()
  if (javaScriptEnabled) await register.show('Password')
  await register.register({ ...someone(), username: 'x' })
  await register.hasErrors({ [NAME]: PROBLEMS.nameLength })
  await expect(register.password).toHaveValue('')
  await expect(register.repeated).toHaveValue('')
  expect(await page.content()).not.toContain(PASSWORD)
})

test('the summary takes the focus, and its links lead to the fields', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await expect(register.username).toBeFocused()
  await register.press('Create account')
  await register.hasErrors({ [NAME]: PROBLEMS.noName, [ADDRESS]: PROBLEMS.noAddress, [WORD]: PROBLEMS.noPassword })
  await register.summaryHasFocus()
  await register.goTo(PROBLEMS.noAddress)
  await expect(register.email).toBeFocused()
  await register.goTo(PROBLEMS.noPassword)
  await expect(register.password).toBeFocused()
})

test('a field is checked when it is left, not while it is first typed, and clears as soon as it is right @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.username.pressSequentially('ab')
  await register.hasNoError(NAME)
  await register.username.press('Tab')
  await register.hasError(NAME, PROBLEMS.nameLength)
  await register.username.press('End')
  await register.username.pressSequentially('c')
  await register.hasNoError(NAME)

  await register.password.fill(PASSWORD)
  await register.repeated.fill('violet')
  await register.repeated.press('Tab')
  await register.hasError(AGAIN, PROBLEMS.differ)
  await register.repeated.fill(PASSWORD)
  await register.hasNoError(AGAIN)
})

test('a field that is passed by is not scolded @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  for (const field of [register.username, register.email, register.password]) {
    await field.focus()
    await field.press('Tab')
  }
  for (const label of [NAME, ADDRESS, WORD, AGAIN]) await register.hasNoError(label)
})

test('a password can be shown and hidden again @scripts', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await register.password.fill(PASSWORD)
  await expect(register.password).toHaveAttribute('type', 'password')
  await register.show('Password')
  await expect(register.password).toHaveAttribute('type', 'text')
  await expect(register.password).toHaveValue(PASSWORD)
  await page.getByRole('button', { name: 'Hide password' }).click()
  await expect(register.password).toHaveAttribute('type', 'password')
})

test('an address that has an account gets the same answer as a new one, and its owner a mail', async ({ page, portal, people }) => {
  const owner = await people.active('owner')
  const stranger = { ...someone('mallory'), email: owner.email.toUpperCase() }
  const register = new RegisterPage(page)
  const login = new LoginPage(page)
  const answers: string[] = []
  for (const person of [someone(), stranger]) {
    await page.context().clearCookies()
    await register.open()
    await register.register(person)
    await login.is()
    await expect(login.notice(ANSWERS.registered)).toBeVisible()
    await login.signIn(person.username, person.password)
    await login.isRefused(ANSWERS.waiting)
    await login.askConfirmation.click()
    await expect(login.notice('A new link to confirm your address is on its way.')).toBeVisible()
    await login.alive()
    answers.push((await page.getByRole('main').innerText()).replaceAll(person.username, 'NAME'))
  }
  expect(answers[1]).toBe(answers[0])
  const mail = await portal.mails.wait(owner.email, /^You already have an account at Vestibule$/)
  expect(mail.text).toContain(`Your account there is ${owner.username}.`)
  expect(await portal.mails.to(stranger.email, /./)).toEqual([])
})

test('a registration form works as password managers and phones expect', async ({ page }) => {
  const register = new RegisterPage(page)
  await register.open()
  await expect(register.username).toHaveAttribute('autocomplete', 'username')
  await expect(register.username).toHaveAttribute('autocapitalize', 'none')
  await expect(register.username).toHaveAttribute('spellcheck', 'false')
  await expect(register.email).toHaveAttribute('autocomplete', 'email')
  await expect(register.email).toHaveAttribute('inputmode', 'email')
  await expect(register.password).toHaveAttribute('autocomplete', 'new-password')
  await expect(register.repeated).toHaveAttribute('autocomplete', 'new-password')
  for (const field of [register.username, register.email, register.password]) {
    await expect(field).not.toHaveAttribute('maxlength')
  }
})
