import AxeBuilder from '@axe-core/playwright'
import { type Page, test } from '@playwright/test'

import type { Findings } from './findings.ts'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const COLOURS = ['color-contrast', 'link-in-text-block']

/** Runs axe on the page in both themes. In the dark theme only the colour rules run, because nothing else differs. */
export async function checkAccessibility(page: Page, pageName: string, findings: Findings): Promise<void> {
  await test.step(`axe: ${pageName}`, async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await untilSettled(page)
      // Otherwise axe opens a page for its report, which takes twice the time, and which once never answered. This mode leaves out
      // frames, and the portal has none.
      const axe = new AxeBuilder({ page }).setLegacyMode()
      const { violations } = await (colorScheme === 'light' ? axe.withTags(RULES) : axe.withRules(COLOURS)).analyze()
      for (const { id, help, nodes } of violations) {
        for (const node of nodes) {
          const why = (node.failureSummary ?? '').replace(/\s+/g, ' ')
          findings.add(`${id}: ${help}: ${node.html.replace(/\d{3,}/g, '…')} ${why}`, `${pageName}, ${colorScheme}`)
        }
      }
    }
    await page.emulateMedia({ colorScheme: null })
  })
}

/** Ends all animations. It does not wait for them: those in a closed menu never end by themselves. */
async function untilSettled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    await nextFrame()
    for (const animation of document.getAnimations()) {
      if (animation.effect?.getComputedTiming().endTime === Infinity) animation.cancel()
      else animation.finish()
    }
    await nextFrame()
  })
}
