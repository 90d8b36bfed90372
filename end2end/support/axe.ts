import AxeBuilder from '@axe-core/playwright'
import { type Page, expect, test } from '@playwright/test'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Expects axe to find nothing on the page as it is, in both themes. */
export async function isAccessible(page: Page, what: string): Promise<void> {
  await test.step(`axe: ${what}`, async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze()
      const found = violations.flatMap(({ id, help, nodes }) =>
        nodes.map((node) => `${id}: ${help}: ${node.html} ${node.failureSummary ?? ''}`),
      )
      expect.soft(found, `${what}, ${colorScheme}`).toEqual([])
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null })
  })
}
