// A portal with Microsoft: the test doubles of Entra and Graph, and a portal that is configured for them.
//
// # Guarantees
//
// - Entra is another site than the portal, as in production, and redirects only to the two registered URLs of this
//   portal.
// - The doubles of a test stop with the test, and those of a worker with the worker.
import type { Page } from '@playwright/test'

import { EntraPage } from '../pages/entra.ts'
import { LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { type Account, Entra } from './entra.ts'
import { Graph } from './graph.ts'
import { ADMIN, People, newPerson } from './people.ts'
import { Portal, type PortalOptions } from './portal.ts'
import { type TestPortal, test as base } from './test.ts'

/** Microsoft's services, as a portal uses them. */
export interface Microsoft {
  entra: Entra
  graph: Graph
}

/** The portal's messages about signing in and linking with Microsoft. */
export const MICROSOFT_MESSAGES = {
  unavailable: 'We cannot reach Microsoft right now. Try again in a moment, or use your password. Nothing has changed.',
  denied: 'You did not finish signing in with Microsoft. Try again, or use your password.',
  rejected:
    'We could not sign you in with Microsoft. Try again. If it happens again, tell your administrator. Nothing has changed.',
  expired:
    'Your sign-in with Microsoft took too long, was started in another browser or has already ended. Try again. Nothing has changed.',
  emailInUse:
    'An account here already uses the email address of your Microsoft account. Sign in to that account with its password, then link Microsoft in your profile.',
  noEmail:
    'Your Microsoft account has no email address that we can use. Register with a password, or ask your administrator.',
  otherAccount: 'That is not the Microsoft account linked to your account here. Try again with the linked Microsoft account. Nothing has changed.',
  alreadyLinked: 'That Microsoft account is linked to another account here. Use a different Microsoft account, or first unlink this one from the other account. Nothing has changed.',
  notReauthenticated: "We could not check that you've just signed in with Microsoft. Try again, or ask an administrator for help. Nothing has changed.",
  lastSignInMethod: 'Microsoft is your only way to sign in. Set a password before you unlink it.',
  linked: 'Your Microsoft account has been linked. You can now sign in with it.',
  unlinked: 'Your Microsoft account is no longer linked.',
  reauthenticated: 'Thank you for confirming. You will not be asked again for 10 minutes.',
  signedOutOfPortal: "You're signed out here, but still signed in at Microsoft.",
} as const

/** Returns the origin of Entra's pages in a browser. */
export function originOf(entra: Entra): string {
  return `http://localhost:${new URL(entra.url).port}`
}

/** Adds an account of the tenant that is new to the portal. The portal would use its `name` as the username. */
export function newMicrosoftAccount(entra: Entra, given?: string, details: Partial<Account> = {}): Account {
  const { username, email } = newPerson(given)
  return entra.add({ name: username, username: email, ...details })
}

/** The button that starts the sign-in with Microsoft. */
export const SIGN_IN_BUTTON = 'Sign in with Microsoft'

/** Presses the button on the open sign-in page, and chooses an account. */
export async function chooseAccount(page: Page, account: Account): Promise<void> {
  await page.getByRole('button', { name: SIGN_IN_BUTTON, exact: true }).click()
  await new EntraPage(page).choose(account)
}

/** Signs in with Microsoft, from the sign-in page. */
export async function signInWithMicrosoft(page: Page, account: Account): Promise<void> {
  await new LoginPage(page).open()
  await chooseAccount(page, account)
}

/** Signs in with a new account, which creates a user, and returns the account. */
export async function newMicrosoftUser(page: Page, entra: Entra, given?: string): Promise<Account> {
  const account = newMicrosoftAccount(entra, given)
  await signInWithMicrosoft(page, account)
  await new ProfilePage(page).isOpenFor(account.name)
  return account
}

/** Makes the sign-in of `username` eleven minutes older. */
export async function ageAuthentication(portal: Portal, username: string): Promise<void> {
  const ofUser = `user_id = (SELECT id FROM users WHERE username = '${username}')`
  await portal.query(`UPDATE user_sessions SET authenticated_at = authenticated_at - 660000000 WHERE ${ofUser}`)
}

async function startDoubles(): Promise<Microsoft> {
  const entra = await Entra.start()
  return { entra, graph: await Graph.start(entra) }
}

async function stopDoubles({ entra, graph }: Microsoft): Promise<void> {
  await graph.stop()
  await entra.stop()
}

function settings({ entra, graph }: Microsoft): Record<string, string> {
  return {
    CLIENT_ID: entra.clientId,
    CLIENT_SECRET: entra.clientSecret,
    TENANT_ID: entra.tenant,
    AUTHORITY: `${originOf(entra)}/${entra.tenant}`,
    ENDPOINT: `${graph.url}/v1.0/me`,
  }
}

/** Registers the portal's redirect URIs with Entra. */
function registerRedirectUris({ entra }: Microsoft, { url }: Portal): void {
  entra.redirectUris.splice(0, Infinity, `${url}/auth/redirect`, `${url}/`)
}

/** The options of a portal. Its settings may depend on its Microsoft services. */
export interface MicrosoftOptions extends Omit<PortalOptions, 'env'> {
  env?: Record<string, string> | ((microsoft: Microsoft) => Record<string, string>)
}

interface TestFixtures {
  /** Starts a portal with its own Microsoft services for this test only. */
  startWithMicrosoft: (options?: MicrosoftOptions) => Promise<TestPortal & Microsoft>
  entra: Entra
  graph: Graph
}

/** Tests whose portal has Microsoft sign-in. */
export const test = base.extend<TestFixtures, { microsoft: Microsoft }>({
  microsoft: [
    async ({}, use) => {
      const microsoft = await startDoubles()
      await use(microsoft)
      await stopDoubles(microsoft)
    },
    { scope: 'worker' },
  ],
  worker: [
    async ({ microsoft }, use) => {
      const admin = ADMIN
      const portal = await Portal.start({ admin, env: settings(microsoft) })
      registerRedirectUris(microsoft, portal)
      const people = new People(portal, admin)
      await use({ portal, people })
      await portal.remove()
    },
    { scope: 'worker' },
  ],
  entra: async ({ microsoft }, use) => use(microsoft.entra),
  graph: async ({ microsoft }, use) => use(microsoft.graph),

  startWithMicrosoft: async ({ startPortal }, use) => {
    const all: Microsoft[] = []
    await use(async ({ env = {}, ...options } = {}) => {
      const microsoft = await startDoubles()
      all.push(microsoft)
      const extraEnv = typeof env === 'function' ? env(microsoft) : env
      const ownPortal = await startPortal({ admin: ADMIN, ...options, env: { ...settings(microsoft), ...extraEnv } })
      registerRedirectUris(microsoft, ownPortal.portal)
      return { ...ownPortal, ...microsoft }
    })
    // The doubles stop before the portal, so that no request of the portal waits for an answer.
    for (const microsoft of all) await stopDoubles(microsoft)
  },
})
