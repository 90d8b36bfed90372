// The `test` of every spec: a portal for the worker, people, browsers, and an eye on their consoles.
import { type BrowserContext, type Page, test as base } from '@playwright/test'

import { People, someone } from './people.ts'
import { Portal, type PortalOptions } from './portal.ts'

export { expect } from '@playwright/test'

/** A portal of a test's own. */
export interface OwnPortal {
  portal: Portal
  people: People
}

interface TestFixtures {
  /** What the consoles of this test's browsers may say: Chromium's own line for these statuses, and nothing else. */
  expected: Set<number>
  /** What they have said. */
  complaints: string[]
  /** Prints, when a test has failed, what portals warned of meanwhile. */
  warnings: void
  /** Opens a page in a browser of its own, with no cookies. Takes another portal's address. */
  newBrowser: (url?: string) => Promise<Page>
  /** Ends something that the test's portals use, after they have stopped. The last that is given ends first. */
  afterPortals: (end: () => Promise<void>) => void
  /** Starts a portal for this test alone. */
  startPortal: (options?: PortalOptions) => Promise<OwnPortal>
}

interface WorkerFixtures {
  worker: OwnPortal
  /** The portal of this worker. Other tests use it too: bring people of your own. */
  portal: Portal
  /** Makes people in it. */
  people: People
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  worker: [
    async ({}, use) => {
      const keeper = someone('keeper')
      const portal = await Portal.start({ admin: keeper })
      const people = new People(portal, keeper)
      await use({ portal, people })
      await people.leave()
      await portal.remove()
    },
    { scope: 'worker' },
  ],
  portal: [async ({ worker }, use) => use(worker.portal), { scope: 'worker' }],
  people: [async ({ worker }, use) => use(worker.people), { scope: 'worker' }],

  baseURL: async ({ portal }, use) => use(portal.url),

  expected: async ({}, use) => use(new Set()),

  complaints: [
    async ({ expected }, use) => {
      const complaints: string[] = []
      await use(complaints)
      const ours = [...expected].map((status) => `the server responded with a status of ${status} `)
      const rest = complaints.filter((line) => !ours.some((part) => line.includes(part)))
      base.expect(rest, 'The browser has nothing to complain of').toEqual([])
    },
    { auto: true },
  ],

  warnings: [
    async ({}, use, info) => {
      Portal.warnings.length = 0
      await use()
      if (info.status !== info.expectedStatus) {
        console.error(`While "${info.title}" failed, portals warned of:\n${Portal.warnings.join('\n') || 'nothing'}`)
      }
    },
    { auto: true },
  ],

  context: async ({ context, complaints, javaScriptEnabled }, use) => {
    await watch(context, complaints, javaScriptEnabled !== false)
    await use(context)
  },

  newBrowser: async ({ browser, complaints, javaScriptEnabled, baseURL }, use) => {
    const contexts: BrowserContext[] = []
    await use(async (url = baseURL) => {
      const context = await browser.newContext({ baseURL: url, javaScriptEnabled })
      contexts.push(context)
      await watch(context, complaints, javaScriptEnabled !== false)
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
    const own: OwnPortal[] = []
    await use(async (options = {}) => {
      const portal = await Portal.start(options)
      const people = new People(portal, options.admin ?? someone('nobody'))
      own.push({ portal, people })
      return { portal, people }
    })
    for (const { portal, people } of own) {
      await people.leave()
      await portal.remove()
    }
  },
})

/** Collects what goes wrong in a browser, and lets its pages say when they are alive. */
export async function watch(context: BrowserContext, complaints: string[], scripts: boolean): Promise<void> {
  // Without scripts, the browser warns that what was loaded for them is not used.
  const kinds = scripts ? ['error', 'warning'] : ['error']
  context.on('console', (message) => {
    if (kinds.includes(message.type())) {
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url || message.page()?.url()})`)
    }
  })
  context.on('weberror', (event) => {
    const error = event.error()
    // Chromium's own: looking at a page before its stylesheet is there, as tests do, ends its view transition.
    if (error.message.includes('ViewTransition opt-in disabled')) return
    complaints.push(`uncaught on ${event.page()?.url()}: ${error.name} ${error.message} ${error.stack}`)
  })
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`Content-Security-Policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`)
    })
    // The theme switch is the last island of every page, and its dark choice the last thing that comes alive in it.
    const page = window as Window & { alive?: boolean }
    const add = EventTarget.prototype.addEventListener
    EventTarget.prototype.addEventListener = function (...args: Parameters<typeof add>): void {
      add.apply(this, args)
      if (this instanceof HTMLButtonElement && this.value === 'dark') {
        requestAnimationFrame(() => requestAnimationFrame(() => (page.alive = true)))
      }
    }
  })
}

/** Sends a form from a page's browser, without the page; answers what scripts would be told. */
export async function send(page: Page, action: string, form: Record<string, string>): Promise<unknown> {
  const body = new URLSearchParams(form).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await page.request.post(`/do/${action}`, { data: body, headers })
  base.expect(answer.status(), `${action} is answered`).toBe(200)
  return answer.json()
}

/** Signs somebody in without the sign-in page, for tests that are about something else. */
export async function signIn(page: Page, { username, password }: { username: string; password: string }): Promise<void> {
  base.expect(await send(page, 'sign_in', { username, password })).toEqual({ goto: '/profile' })
}

/** Signs out without a page; what is to be said about it waits for the start. */
export async function signOut(page: Page): Promise<void> {
  base.expect(await send(page, 'sign_out', {})).toEqual({ goto: '/' })
}
