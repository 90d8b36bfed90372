// The pages of a portal with Microsoft in their telling states: for axe, for layout, for the pictures. Each state brings a
// browser without a session to where it can be looked at.
import type { Page } from '@playwright/test'

import { DecisionPage } from '../pages/decision.ts'
import { EntraPage } from '../pages/entra.ts'
import { ANSWERS, LoginPage } from '../pages/login.ts'
import { CHANGE_PROBLEMS } from '../pages/change-password.ts'
import { MicrosoftPage } from '../pages/microsoft.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import { BUTTON, type Microsoft, SAYS, age, choose, colleague, enter, newcomer } from './microsoft.ts'
import type { OwnPortal } from './test.ts'
import { signIn } from './test.ts'

/** A page in a state. */
export interface MicrosoftState {
  name: string
  reach: (page: Page) => Promise<void>
}

/** The states. */
export function microsoftStates({ portal, people, entra }: OwnPortal & Pick<Microsoft, 'entra'>): MicrosoftState[] {
  const at = (address: string) => async (page: Page) => void (await new PortalPage(page).visit(address))
  const asMember = (address: string) => async (page: Page) => {
    await signIn(page, await people.active())
    await at(address)(page)
  }
  const asNewcomer = (address: string) => async (page: Page) => {
    await newcomer(page, entra)
    await at(address)(page)
  }
  return [
    { name: 'login', reach: at('/login') },
    { name: 'register', reach: at('/register') },
    {
      name: 'login-denied',
      reach: async (page) => {
        const login = new LoginPage(page)
        await login.open()
        await page.getByRole('button', { name: BUTTON, exact: true }).click()
        await new EntraPage(page).deny()
        await login.isRefused(SAYS.denied)
      },
    },
    {
      name: 'login-address-known',
      reach: async (page) => {
        const { email } = await people.active()
        await enter(page, colleague(entra, 'mary', { email }))
        await new LoginPage(page).isRefused(SAYS.known)
      },
    },
    {
      name: 'login-guest-waits',
      reach: async (page) => {
        await enter(page, colleague(entra, 'guest', { acct: 1 }))
        await new LoginPage(page).isRefused(ANSWERS.waiting)
      },
    },
    { name: 'profile-linked', reach: asNewcomer('/profile') },
    { name: 'profile-not-linked', reach: asMember('/profile') },
    { name: 'link', reach: asMember('/profile/microsoft') },
    {
      name: 'link-refused',
      reach: async (page) => {
        await asMember('/profile/microsoft')(page)
        const microsoft = new MicrosoftPage(page)
        await microsoft.press('Go to Microsoft')
        await microsoft.hasErrors({ 'Current password': CHANGE_PROBLEMS.noCurrent })
      },
    },
    {
      name: 'link-taken',
      reach: async (page) => {
        const taken = await newcomer(page, entra)
        await page.context().clearCookies()
        const ada = await people.active()
        await signIn(page, ada)
        const microsoft = new MicrosoftPage(page)
        await microsoft.open()
        await microsoft.link(ada.password)
        await new EntraPage(page).choose(taken)
        await microsoft.isRefused(SAYS.taken)
      },
    },
    {
      name: 'link-unconfirmed',
      reach: async (page) => {
        await signIn(page, await people.activeUnconfirmed())
        await at('/profile/microsoft')(page)
      },
    },
    {
      name: 'unlink',
      reach: async (page) => {
        const ada = await people.active()
        // Add the account first: Entra's page lists only accounts that exist when it opens.
        const account = colleague(entra)
        await signIn(page, ada)
        const microsoft = new MicrosoftPage(page)
        await microsoft.open()
        await microsoft.link(ada.password)
        await new EntraPage(page).choose(account)
        await new ProfilePage(page).notice(SAYS.linked).waitFor()
        await microsoft.open()
        await microsoft.isUnlink()
      },
    },
    { name: 'unlink-last-way-in', reach: asNewcomer('/profile/microsoft') },
    { name: 'set-password', reach: asNewcomer('/change-password') },
    {
      name: 'set-password-proof-too-old',
      reach: async (page) => {
        const { name } = await newcomer(page, entra)
        await age(portal, name)
        await at('/change-password')(page)
      },
    },
    { name: 'change-address', reach: asNewcomer('/profile/address') },
    { name: 'delete-account', reach: asNewcomer('/profile/delete') },
    {
      name: 'delete-account-proof-too-old',
      reach: async (page) => {
        const { name } = await newcomer(page, entra)
        await age(portal, name)
        await at('/profile/delete')(page)
      },
    },
    {
      name: 'signed-out',
      reach: async (page) => {
        await newcomer(page, entra)
        await new ProfilePage(page).signOut()
        await new PortalPage(page).notice(SAYS.signedOutHere).waitFor()
      },
    },
    {
      name: 'desk',
      reach: async (page) => {
        await newcomer(page, entra)
        await page.context().clearCookies()
        await signIn(page, people.keeper)
        await at('/admin')(page)
      },
    },
    {
      name: 'ask-approve-guest',
      reach: async (page) => {
        const guest = colleague(entra, 'guest', { acct: 1 })
        await enter(page, guest)
        await new LoginPage(page).isRefused(ANSWERS.waiting)
        await page.context().clearCookies()
        await signIn(page, people.keeper)
        const id = await people.idOf(guest.name)
        await at(`/admin/approve/${id}`)(page)
      },
    },
  ]
}
