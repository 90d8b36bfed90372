// Every page of the portal in all relevant states, for axe, for layout checks and for screenshots.
import { type BrowserContext, type Page, expect, request } from '@playwright/test'

import { AdminActionPage } from '../pages/admin-action.ts'
import { AdminUsersPage } from '../pages/admin-users.ts'
import { CHANGE_PASSWORD_ERRORS, ChangePasswordPage } from '../pages/change-password.ts'
import { DUE_FOR_DELETION, DeleteAccountPage } from '../pages/delete-account.ts'
import { ConfirmEmailChangePage, EmailChangePage } from '../pages/email-change.ts'
import { EmailVerificationPage } from '../pages/email-verification.ts'
import { FormPage } from '../pages/form.ts'
import { LOGIN_MESSAGES, LoginPage } from '../pages/login.ts'
import { PortalPage } from '../pages/portal-page.ts'
import { REGISTRATION_ERRORS, RegisterPage } from '../pages/register.ts'
import { ResetPasswordPage } from '../pages/reset-password.ts'
import { SavedReasonsPage } from '../pages/saved-reasons.ts'
import { linkIn, temporaryPasswordIn } from './emails.ts'
import { type People, type User, newPerson } from './people.ts'
import type { Portal } from './portal.ts'
import { signIn, signOut } from './test.ts'

/** A page in one state. */
export interface PageState {
  name: string
  /** The session in which the page is shown. */
  as: 'visitor' | 'member' | 'administrator'
  /** The status of the response, which the browser logs. */
  status?: number
  /** Opens the page in this state. */
  reach: (page: Page) => Promise<void>
}

/** One user in each status. */
export interface TestUsers {
  /** The source of these users. */
  people: People
  pending: User
  pendingConfirmed: User
  active: User
  unconfirmed: User
  rejected: User
  deactivated: User
  administrator: User
}

export async function createTestUsers(people: People): Promise<TestUsers> {
  return {
    people,
    pending: await people.pending('ada'),
    pendingConfirmed: await people.pendingConfirmed('charles'),
    active: await people.active('mary'),
    unconfirmed: await people.activeUnconfirmed('luigi'),
    rejected: await people.rejected('george'),
    deactivated: await people.deactivated('annabella'),
    administrator: await people.administrator('grace'),
  }
}

const signedIn = new WeakSet<BrowserContext>()

/**
 * Gives the browser the session that a state needs. The previous session is ended, so that no list of sessions grows.
 */
export async function signInFor(page: Page, state: PageState, testUsers: TestUsers): Promise<void> {
  const context = page.context()
  if (signedIn.delete(context)) await signOut(page)
  await context.clearCookies()
  if (state.as === 'visitor') return
  await signIn(page, state.as === 'member' ? testUsers.active : testUsers.administrator)
  signedIn.add(context)
}

/** Returns the states. Reaching a state leaves the portal unchanged for the others. */
export async function states(portal: Portal, testUsers: TestUsers): Promise<PageState[]> {
  const emails = portal.emails
  const confirmLink = linkIn(await emails.wait(testUsers.pending.email, /^Confirm/), '/confirm/')
  const passwordLink = linkIn(await emails.wait(testUsers.unconfirmed.email, /approved$/), '/auto-login/')
  const pathOf = (link: string): string => new URL(link).pathname
  const { people } = testUsers
  // The link stops working once its user signs in another way, so it gets its own user.
  const signInLink = once(async () => {
    const { email } = await people.active('ellen')
    return pathOf(linkIn(await emails.wait(email, /approved$/), '/auto-login/'))
  })
  const questionLink = once(async () => {
    return pathOf(await people.ask(await people.pending('emmy'), 'Which department do you work in?\nSince when?'))
  })
  const emailChangeLink = once(async () => people.requestEmailChange(testUsers.active, newPerson('mary').email))
  const undoLink = once(async () => people.changeEmail(await people.active('sophie'), newPerson('sophie').email))
  const dueForDeletion = once(async () => {
    const person = await people.active('leonie')
    return { person, link: await people.requestDeletion(person) }
  })
  const restrictedSession = once(async () => {
    // The user is not one of the others, because a restricted session blocks changes of the account in other sessions.
    const { email, username } = await people.active('dorothy')
    await people.requestPasswordReset(email)
    const password = temporaryPasswordIn(await emails.wait(email, /^Your temporary password/))
    return cookiesOf(portal, username, password)
  })
  const savedReasons = once(async () => {
    await people.saveReason('reject', 'Not a member', 'Your name is not on the list of members.\n\nAsk the office to add you.')
    await people.saveReason('reject-silently', 'Advertisement', 'Registered only to advertise.')
    await people.saveReason('ask', 'Department', 'Which department do you work in?')
  })
  // These sessions stay open, and the profile lists them.
  const signInElsewhere = once(async () => {
    for (const agent of USER_AGENTS) await cookiesOf(portal, testUsers.active.username, testUsers.active.password, agent)
  })
  const at = (path: string) => async (page: Page) => void (await new PortalPage(page).visit(path))
  return [
    { name: 'home', as: 'visitor', reach: at('/') },
    { name: 'home-signed-in', as: 'administrator', reach: at('/') },
    { name: 'register', as: 'visitor', reach: at('/register') },
    {
      name: 'register-errors',
      as: 'visitor',
      reach: async (page) => {
        const register = new RegisterPage(page)
        await register.open()
        await register.register({ username: '-', email: 'ada', password: 'short' })
        await register.hasErrors({
          Username: REGISTRATION_ERRORS.usernameLength,
          'Email address': REGISTRATION_ERRORS.emailFormat,
          Password: REGISTRATION_ERRORS.passwordTooShort,
        })
      },
    },
    { name: 'login', as: 'visitor', reach: at('/login') },
    {
      name: 'login-registered',
      as: 'visitor',
      reach: async (page) => {
        const register = new RegisterPage(page)
        await register.open()
        await register.register(newPerson('babbage'))
        await new LoginPage(page).isOpen()
      },
    },
    {
      name: 'login-error',
      as: 'visitor',
      reach: async (page) => {
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(testUsers.active.username, 'not the one at all')
        await login.hasFormError(LOGIN_MESSAGES.incorrect)
      },
    },
    {
      name: 'login-pending',
      as: 'visitor',
      reach: async (page) => {
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(testUsers.pending.username, testUsers.pending.password)
        await login.hasFormError(LOGIN_MESSAGES.pending)
      },
    },
    { name: 'confirm-in-another-browser', as: 'visitor', reach: at(pathOf(confirmLink)) },
    {
      name: 'confirm-error',
      as: 'visitor',
      reach: async (page) => {
        const emailVerification = new EmailVerificationPage(page)
        await emailVerification.openLink(pathOf(confirmLink))
        await emailVerification.press('Confirm email address')
        await emailVerification.hasErrors({ Password: REGISTRATION_ERRORS.passwordMissing })
      },
    },
    { name: 'answer-with-password', as: 'visitor', reach: async (page) => at(await questionLink())(page) },
    { name: 'no-registration', as: 'visitor', reach: at('/register/status') },
    {
      name: 'registration-status',
      as: 'visitor',
      reach: async (page) => {
        const register = new RegisterPage(page)
        await register.open()
        await register.register(newPerson('babbage'))
        await new LoginPage(page).isOpen()
        await new PortalPage(page).visit('/register/status')
      },
    },
    { name: 'sign-in-link', as: 'visitor', reach: async (page) => at(await signInLink())(page) },
    { name: 'sign-in-link-with-password', as: 'visitor', reach: at(pathOf(passwordLink)) },
    { name: 'sign-in-link-of-another', as: 'administrator', reach: async (page) => at(await signInLink())(page) },
    { name: 'invalid-link', as: 'visitor', status: 404, reach: at('/confirm/none') },
    { name: 'reset-password', as: 'visitor', reach: at('/reset-password') },
    {
      name: 'reset-error',
      as: 'visitor',
      reach: async (page) => {
        const resetPassword = new ResetPasswordPage(page)
        await resetPassword.open()
        await resetPassword.request('ada')
        await resetPassword.hasErrors({ 'Email address': REGISTRATION_ERRORS.emailFormat })
      },
    },
    {
      name: 'reset-requested',
      as: 'visitor',
      reach: async (page) => {
        const [resetPassword, login] = [new ResetPasswordPage(page), new LoginPage(page)]
        await resetPassword.open()
        await resetPassword.request(newPerson('unknown').email)
        await login.isOpen()
        await login.message(LOGIN_MESSAGES.resetRequested).waitFor()
      },
    },
    {
      name: 'password-change-required',
      as: 'visitor',
      reach: async (page) => {
        await page.context().addCookies(await restrictedSession())
        await new PortalPage(page).visit('/change-password')
      },
    },
    {
      name: 'password-change-required-error',
      as: 'visitor',
      reach: async (page) => {
        await page.context().addCookies(await restrictedSession())
        const changePassword = new ChangePasswordPage(page)
        await changePassword.open()
        await changePassword.chooseNew('short')
        await changePassword.hasErrors({ 'New password': REGISTRATION_ERRORS.passwordTooShort })
      },
    },
    { name: 'change-password', as: 'member', reach: at('/change-password') },
    {
      name: 'change-password-errors',
      as: 'member',
      reach: async (page) => {
        const changePassword = new ChangePasswordPage(page)
        await changePassword.open()
        await changePassword.change('', 'password1234', 'password123')
        await changePassword.hasErrors({
          'Current password': CHANGE_PASSWORD_ERRORS.currentMissing,
          'Confirm new password': REGISTRATION_ERRORS.passwordsDiffer,
        })
      },
    },
    { name: 'email-change', as: 'member', reach: at('/profile/address') },
    {
      name: 'email-change-errors',
      as: 'member',
      reach: async (page) => {
        const emailChange = new EmailChangePage(page)
        await emailChange.open()
        await emailChange.request('ada', '')
        await emailChange.hasErrors({
          'New email address': REGISTRATION_ERRORS.emailFormat,
          'Current password': CHANGE_PASSWORD_ERRORS.currentMissing,
        })
      },
    },
    {
      name: 'confirm-email-change',
      as: 'member',
      reach: async (page) => at(pathOf(await emailChangeLink()))(page),
    },
    {
      name: 'confirm-email-change-with-password',
      as: 'visitor',
      reach: async (page) => at(pathOf(await emailChangeLink()))(page),
    },
    {
      name: 'confirm-email-change-error',
      as: 'visitor',
      reach: async (page) => {
        const confirmation = new ConfirmEmailChangePage(page)
        await confirmation.openLink(pathOf(await emailChangeLink()))
        await confirmation.submit()
        await confirmation.hasErrors({ Password: REGISTRATION_ERRORS.passwordMissing })
      },
    },
    {
      name: 'confirm-email-change-of-another',
      as: 'administrator',
      reach: async (page) => at(pathOf(await emailChangeLink()))(page),
    },
    {
      name: 'undo-email-change',
      as: 'visitor',
      reach: async (page) => at(pathOf(await undoLink()))(page),
    },
    { name: 'delete-account', as: 'member', reach: at('/profile/delete') },
    { name: 'keep-account', as: 'visitor', reach: async (page) => at(pathOf((await dueForDeletion()).link))(page) },
    {
      name: 'login-due-for-deletion',
      as: 'visitor',
      reach: async (page) => {
        const { username, password } = (await dueForDeletion()).person
        const login = new LoginPage(page)
        await login.open()
        await login.signIn(username, password)
        await login.hasFormError(DUE_FOR_DELETION)
      },
    },
    {
      name: 'reactivate-before-deletion',
      as: 'administrator',
      reach: async (page) => at(`/admin/reactivate/${(await dueForDeletion()).person.id}`)(page),
    },
    {
      name: 'delete-account-error',
      as: 'member',
      reach: async (page) => {
        const deleteAccount = new DeleteAccountPage(page)
        await deleteAccount.open()
        await deleteAccount.press('Delete account')
        await deleteAccount.hasErrors({ 'Current password': CHANGE_PASSWORD_ERRORS.currentMissing })
      },
    },
    { name: 'logout', as: 'member', reach: at('/logout') },
    { name: 'signed-out', as: 'visitor', reach: at('/logout') },
    { name: 'profile', as: 'member', reach: at('/profile') },
    {
      name: 'profile-sessions',
      as: 'member',
      reach: async (page) => {
        await signInElsewhere()
        await new PortalPage(page).visit('/profile')
      },
    },
    {
      name: 'profile-unconfirmed',
      as: 'visitor',
      reach: async (page) => {
        await signIn(page, testUsers.unconfirmed)
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
    { name: 'admin-users', as: 'administrator', reach: at('/admin') },
    {
      name: 'admin-users-menu',
      as: 'administrator',
      reach: async (page) => {
        const adminUsers = new AdminUsersPage(page)
        await adminUsers.open(testUsers.active)
        await adminUsers.row(testUsers.active.username).getByLabel(/^More actions for/).click()
      },
    },
    {
      name: 'admin-users-dialog',
      as: 'administrator',
      reach: async (page) => {
        const adminUsers = new AdminUsersPage(page)
        await adminUsers.open(testUsers.active)
        await adminUsers.openAction(testUsers.active.username, 'Deactivate')
        await adminUsers.confirmation(testUsers.active.username, 'Deactivate').waitFor()
      },
    },
    { name: 'no-failed-emails', as: 'administrator', reach: at('/admin/mail') },
    { name: 'saved-reasons', as: 'administrator', reach: async (page) => (await savedReasons(), at('/admin/reasons')(page)) },
    {
      name: 'edit-reason',
      as: 'administrator',
      reach: async (page) => {
        await savedReasons()
        const reasons = new SavedReasonsPage(page)
        await reasons.open()
        await reasons.edit('Not a member')
      },
    },
    {
      name: 'add-reason-errors',
      as: 'administrator',
      reach: async (page) => {
        const reasons = new SavedReasonsPage(page)
        await reasons.open()
        await reasons.openNew()
        await reasons.press('Add reason')
        await reasons.hasErrors({ Title: 'Enter a title.', Text: 'Enter the text.' })
      },
    },
    { name: 'not-found-reason', as: 'administrator', status: 404, reach: at('/admin/reasons/999999') },
    {
      name: 'reject-preview',
      as: 'administrator',
      reach: async (page) => {
        await savedReasons()
        const rejection = new AdminActionPage(page)
        await rejection.open('reject', testUsers.pendingConfirmed)
        await page.getByLabel('Saved reason').selectOption({ label: 'Not a member' })
        await rejection.press('Use reason')
        await expect(rejection.field('Reason (optional)')).not.toHaveValue('')
        await rejection.press('Preview the email')
        await page.getByRole('region', { name: 'Preview of the email' }).waitFor()
        await rejection.waitUntilReady()
      },
    },
    { name: 'admin-user', as: 'administrator', reach: at(`/admin/users/${testUsers.deactivated.id}`) },
    { name: 'approve', as: 'administrator', reach: at(`/admin/approve/${testUsers.pendingConfirmed.id}`) },
    { name: 'approve-unconfirmed', as: 'administrator', reach: at(`/admin/approve/${testUsers.pending.id}`) },
    { name: 'deactivate', as: 'administrator', reach: at(`/admin/deactivate/${testUsers.active.id}`) },
    { name: 'action-not-allowed', as: 'administrator', reach: at(`/admin/approve/${testUsers.rejected.id}`) },
    { name: 'action-on-own-account', as: 'administrator', reach: at(`/admin/deactivate/${testUsers.administrator.id}`) },
    { name: 'not-found', as: 'visitor', status: 404, reach: at('/nowhere') },
    { name: 'not-found-user', as: 'administrator', status: 404, reach: at('/admin/users/999999') },
    { name: 'forbidden', as: 'member', status: 403, reach: at('/admin') },
    {
      name: 'wrong-method',
      as: 'visitor',
      status: 405,
      reach: async (page) => {
        const login = new FormPage(page)
        await login.visit('/login')
        await postToOwnAddress(page)
        await page.getByRole('heading', { name: 'This page does not accept forms' }).waitFor()
      },
    },
    {
      name: 'admin-users-toasts',
      as: 'administrator',
      reach: async (page) => {
        const adminUsers = new AdminUsersPage(page)
        const adminAction = new AdminActionPage(page)
        await adminAction.open('remove-admin', testUsers.active)
        await adminUsers.open(testUsers.active)
        await adminUsers.openAndConfirm(testUsers.active.username, 'Make administrator')
        await adminUsers.reports(testUsers.active.username, "Now an administrator. They'll have to sign in again.")
        await adminUsers.openAndConfirm(testUsers.active.username, 'Remove administrator role')
        await adminUsers.reports(testUsers.active.username, "No longer an administrator. They'll have to sign in again.")
      },
    },
  ]
}

/** The states of pages as they are opened, each page once. */
export const OPENED_PAGES = new Set([
  'home', 'home-signed-in', 'register', 'login', 'confirm-in-another-browser', 'sign-in-link', 'sign-in-link-with-password',
  'invalid-link', 'reset-password', 'password-change-required', 'change-password', 'email-change', 'confirm-email-change',
  'confirm-email-change-with-password', 'undo-email-change', 'delete-account', 'keep-account', 'logout', 'profile',
  'profile-sessions', 'admin-users',
  'no-failed-emails', 'saved-reasons', 'edit-reason', 'admin-user', 'approve', 'not-found', 'forbidden',
  'answer-with-password', 'no-registration', 'registration-status',
])

const USER_AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
]

/** Signs a person in without the browser, and returns the session's cookies. */
async function cookiesOf(portal: Portal, username: string, password: string, userAgent?: string): Promise<Cookies> {
  const context = await request.newContext({ baseURL: portal.url, userAgent })
  const form = { username, password }
  const response = await context.post('/do/sign_in', { form, headers: { accept: 'application/json' } })
  if (!(await response.text()).startsWith('{"goto"')) throw new Error(`${username} cannot sign in: ${await response.text()}`)
  const { cookies } = await context.storageState()
  await context.dispose()
  return cookies
}

type Cookies = Parameters<BrowserContext['addCookies']>[0]

/** Returns a function that creates a value at its first call and keeps it. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined
  return async () => (value ??= make())
}

/** Submits a form to the page's own path. */
export async function postToOwnAddress(page: Page): Promise<void> {
  await page.evaluate(() => {
    const form = document.createElement('form')
    form.method = 'post'
    document.body.append(form)
    form.submit()
  })
}
