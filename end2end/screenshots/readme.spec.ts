// The screenshots of README.md in both themes, and the texts of their pages. script/screenshots runs this file.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { test } from '../support/test.ts'
import { FOLDER, openReadmePages, textOf } from './readme.ts'

test('the screenshots of README.md', async ({ browser, consoleErrors, startPortal }) => {
  await mkdir(FOLDER, { recursive: true })
  await openReadmePages({ browser, consoleErrors, startPortal }, async (name, page) => {
    await writeFile(join(FOLDER, `${name}.txt`), await textOf(page))
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) })
    }
  })
})
