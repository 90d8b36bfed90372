// Every page of the portal in its telling states: for axe, for layout, for the pictures.
import type { Page } from '@playwright/test'

import { ConfirmPage } from '../pages/confirm.ts'
import { DecisionPage } from '../pages/decision.ts'
import { DeskPage } from '../pages/desk.ts'
import { FormPage } from '../pages/form.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { PROBLEMS, RegisterPage } from '../pages/register.ts'
import { linkIn } from './mail.ts'
import { type Member, type People, someone } from './people.ts'
import type { Portal } from './portal.ts'
import { signIn } from './test.ts'

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
    waiting: await people.waiting('ada'),
    confirmed: await people.confirmed('charles'),
    active: await people.active('mary'),
    unconfirmed: await people.activeUnconfirmed('luigi'),
    rejected: await people.rejected('george'),
    deactivated: await people.deactivated('annabella'),
    administrator: await people.administrator('grace'),
  }
}

/** Gives the page's browser the session that a state needs. */
export async function enter(page: Page, state: State, cast: Cast): Promise<void> {
  await page.context().clearCookies()
  if (state.as === 'member') await signIn(page, cast.active)
  if (state.as === 'administrator') await signIn(page, cast.administrator)
}

/** The states that leave everything as it is. */
export async function states(portal: Portal, cast: Cast): Promise<State[]> {
  const mails = portal.mails
  const confirmLink = linkIn(await mails.wait(cast.waiting.email, /^Confirm/), '/confirm/')
  const signInLink = linkIn(await mails.wait(cast.active.email, /approved$/), '/auto-login/')
  const askingLink = linkIn(await mails.wait(cast.unconfirmed.email, /approved$/), '/auto-login/')
  const path = (link: string): string => new URL(link).pathname
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
    { name: 'sign-in-link', as: 'stranger', reach: at(path(signInLink)) },
    { name: 'sign-in-link-asks', as: 'stranger', reach: at(path(askingLink)) },
    { name: 'sign-in-link-of-another', as: 'administrator', reach: at(path(signInLink)) },
    { name: 'void-link', as: 'stranger', status: 404, reach: at('/confirm/none') },
    { name: 'logout', as: 'member', reach: at('/logout') },
    { name: 'logged-out', as: 'stranger', reach: at('/logout') },
    { name: 'profile', as: 'member', reach: at('/profile') },
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

/** Sends the page's form to the page's own address. */
export async function postToOwnAddress(page: Page): Promise<void> {
  await page.evaluate(() => {
    const form = document.createElement('form')
    form.method = 'post'
    document.body.append(form)
    form.submit()
  })
}
