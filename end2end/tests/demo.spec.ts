// The demo: invented people for development.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AdminUsersPage } from '../pages/admin-users.ts'
import { endOnExit, freePort, root } from '../support/portal.ts'
import { expect, signIn, test } from '../support/test.ts'
import { until } from '../support/until.ts'

test('script/server --demo serves an admin page with invented people @scripts', async ({ newBrowser }) => {
  // Otherwise script/server would build, and replace the files that other tests load.
  const isBuilt = spawnSync('bash', ['-c', 'source script/lib.sh && debug_is_built'], { cwd: root })
  expect(isBuilt.status, 'the portal is built from these sources: run script/test').toBe(0)
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-demo-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = { DEMO_FOLDER: folder, LEPTOS_SITE_ADDR: `127.0.0.1:${port}`, PUBLIC_URL: url, SECRET_KEY: 'WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa' }
  const child = spawn(join(root, 'script/server'), ['--demo'], { env: { ...process.env, ...settings }, stdio: 'pipe' })
  const cancel = endOnExit(() => child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  try {
    // On busy cores it takes longer than the 10 seconds that it may take on idle ones.
    const ready = await until('the demo', async () => {
      if (child.exitCode !== null) return false
      return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true ? true : undefined
    }, 60_000)
    expect(ready, output).toBe(true)
    const [, username = '', password = ''] = /as (\S+) with the password "([^"]+)"/.exec(output) ?? []
    const page = await newBrowser(url)
    await signIn(page, { username, password })
    const adminUsers = new AdminUsersPage(page)
    await adminUsers.open()
    expect(await adminUsers.pendingCount()).toBeGreaterThan(50)
    expect(existsSync(join(folder, 'demo.db'))).toBe(true)
  } finally {
    cancel()
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
})

test('vestibule demo refuses production before it opens a database @scripts', async ({ portal }) => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-demo-'))
  const env = { LEPTOS_ENV: 'PROD', SECRET_KEY: 'WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa', MAIL_TRANSPORT: 'file', DATABASE_URL: 'sqlite://demo.db' }
  const { code, out, err } = await portal.attempt(['demo'], { folder, env })
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err.trim()).toMatch(/^vestibule: The demo is only for development[^\n]*$/)
  expect(existsSync(join(folder, 'demo.db'))).toBe(false)
  await rm(folder, { recursive: true, force: true })
})
