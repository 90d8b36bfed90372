// The `test` of every spec: a portal for the worker, users, browsers, and a check of their consoles.
import { type BrowserContext, type Page, test as base } from '@playwright/test'

import { ADMIN, People, newPerson } from './people.ts'
import { Portal, type PortalOptions } from './portal.ts'

export { expect } from '@playwright/test'

/** A portal with its users. */
export interface TestPortal {
  portal: Portal
  people: People
}

/** The options of tests that run with transitions and animations, which other tests leave out to save time. */
export const WITH_MOTION = { contextOptions: { reducedMotion: 'no-preference' } } as const

interface TestFixtures {
  /** HTTP statuses that the browsers may log in this test. Every other error in a console fails the test. */
  expectedStatuses: Set<number>
  /** The errors and warnings in the consoles. */
  consoleErrors: string[]
  /** Prints the warnings of the portals after a failed test. */
  portalWarnings: void
  /** Opens a page in a new browser context without cookies. Takes the URL of another portal. */
  newBrowser: (url?: string) => Promise<Page>
  /** Registers a step that runs after the test's portals have stopped. The last one runs first. */
  afterPortals: (end: () => Promise<void>) => void
  /** Starts a portal for this test only. */
  startPortal: (options?: PortalOptions) => Promise<TestPortal>
}

interface WorkerFixtures {
  worker: TestPortal
  /** The portal of this worker. Other tests use it too, so each test creates its own users. */
  portal: Portal
  /** Creates users in the worker's portal. */
  people: People
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  worker: [
    async ({}, use) => {
      const admin = ADMIN
      const portal = await Portal.start({ admin })
      const people = new People(portal, admin)
      await use({ portal, people })
      await portal.remove()
    },
    { scope: 'worker' },
  ],
  portal: [async ({ worker }, use) => use(worker.portal), { scope: 'worker' }],
  people: [async ({ worker }, use) => use(worker.people), { scope: 'worker' }],

  baseURL: async ({ portal }, use) => use(portal.url),

  expectedStatuses: async ({}, use) => use(new Set()),

  consoleErrors: [
    async ({ expectedStatuses }, use) => {
      const consoleErrors: string[] = []
      await use(consoleErrors)
      const expectedLines = [...expectedStatuses].map((status) => `the server responded with a status of ${status} `)
      const unexpected = consoleErrors.filter((line) => !expectedLines.some((part) => line.includes(part)))
      base.expect(unexpected, 'errors in the console of the browser').toEqual([])
    },
    { auto: true },
  ],

  portalWarnings: [
    async ({}, use, info) => {
      Portal.warnings.length = 0
      await use()
      if (info.status !== info.expectedStatus) {
        console.error(`While "${info.title}" failed, portals warned of:\n${Portal.warnings.join('\n') || 'nothing'}`)
      }
    },
    { auto: true },
  ],

  context: async ({ context, consoleErrors, javaScriptEnabled }, use) => {
    await watchConsole(context, consoleErrors, javaScriptEnabled !== false)
    await use(context)
  },

  newBrowser: async ({ browser, consoleErrors, javaScriptEnabled, baseURL }, use) => {
    const contexts: BrowserContext[] = []
    await use(async (url = baseURL) => {
      const context = await browser.newContext({ baseURL: url, javaScriptEnabled })
      contexts.push(context)
      await watchConsole(context, consoleErrors, javaScriptEnabled !== false)
      return context.newPage()
    })
    for (const context of contexts) await context.close()
  },

  afterPortals: async ({}, use) => {
    const ends: (() => Promise<void>)[] = []
    await use((end) => ends.push(end))
    for (const end of ends.reverse()) await end()
  },

  startPortal: async ({ afterPortals: _ }, use) => {
    const started: Portal[] = []
    await use(async (options = {}) => {
      const portal = await Portal.start(options)
      const people = new People(portal, options.admin ?? newPerson('unknown'))
      started.push(portal)
      return { portal, people }
    })
    for (const portal of started) await portal.remove()
  },
})

/** Collects the console errors of a browser, and lets its pages report when they are hydrated. */
export async function watchConsole(context: BrowserContext, consoleErrors: string[], scripts: boolean): Promise<void> {
  // Without scripts, the browser warns about unused preloads.
  const kinds = scripts ? ['error', 'warning'] : ['error']
  context.on('console', (message) => {
    if (kinds.includes(message.type())) {
      consoleErrors.push(`${message.type()}: ${message.text()} (${message.location().url || message.page()?.url()})`)
    }
  })
  context.on('weberror', (event) => {
    const error = event.error()
    // A Chromium error: inspecting a page before its stylesheet has loaded, as tests do, ends its view transition.
    if (error.message.includes('ViewTransition opt-in disabled')) return
    consoleErrors.push(`uncaught on ${event.page()?.url()}: ${error.name} ${error.message} ${error.stack}`)
  })
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`Content-Security-Policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`)
    })
    // The theme switch is the last island of every page, and its dark button is the last element to be hydrated.
    const page = window as Window & { ready?: boolean }
    const add = EventTarget.prototype.addEventListener
    EventTarget.prototype.addEventListener = function (...args: Parameters<typeof add>): void {
      add.apply(this, args)
      if (this instanceof HTMLButtonElement && this.value === 'dark') {
        requestAnimationFrame(() => requestAnimationFrame(() => (page.ready = true)))
      }
    }
  })
}

/** Sends a form from the browser of a page without opening a page, and returns the JSON result. */
export async function send(page: Page, action: string, form: Record<string, string>): Promise<unknown> {
  const body = new URLSearchParams(form).toString()
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const response = await page.request.post(`/do/${action}`, { data: body, headers })
  base.expect(response.status(), `the status of ${action}`).toBe(200)
  return response.json()
}

/** Signs a person in without the sign-in page, for tests of other pages. */
export async function signIn(page: Page, { username, password }: { username: string; password: string }): Promise<void> {
  base.expect(await send(page, 'sign_in', { username, password })).toEqual({ goto: '/profile' })
}

/** Signs out without a page. The message about it appears on the home page. */
export async function signOut(page: Page): Promise<void> {
  base.expect(await send(page, 'sign_out', {})).toEqual({ goto: '/' })
}
