import { AddressPage, ConfirmAddressPage, UndoPage } from '../pages/address.ts'
import { CHANGE_PROBLEMS, ChangePasswordPage } from '../pages/change-password.ts'
import { HomePage } from '../pages/home.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { PROBLEMS } from '../pages/register.ts'
import { VoidLinkPage } from '../pages/void-link.ts'
import { linkIn } from '../support/mail.ts'
import { someone } from '../support/people.ts'
import { expect, signIn, test } from '../support/test.ts'

const CONFIRM = /^Confirm your new address for Vestibule$/
const MOVED = /^Your address at Vestibule was changed$/
const ASKED = 'We mailed a link to the new address. Until you use it, your present address stays.'
const NEXT = 'copper lantern drifts north'

const ADDRESS = 'New email address'
const CURRENT = 'Current password'

test('another address: asked for on the profile, confirmed by its mail', async ({ page, portal, people, newBrowser, expected }) => {
  test.slow()
  expected.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const [first, moved] = [someone('first').email, someone('moved').email]
  const other = await newBrowser()
  await signIn(other, ada)
  await signIn(page, ada)
  const profile = new ProfilePage(page)
  const address = new AddressPage(page)
  const confirm = new ConfirmAddressPage(page)

  await test.step('the form says what is wrong beside its fields, and keeps the address', async () => {
    await profile.open()
    await profile.follow('Change address')
    await address.is()
    await expect(page.getByRole('main')).toContainText(`${ada.email} stays your address until you confirm the new one.`)
    await expect(address.email).toBeFocused()
    await expect(address.email).toHaveAttribute('autocomplete', 'email')
    await expect(address.current).toHaveAttribute('autocomplete', 'current-password')
    await address.namesAccount(ada.username)
    await address.press('Send the link')
    await address.hasErrors({ [ADDRESS]: PROBLEMS.noAddress, [CURRENT]: CHANGE_PROBLEMS.noCurrent })
    const refusals: [string, string, Record<string, string>][] = [
      ['ada at example.org', ada.password, { [ADDRESS]: PROBLEMS.addressShape }],
      [first, '', { [CURRENT]: CHANGE_PROBLEMS.noCurrent }],
      [first, 'not the one at all', { [CURRENT]: CHANGE_PROBLEMS.wrong }],
      [ada.email.toUpperCase(), ada.password, { [ADDRESS]: 'That is your address already.' }],
    ]
    for (const [typed, password, errors] of refusals) {
      await address.ask(typed, password)
      await address.hasErrors(errors)
      await expect(address.email).toHaveValue(typed)
      for (const label of [ADDRESS, CURRENT]) if (!(label in errors)) await address.hasNoError(label)
    }
    await page.getByRole('main').getByRole('link', { name: 'Cancel' }).click()
    await profile.is()
  })

  await test.step("somebody else's address gets the same answer, and its owner a mail", async () => {
    await address.open()
    await address.paste(address.current, ada.password)
    await address.email.fill(bert.email)
    await address.press('Send the link')
    await profile.is()
    await expect(profile.notice(ASKED)).toBeVisible()
    await portal.mails.wait(bert.email, /^You already have an account at Vestibule$/)
    expect(await portal.mails.to(bert.email, CONFIRM)).toEqual([])
  })

  const link = await test.step('the link goes to the new address; asking again voids it', async () => {
    await address.open()
    await address.ask(first, ada.password)
    await profile.is()
    await expect(profile.notice(ASKED)).toBeVisible()
    await expect(profile.card).toContainText(ada.email)
    const early = linkIn(await portal.mails.wait(first, CONFIRM), '/confirm-address/')
    const link = await people.askAddress(ada, moved)
    await new VoidLinkPage(page).openLink(early)
    await profile.open()
    await expect(profile.card).toContainText(ada.email)
    return link
  })

  await test.step('looking changes nothing; a press makes it count, here without a password', async () => {
    await confirm.openLink(link)
    await confirm.openLink(link)
    await confirm.is()
    await expect(page.getByRole('main')).toContainText(`${moved} becomes the address of ${ada.username}.`)
    await expect(confirm.password).toHaveCount(0)
    expect(await portal.mails.to(ada.email, MOVED)).toEqual([])
    await confirm.go()
    await profile.is()
    await expect(profile.notice(ANSWERS.addressChanged)).toBeVisible()
    await expect(profile.card).toContainText(moved)
    await expect(profile.card).toContainText('Address confirmed')
    await expect(profile.sessions).toHaveCount(1)
    await expect(profile.history.first()).toContainText('Address changed')
    await new VoidLinkPage(page).openLink(link)
    await profile.open()
    await profile.isOf(ada.username)
  })

  await test.step('the old address is told, every other browser is out, and the new address signs in', async () => {
    const mail = await portal.mails.wait(ada.email, MOVED)
    expect(mail.text).toContain('If it was not, undo it now')
    await other.goto('/profile')
    const login = new LoginPage(other)
    await login.is('?next=%2Fprofile')
    await expect(login.notice(ANSWERS.sessionOver)).toBeVisible()
    await login.signIn(ada.email, ada.password)
    await login.isRefused(ANSWERS.incorrect)
    await login.signIn(moved, ada.password)
    await new ProfilePage(other).isOf(ada.username)
  })
})

test('a new address is confirmed where nobody is signed in: with the password, and not as somebody else', async ({ page, people, portal, expected }) => {
  expected.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const moved = someone('moved').email
  const link = await people.askAddress(ada, moved)
  const confirm = new ConfirmAddressPage(page)

  await signIn(page, bert)
  await confirm.openLink(link)
  await confirm.arrives(/\/confirm-address\//, `This link is for ${ada.username}`)
  await expect(page.getByRole('main')).toContainText(`${bert.username} is signed in here. Sign out first, then open the link again.`)
  await page.getByRole('main').getByRole('link', { name: 'Sign out' }).click()
  await confirm.arrives('/logout', 'Sign out?')
  await confirm.press('Sign out')
  await new HomePage(page).is()

  await confirm.openLink(link)
  await confirm.is()
  await expect(confirm.password).toHaveAttribute('autocomplete', 'current-password')
  await confirm.namesAccount(ada.username)
  await expect(confirm.password).toHaveAccessibleDescription(`The password of ${ada.username}.`)
  await confirm.go()
  await confirm.hasErrors({ Password: PROBLEMS.noPassword })
  await confirm.password.fill(bert.password.toUpperCase())
  await confirm.go()
  await confirm.hasErrors({ Password: 'That is not the password of this account.' })
  await confirm.paste(confirm.password, ada.password)
  await confirm.go()
  const login = new LoginPage(page)
  await login.is()
  await expect(login.notice(ANSWERS.addressChangedSignIn)).toBeVisible()
  await new VoidLinkPage(page).openLink(link)
  await login.open()
  await login.signIn(moved, ada.password)
  const profile = new ProfilePage(page)
  await profile.isOf(ada.username)
  await expect(profile.card).toContainText(moved)
  await portal.mails.wait(ada.email, MOVED)
})

test('the old address takes the change back: everybody is out, and a new password is chosen', async ({ page, people, newBrowser, expected }) => {
  expected.add(404)
  const ada = await people.active()
  const bert = await people.active('bert')
  const moved = someone('moved').email
  const link = await people.changeAddress(ada, moved)
  const thief = await newBrowser()
  await signIn(thief, ada)
  const undo = new UndoPage(page)

  await test.step('somebody else who is signed in has to sign out first', async () => {
    await signIn(page, bert)
    await undo.openLink(link)
    await undo.arrives(/\/undo\//, `This link is for ${ada.username}`)
    await expect(page.getByRole('main')).toContainText(`${bert.username} is signed in here.`)
    await page.context().clearCookies()
  })

  const change = new ChangePasswordPage(page)
  await test.step('looking changes nothing; a press takes it back, and leads to the choice of a password', async () => {
    await undo.openLink(link)
    await undo.openLink(link)
    await undo.is()
    await expect(page.getByRole('main')).toContainText(`${ada.email} becomes the address of ${ada.username} again`)
    await thief.goto('/profile')
    await new ProfilePage(thief).isOf(ada.username)
    await undo.go()
    await change.isForced(ada.username)
    await expect(change.notice(/^Your old address is yours again, everybody is signed out/)).toBeVisible()
    await thief.goto('/profile')
    await new LoginPage(thief).is('?next=%2Fprofile')
    await change.visit('/profile')
    await change.isForced(ada.username)
  })

  await test.step('the password that was known to somebody else is no good any more', async () => {
    await change.choose(NEXT)
    const profile = new ProfilePage(page)
    await profile.isOf(ada.username)
    await expect(profile.card).toContainText(ada.email)
    await expect(profile.card).toContainText('Address confirmed')
    await expect(profile.history.filter({ hasText: 'Change of address taken back' })).toHaveCount(1)
    const spent = new VoidLinkPage(page)
    await spent.visit(link)
    await spent.isTooLateToUndo()
    const login = new LoginPage(thief)
    for (const [identifier, password] of [[ada.username, ada.password], [moved, NEXT]] as const) {
      await login.signIn(identifier, password)
      await login.isRefused(ANSWERS.incorrect)
    }
    await login.signIn(ada.email, NEXT)
    await new ProfilePage(thief).isOf(ada.username)
  })
})

test('whoever changed an address twice cannot take it back from its first owner', async ({ page, portal, people }) => {
  const ada = await people.active()
  const thief = { ...ada, email: someone('thief').email }
  const toOwner = await people.changeAddress(ada, thief.email)
  const link = await people.askAddress(thief, someone('hideout').email)
  await people.confirmAddress(thief, link)
  // The address came in lately: whoever brought it in gets no way back of their own.
  const told = await portal.mails.wait(thief.email, MOVED)
  expect(told.text).toContain('tell an administrator')
  expect(told.text).not.toContain('/undo/')
  const undo = new UndoPage(page)
  await undo.openLink(toOwner)
  await undo.go()
  const change = new ChangePasswordPage(page)
  await change.isForced(ada.username)
  await change.choose(NEXT)
  await new ProfilePage(page).isOf(ada.username)
})

test('an address that somebody else has confirmed meanwhile is not taken from them', async ({ page, people }) => {
  const ada = await people.active()
  const bert = await people.active('bert')
  const link = await people.changeAddress(ada, someone('moved').email)
  const wanted = someone('wanted').email
  const asked = await people.askAddress(bert, wanted)
  await people.confirm(await people.register({ ...someone('carl'), email: ada.email }), 2)
  await people.confirm(await people.register({ ...someone('carl'), email: wanted }))

  const taken = 'Another account has confirmed this address, so nothing was changed. Sign in with that account.'
  const undo = new UndoPage(page)
  await undo.openLink(link)
  await undo.go()
  await undo.isRefused(taken)
  await signIn(page, bert)
  const confirm = new ConfirmAddressPage(page)
  await confirm.openLink(asked)
  await confirm.go()
  await confirm.isRefused(taken)
  await confirm.visit('/profile')
  await expect(new ProfilePage(page).card).toContainText(bert.email)
})
