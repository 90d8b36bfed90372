// The screenshots of README.md show the current pages.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { FOLDER, openReadmePages, textOf } from '../screenshots/readme.ts'
import { expect, test } from '../support/test.ts'

test('the pages in the screenshots of README.md have not changed @scripts', async ({ browser, consoleErrors, startPortal }) => {
  await openReadmePages({ browser, consoleErrors, startPortal }, async (name, page) => {
    const stored = await readFile(join(FOLDER, `${name}.txt`), 'utf8').catch(() => '')
    expect(words(await textOf(page)), `the page in docs/screenshots/${name}-*.png has changed: run script/screenshots`).toBe(words(stored))
  })
})

// The stylesheet decides where lines break.
function words(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
