// Every page of the portal in its telling states: for axe, for layout, for the pictures.
import { type BrowserContext, type Page, request } from '@playwright/test'

import { AddressPage, ConfirmAddressPage } from '../pages/address.ts'
import { CHANGE_PROBLEMS, ChangePasswordPage } from '../pages/change-password.ts'
import { ConfirmPage } from '../pages/confirm.ts'
import { DecisionPage } from '../pages/decision.ts'
import { DeleteAccountPage, DUE_FOR_DELETION } from '../pages/delete-account.ts'
import { DeskPage } from '../pages/desk.ts'
import { FormPage } from '../pages/form.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { PROBLEMS, RegisterPage } from '../pages/register.ts'
import { ResetPasswordPage } from '../pages/reset-password.ts'
import { linkIn, secretIn } from './mail.ts'
import { type Member, type People, someone } from './people.ts'
import type { Portal } from './portal.ts'
import { signIn, signOut } from './test.ts'

/** A page in a state. */
export interface State {
  name: string
  /** Whose browser it is shown in. */
  as: 'stranger' | 'member' | 'administrator'
  /** Statuses that it comes with, which the browser logs. */
  status?: number
  /** Brings a browser there. */
  reach: (page: Page) => Promise<void>
}

/** Somebody in each state. */
export interface Cast {
  /** Who made them. */
  people: People
  waiting: Member
  confirmed: Member
  active: Member
  unconfirmed: Member
  rejected: Member
  deactivated: Member
  administrator: Member
}

export async function cast(people: People): Promise<Cast> {
  return {
    people,
    waiting: await people.waiting('ada'),
    confirmed: await people.confirmed('charles'),
    active: await people.active('mary'),
    unconfirmed: await people.activeUnconfirmed('luigi'),
    rejected: await people.rejected('george'),
    deactivated: await people.deactivated('annabella'),
    administrator: await people.administrator('grace'),
  }
}

const signedIn = new WeakSet<BrowserContext>()

/** Gives the page's browser the session that a state needs. The one before is ended, so that no list grows with it. */
export async function enter(page: Page, state: State, cast: Cast): Promise<void> {
  const context = page.context()
  if (signedIn.delete(context)) await signOut(page)
  await context.clearCookies()
  if (state.as === 'stranger') return
  await signIn(page, state.as === 'member' ? cast.active : cast.administrator)
  signedIn.add(context)
}

/** The states that leave everything as it is. */
export async function states(portal: Portal, cast: Cast): Promise<State[]> {
  const mails = portal.mails
  const confirmLink = linkIn(await mails.wait(cast.waiting.email, /^Confirm/), '/confirm/')
  const askingLink = linkIn(await mails.wait(cast.unconfirmed.email, /approved$/), '/auto-login/')
  const path = (link: string): string => new URL(link).pathname
  const { people } = cast
  // Whoever signs in otherwise has no use for it any more.
  const signInLink = once(async () => {
    const { email } = await people.active('ellen')
    return path(linkIn(await mails.wait(email, /approved$/), '/auto-login/'))
  })
  const confirmNewLink = once(async () => people.askAddress(cast.active, someone('mary').email))
  const undoLink = once(async () => people.changeAddress(await people.active('sophie'), someone('sophie').email))
  const leaving = once(async () => {
    const person = await people.active('leaving')
    return { person, link: await people.askDeletion(person) }
  })
  const temporary = once(async () => {
    // Somebody else: while such a session lives, its owner's others may not change the account.
    const { email, username } = await people.active('dorothy')
    await people.askReset(email)
    const password = secretIn(await mails.wait(email, /^Your temporary password/))
    return cookiesOf(portal, username, password)
  })
  // They stay signed in: the profile lists them.
  const elsewhere = once(async () => {
    for (const agent of AGENTS) await cookiesOf(portal, cast.active.username, cast.active.password, agent)
  })
  const at = (address: string) => async (page: Page) => void (await new PortalPage(page).visit(address))
  return [
    { name: 'home', as: 'stranger', reach: at('/') },
    { name: 'home-signed-in', as: 'administrator', reach: at('/') },
    { name: 'register', as: 'stranger', reach: at('/register') },
    {
      name: 'register-refused',
      as: 'stranger',
      reach: async (page) => {
        const register = new RegisterPage(page)
        await register.open()
        await register.register({ username: '-', email: 'ada', password: 'short' })
        await register.hasErrors({
          Username: PROBLEMS.nameLength,
          'Email address': PROBLEMS.addressShape,
          Password: PROBLEMS.short,
        })
      },
    },
    { name: 'login', as: 'stranger', reach: at('/login') },
    {
      name: 'login-registered',
      as: 'stranger',
      reach: async (page) => {
        const register = new RegisterPage(page)
        await register.open()
        await register.register(someone('babbage'))
        await new LoginPage(page).is()
      },
    },
    {
      name: 'login-refused',
      as: 'stranger',
      reach: async (page) => {
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(cast.active.username, 'not the one at all')
        await login.isRefused(ANSWERS.incorrect)
      },
    },
    {
      name: 'login-waiting',
      as: 'stranger',
      reach: async (page) => {
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(cast.waiting.username, cast.waiting.password)
        await login.isRefused(ANSWERS.waiting)
      },
    },
    { name: 'confirm-other-browser', as: 'stranger', reach: at(path(confirmLink)) },
    {
      name: 'confirm-refused',
      as: 'stranger',
      reach: async (page) => {
        const confirm = new ConfirmPage(page)
        await confirm.openLink(path(confirmLink))
        await confirm.press('Confirm address')
        await confirm.hasErrors({ Password: PROBLEMS.noPassword })
      },
    },
    { name: 'sign-in-link', as: 'stranger', reach: async (page) => at(await signInLink())(page) },
    { name: 'sign-in-link-asks', as: 'stranger', reach: at(path(askingLink)) },
    { name: 'sign-in-link-of-another', as: 'administrator', reach: async (page) => at(await signInLink())(page) },
    { name: 'void-link', as: 'stranger', status: 404, reach: at('/confirm/none') },
    { name: 'reset-password', as: 'stranger', reach: at('/reset-password') },
    {
      name: 'reset-refused',
      as: 'stranger',
      reach: async (page) => {
        const reset = new ResetPasswordPage(page)
        await reset.open()
        await reset.ask('ada')
        await reset.hasErrors({ 'Email address': PROBLEMS.addressShape })
      },
    },
    {
      name: 'reset-asked',
      as: 'stranger',
      reach: async (page) => {
        const [reset, login] = [new ResetPasswordPage(page), new LoginPage(page)]
        await reset.open()
        await reset.ask(someone('nobody').email)
        await login.is()
        await login.notice(ANSWERS.resetAsked).waitFor()
      },
    },
    {
      name: 'must-change',
      as: 'stranger',
      reach: async (page) => {
        await page.context().addCookies(await temporary())
        await new PortalPage(page).visit('/change-password')
      },
    },
    {
      name: 'must-change-refused',
      as: 'stranger',
      reach: async (page) => {
        await page.context().addCookies(await temporary())
        const change = new ChangePasswordPage(page)
        await change.open()
        await change.choose('short')
        await change.hasErrors({ 'New password': PROBLEMS.short })
      },
    },
    { name: 'change-password', as: 'member', reach: at('/change-password') },
    {
      name: 'change-password-refused',
      as: 'member',
      reach: async (page) => {
        const change = new ChangePasswordPage(page)
        await change.open()
        await change.change('', 'password1234', 'password123')
        await change.hasErrors({
          'Current password': CHANGE_PROBLEMS.noCurrent,
          'New password once more': PROBLEMS.differ,
        })
      },
    },
    { name: 'change-address', as: 'member', reach: at('/profile/address') },
    {
      name: 'change-address-refused',
      as: 'member',
      reach: async (page) => {
        const address = new AddressPage(page)
        await address.open()
        await address.ask('ada', '')
        await address.hasErrors({
          'New email address': PROBLEMS.addressShape,
          'Current password': CHANGE_PROBLEMS.noCurrent,
        })
      },
    },
    {
      name: 'confirm-address',
      as: 'member',
      reach: async (page) => at(path(await confirmNewLink()))(page),
    },
    {
      name: 'confirm-address-asks',
      as: 'stranger',
      reach: async (page) => at(path(await confirmNewLink()))(page),
    },
    {
      name: 'confirm-address-refused',
      as: 'stranger',
      reach: async (page) => {
        const confirm = new ConfirmAddressPage(page)
        await confirm.openLink(path(await confirmNewLink()))
        await confirm.go()
        await confirm.hasErrors({ Password: PROBLEMS.noPassword })
      },
    },
    {
      name: 'confirm-address-of-another',
      as: 'administrator',
      reach: async (page) => at(path(await confirmNewLink()))(page),
    },
    {
      name: 'undo-address',
      as: 'stranger',
      reach: async (page) => at(path(await undoLink()))(page),
    },
    { name: 'delete-account', as: 'member', reach: at('/profile/delete') },
    { name: 'keep-account', as: 'stranger', reach: async (page) => at(path((await leaving()).link))(page) },
    {
      name: 'login-due-for-deletion',
      as: 'stranger',
      reach: async (page) => {
        const { username, password } = (await leaving()).person
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(username, password)
        await login.isRefused(DUE_FOR_DELETION)
      },
    },
    {
      name: 'ask-reactivate-before-deletion',
      as: 'administrator',
      reach: async (page) => at(`/admin/reactivate/${(await leaving()).person.id}`)(page),
    },
    {
      name: 'delete-account-refused',
      as: 'member',
      reach: async (page) => {
        const goodbye = new DeleteAccountPage(page)
        await goodbye.open()
        await goodbye.press('Delete account')
        await goodbye.hasErrors({ 'Current password': CHANGE_PROBLEMS.noCurrent })
      },
    },
    { name: 'logout', as: 'member', reach: at('/logout') },
    { name: 'logged-out', as: 'stranger', reach: at('/logout') },
    { name: 'profile', as: 'member', reach: at('/profile') },
    {
      name: 'profile-sessions',
      as: 'member',
      reach: async (page) => {
        await elsewhere()
        await new PortalPage(page).visit('/profile')
      },
    },
    {
      name: 'profile-unconfirmed',
      as: 'stranger',
      reach: async (page) => {
        await signIn(page, cast.unconfirmed)
        await new PortalPage(page).visit('/profile')
      },
    },
    {
      name: 'profile-menu',
      as: 'administrator',
      reach: async (page) => {
        const profile = new PortalPage(page)
        await profile.visit('/profile')
        await profile.account.click()
      },
    },
    { name: 'desk', as: 'administrator', reach: at('/admin') },
    {
      name: 'desk-menu',
      as: 'administrator',
      reach: async (page) => {
        const desk = new DeskPage(page)
        await desk.open(cast.active)
        await desk.row(cast.active.username).getByLabel(/^More for/).click()
      },
    },
    {
      name: 'desk-dialog',
      as: 'administrator',
      reach: async (page) => {
        const desk = new DeskPage(page)
        await desk.open(cast.active)
        await desk.choose(cast.active.username, 'Deactivate')
        await desk.question(cast.active.username, 'Deactivate').waitFor()
      },
    },
    { name: 'mail-none', as: 'administrator', reach: at('/admin/mail') },
    { name: 'person', as: 'administrator', reach: at(`/admin/users/${cast.deactivated.id}`) },
    { name: 'ask-approve', as: 'administrator', reach: at(`/admin/approve/${cast.confirmed.id}`) },
    { name: 'ask-approve-unconfirmed', as: 'administrator', reach: at(`/admin/approve/${cast.waiting.id}`) },
    { name: 'ask-deactivate', as: 'administrator', reach: at(`/admin/deactivate/${cast.active.id}`) },
    { name: 'ask-in-vain', as: 'administrator', reach: at(`/admin/approve/${cast.rejected.id}`) },
    { name: 'ask-about-oneself', as: 'administrator', reach: at(`/admin/deactivate/${cast.administrator.id}`) },
    { name: 'not-found', as: 'stranger', status: 404, reach: at('/nowhere') },
    { name: 'not-found-person', as: 'administrator', status: 404, reach: at('/admin/users/999999') },
    { name: 'forbidden', as: 'member', status: 403, reach: at('/admin') },
    {
      name: 'wrong-method',
      as: 'stranger',
      status: 405,
      reach: async (page) => {
        const login = new FormPage(page)
        await login.visit('/login')
        await postToOwnAddress(page)
        await page.getByRole('heading', { name: 'This address takes no forms' }).waitFor()
      },
    },
    {
      name: 'desk-toasts',
      as: 'administrator',
      reach: async (page) => {
        const desk = new DeskPage(page)
        const card = new DecisionPage(page)
        await card.open('remove-admin', cast.active)
        await desk.open(cast.active)
        await desk.chooseAndGo(cast.active.username, 'Make administrator')
        await desk.says(cast.active.username, 'Made an administrator. They have to sign in again.')
        await desk.chooseAndGo(cast.active.username, 'Remove administrator')
        await desk.says(cast.active.username, 'No longer an administrator. They have to sign in again.')
      },
    },
  ]
}

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
]

/** Signs somebody in beside the browser; answers the cookies that it would have then. */
async function cookiesOf(portal: Portal, username: string, password: string, userAgent?: string): Promise<Cookies> {
  const beside = await request.newContext({ baseURL: portal.url, userAgent })
  const form = { username, password }
  const answer = await beside.post('/do/sign_in', { form })
  if (!(await answer.text()).startsWith('{"goto"')) throw new Error(`${username} cannot sign in: ${await answer.text()}`)
  const { cookies } = await beside.storageState()
  await beside.dispose()
  return cookies
}

type Cookies = Parameters<BrowserContext['addCookies']>[0]

/** Makes something when it is first asked for, and keeps it. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return async () => (made ??= make())
}

/** Sends the page's form to the page's own address. */
export async function postToOwnAddress(page: Page): Promise<void> {
  await page.evaluate(() => {
    const form = document.createElement('form')
    form.method = 'post'
    document.body.append(form)
    form.submit()
  })
}
