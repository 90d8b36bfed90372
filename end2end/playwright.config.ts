// Every journey runs twice: in the project "scripts" (with JavaScript) and in the project "plain" (without). A test for
// only one of them is tagged @scripts or @plain. The project "operations" runs once and needs no browser: it stops
// databases, kills the program and floods it with requests. Two projects take screenshots and test nothing:
// `--project=screenshots` of every page, and `--project=readme` those of README.md (script/screenshots runs it).
//
// Environment variables: PORTAL_BIN (the program), LEPTOS_SITE_ROOT (its assets), CHROMIUM (the browser), SCREENSHOTS
// (a folder) and TIMINGS (a file, see support/timings.ts).
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'

import { defineConfig } from '@playwright/test'

// Workers read this file too, with other arguments. They inherit the environment.
if (process.argv.some((argument) => /^(--project=)?(screenshots|readme)$/.test(argument))) process.env.VESTIBULE_SCREENSHOTS = 'yes'
const pictures = process.env.VESTIBULE_SCREENSHOTS === 'yes'

const debian = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync)

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  // One worker per core, and one for the operations tests.
  workers: Math.min(availableParallelism(), 8) + 1,
  // Each step has a timeout of 10 or 20 seconds. This timeout stops a test that never ends: a journey of thirty pages
  // takes 25 seconds on two idle cores, and four times as long on busy ones.
  timeout: 150_000,
  expect: { timeout: 10_000 },
  reporter: process.env.TIMINGS ? [['list'], ['./support/timings.ts']] : [['list']],
  use: {
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    locale: 'en-GB',
    timezoneId: 'UTC',
    // Transitions between pages and within them take a fourth of the processor time of the tests. The tests about motion and those
    // of the approval queue run with them (support/test.ts).
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    launchOptions: {
      // Undefined: the browser that `npx playwright install chromium` has installed.
      executablePath: process.env.CHROMIUM || debian,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-quic',
        '--no-first-run',
      ],
    },
  },
  projects: [
    // The first project, because a single worker runs all of it. Its tests run one at a time: they measure response
    // times and would slow each other down.
    { name: 'operations', testDir: 'operations', fullyParallel: false, workers: 1, timeout: 90_000 },
    { name: 'scripts', use: { javaScriptEnabled: true }, grepInvert: /@plain/ },
    { name: 'plain', use: { javaScriptEnabled: false }, grepInvert: /@scripts/ },
    ...(pictures
      ? ['screenshots', 'readme'].map((name) => ({
          name,
          testDir: 'screenshots',
          testMatch: `**/${name}.spec.ts`,
          timeout: 600_000,
          use: { javaScriptEnabled: true },
        }))
      : []),
  ],
})
