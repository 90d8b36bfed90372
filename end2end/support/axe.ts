import AxeBuilder from '@axe-core/playwright'
import { type Page, test } from '@playwright/test'

import type { Findings } from './findings.ts'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const COLOURS = ['color-contrast', 'link-in-text-block']

/** Lets axe look at the page as it is, in both themes: they differ in their colours alone. */
export async function lookAt(page: Page, what: string, findings: Findings): Promise<void> {
  await test.step(`axe: ${what}`, async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await settled(page)
      const axe = new AxeBuilder({ page })
      const { violations } = await (colorScheme === 'light' ? axe.withTags(RULES) : axe.withRules(COLOURS)).analyze()
      for (const { id, help, nodes } of violations) {
        for (const node of nodes) {
          const why = (node.failureSummary ?? '').replace(/\s+/g, ' ')
          findings.add(`${id}: ${help}: ${node.html.replace(/\d{3,}/g, '…')} ${why}`, `${what}, ${colorScheme}`)
        }
      }
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null })
  })
}

/** Waits until nothing is on its way from one look to another. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)))
  })
}
