// PgBouncer, a connection pooler in front of a test's PostgreSQL server. Debian 12 has version 1.18, which does not support prepared
// statements in transaction mode.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endOnExit, freePort } from './portal.ts'
import { asPostgres } from './postgres.ts'
import { until } from './until.ts'

/** A running PgBouncer. */
export interface PgBouncer {
  /** The URL of the database behind it. */
  url: string
  stop: () => Promise<void>
}

/** Starts PgBouncer in front of the database with this URL. */
export async function startPgBouncer(database: string, mode: 'session' | 'transaction'): Promise<PgBouncer> {
  const target = new URL(database)
  const [folder, port] = [await mkdtemp(join(tmpdir(), 'vestibule-pgbouncer-')), await freePort()]
  const settings = [
    '[databases]',
    `* = host=127.0.0.1 port=${target.port} user=${target.username}`,
    '[pgbouncer]',
    `listen_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =`,
    `auth_type = any\npool_mode = ${mode}\nignore_startup_parameters = extra_float_digits`,
  ]
  await writeFile(join(folder, 'pgbouncer.ini'), `${settings.join('\n')}\n`)
  // It refuses to run as root, like PostgreSQL.
  await chmod(folder, 0o755)
  const program = existsSync('/usr/sbin/pgbouncer') ? '/usr/sbin/pgbouncer' : 'pgbouncer'
  const [command, args] = asPostgres(program, [join(folder, 'pgbouncer.ini')])
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (data: Buffer) => (output += data.toString()))
  const exited = once(child, 'exit')
  const forget = endOnExit(() => child.kill('SIGKILL'))
  await until('PgBouncer to start', async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer did not start: run script/bootstrap --test\n${output}`)
    return output.includes('process up') ? true : undefined
  })
  return {
    url: `postgres://${target.username}@127.0.0.1:${port}${target.pathname}`,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      forget()
      await rm(folder, { recursive: true })
    },
  }
}
