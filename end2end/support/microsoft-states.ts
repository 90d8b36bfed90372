// The pages of a portal with Microsoft in all relevant states, for axe, for layout checks and for screenshots. Each
// state takes a browser without a session to its page.
import type { Page } from '@playwright/test'

import { CHANGE_PASSWORD_ERRORS } from '../pages/change-password.ts'
import { EntraPage } from '../pages/entra.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { MicrosoftPage } from '../pages/microsoft.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { ProfilePage } from '../pages/profile.ts'
import {
  MICROSOFT_MESSAGES,
  type Microsoft,
  SIGN_IN_BUTTON,
  ageAuthentication,
  newMicrosoftAccount,
  newMicrosoftUser,
  signInWithMicrosoft,
} from './microsoft.ts'
import type { TestPortal } from './test.ts'
import { signIn } from './test.ts'

/** A page in one state. */
export interface MicrosoftState {
  name: string
  reach: (page: Page) => Promise<void>
}

/** Returns the states. */
export function microsoftStates({ portal, people, entra }: TestPortal & Pick<Microsoft, 'entra'>): MicrosoftState[] {
  const at = (path: string) => async (page: Page) => void (await new PortalPage(page).visit(path))
  const asMember = (address: string) => async (page: Page) => {
    await signIn(page, await people.active())
    await at(address)(page)
  }
  const asMicrosoftUser = (address: string) => async (page: Page) => {
    await newMicrosoftUser(page, entra)
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
        await page.getByRole('button', { name: SIGN_IN_BUTTON, exact: true }).click()
        await new EntraPage(page).deny()
        await login.hasFormError(MICROSOFT_MESSAGES.denied)
      },
    },
    {
      name: 'login-email-in-use',
      reach: async (page) => {
        const { email } = await people.active()
        await signInWithMicrosoft(page, newMicrosoftAccount(entra, 'mary', { email }))
        await new LoginPage(page).hasFormError(MICROSOFT_MESSAGES.emailInUse)
      },
    },
    {
      name: 'login-guest-pending',
      reach: async (page) => {
        await signInWithMicrosoft(page, newMicrosoftAccount(entra, 'guest', { acct: 1 }))
        await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
      },
    },
    { name: 'profile-linked', reach: asMicrosoftUser('/profile') },
    { name: 'profile-not-linked', reach: asMember('/profile') },
    { name: 'link', reach: asMember('/profile/microsoft') },
    {
      name: 'link-error',
      reach: async (page) => {
        await asMember('/profile/microsoft')(page)
        const microsoft = new MicrosoftPage(page)
        await microsoft.press('Link Microsoft')
        await microsoft.hasErrors({ 'Current password': CHANGE_PASSWORD_ERRORS.currentMissing })
      },
    },
    {
      name: 'link-already-linked',
      reach: async (page) => {
        const alreadyLinked = await newMicrosoftUser(page, entra)
        await page.context().clearCookies()
        const ada = await people.active()
        await signIn(page, ada)
        const microsoft = new MicrosoftPage(page)
        await microsoft.open()
        await microsoft.link(ada.password)
        await new EntraPage(page).choose(alreadyLinked)
        await microsoft.hasFormError(MICROSOFT_MESSAGES.alreadyLinked)
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
        // The account is added first, because Entra's page lists only accounts that exist when it opens.
        const account = newMicrosoftAccount(entra)
        await signIn(page, ada)
        const microsoft = new MicrosoftPage(page)
        await microsoft.open()
        await microsoft.link(ada.password)
        await new EntraPage(page).choose(account)
        await new ProfilePage(page).message(MICROSOFT_MESSAGES.linked).waitFor()
        await microsoft.open()
        await microsoft.isOpenToUnlink()
      },
    },
    { name: 'unlink-last-sign-in-method', reach: asMicrosoftUser('/profile/microsoft') },
    { name: 'set-password', reach: asMicrosoftUser('/change-password') },
    {
      name: 'set-password-reauthentication',
      reach: async (page) => {
        const { name } = await newMicrosoftUser(page, entra)
        await ageAuthentication(portal, name)
        await at('/change-password')(page)
      },
    },
    { name: 'email-change', reach: asMicrosoftUser('/profile/address') },
    { name: 'delete-account', reach: asMicrosoftUser('/profile/delete') },
    {
      name: 'delete-account-reauthentication',
      reach: async (page) => {
        const { name } = await newMicrosoftUser(page, entra)
        await ageAuthentication(portal, name)
        await at('/profile/delete')(page)
      },
    },
    {
      name: 'signed-out',
      reach: async (page) => {
        await newMicrosoftUser(page, entra)
        await new ProfilePage(page).signOut()
        await new PortalPage(page).message(MICROSOFT_MESSAGES.signedOutOfPortal).waitFor()
      },
    },
    {
      name: 'admin-users',
      reach: async (page) => {
        await newMicrosoftUser(page, entra)
        await page.context().clearCookies()
        await signIn(page, people.admin)
        await at('/admin')(page)
      },
    },
    {
      name: 'approve-guest',
      reach: async (page) => {
        const guest = newMicrosoftAccount(entra, 'guest', { acct: 1 })
        await signInWithMicrosoft(page, guest)
        await new LoginPage(page).hasFormError(LOGIN_MESSAGES.pending)
        await page.context().clearCookies()
        await signIn(page, people.admin)
        const id = await people.idOf(guest.name)
        await at(`/admin/approve/${id}`)(page)
      },
    },
  ]
}
