// A portal with Microsoft: the doubles of Entra and of Graph, and a portal that is set up with them.
//
// It guarantees: Entra is another site than the portal, as it is outside, and sends people back to this portal's two
// addresses alone; what is started for a test ends with it, and what is started for a worker ends with that.
import type { Page } from '@playwright/test'

import { EntraPage } from '../pages/entra.ts'
import { LoginPage } from '../pages/login.ts'
import { ProfilePage } from '../pages/profile.ts'
import { type Account, Entra } from './entra.ts'
import { Graph } from './graph.ts'
import { People, someone } from './people.ts'
import { Portal, type PortalOptions } from './portal.ts'
import { type OwnPortal, test as base } from './test.ts'

/** Microsoft, as a portal sees it. */
export interface Microsoft {
  entra: Entra
  graph: Graph
}

/** What the portal says of the ways to Microsoft and back. */
export const SAYS = {
  away: "Microsoft can't be reached right now, and nothing was changed. Try again in a moment, or use your password.",
  denied: 'You came back from Microsoft without signing in. Try again, or use your password.',
  refused:
    "What Microsoft answered can't be accepted, and nothing was changed. Try again. If it happens again, tell your administrator.",
  stale:
    'That visit to Microsoft began too long ago, in another browser, or is over already. Nothing was changed. Try again.',
  known:
    'An account here has the address of your Microsoft account. Sign in with its password, then link Microsoft in your profile.',
  noAddress:
    'Your Microsoft account has no email address that we can use. Register with a password, or ask your administrator.',
  other: 'That is not the Microsoft account linked with your account here, and nothing was changed. Try again with the linked one.',
  taken: 'That Microsoft account is linked with another account here, and nothing was changed. Choose another one at Microsoft, or unlink it there first.',
  noProof: "We could not check that you've just signed in with Microsoft. Try again, or ask an administrator for help. Nothing has changed.",
  lastWayIn: 'Nothing was changed: it is your only way to sign in. Set a password first.',
  linked: 'Your Microsoft account is linked. You can sign in with it from now on.',
  unlinked: 'Your Microsoft account is not linked any more.',
  proved: 'That was you. You can go on for ten minutes.',
  signedOutHere: 'You are signed out here. At Microsoft you are still signed in.',
} as const

/** Where Entra's pages are for a browser. */
export function originOf(entra: Entra): string {
  return `http://localhost:${new URL(entra.url).port}`
}

/** Somebody of the tenant whom the portal has not seen; the portal would call them by their `name`. */
export function colleague(entra: Entra, given?: string, more: Partial<Account> = {}): Account {
  const { username, email } = someone(given)
  return entra.add({ name: username, username: email, ...more })
}

/** The words of the way to Microsoft. */
export const BUTTON = 'Sign in with Microsoft'

/** Follows the button of the sign-in page that is there, and chooses who to be. */
export async function choose(page: Page, account: Account): Promise<void> {
  await page.getByRole('button', { name: BUTTON, exact: true }).click()
  await new EntraPage(page).choose(account)
}

/** Signs somebody in with Microsoft, from the sign-in page. */
export async function enter(page: Page, account: Account): Promise<void> {
  await new LoginPage(page).open()
  await choose(page, account)
}

/** Somebody whose account here was made by Microsoft, signed in. */
export async function newcomer(page: Page, entra: Entra, given?: string): Promise<Account> {
  const account = colleague(entra, given)
  await enter(page, account)
  await new ProfilePage(page).isOf(account.name)
  return account
}

/** As if `username` had signed in, and proved who they are, eleven minutes ago. */
export async function age(portal: Portal, username: string): Promise<void> {
  const theirs = `user_id = (SELECT id FROM users WHERE username = '${username}')`
  await portal.query(`UPDATE user_sessions SET proved_at = proved_at - 660000000 WHERE ${theirs}`)
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

/** Tells Entra where people may come back to. */
function register({ entra }: Microsoft, { url }: Portal): void {
  entra.redirectUris.splice(0, Infinity, `${url}/auth/redirect`, `${url}/`)
}

/** What a portal is started with; settings may be about its Microsoft. */
export interface MicrosoftOptions extends Omit<PortalOptions, 'env'> {
  env?: Record<string, string> | ((microsoft: Microsoft) => Record<string, string>)
}

interface TestFixtures {
  /** Starts a portal with a Microsoft of its own for this test alone. */
  startWithMicrosoft: (options?: MicrosoftOptions) => Promise<OwnPortal & Microsoft>
  entra: Entra
  graph: Graph
}

/** Tests whose portal has Microsoft. */
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
      const keeper = someone('keeper')
      const portal = await Portal.start({ admin: keeper, env: settings(microsoft) })
      register(microsoft, portal)
      const people = new People(portal, keeper)
      await use({ portal, people })
      await people.leave()
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
      const more = typeof env === 'function' ? env(microsoft) : env
      const own = await startPortal({ admin: someone('keeper'), ...options, env: { ...settings(microsoft), ...more } })
      register(microsoft, own.portal)
      return { ...own, ...microsoft }
    })
    // Before the portal, so that whatever it still waits for comes to an end.
    for (const microsoft of all) await stopDoubles(microsoft)
  },
})
