// A PostgreSQL server for the tests, which a test can stop, freeze and restart. It lives in a temporary folder on a
// free port, and leaves nothing behind.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { endOnExit, freePort, rowsOf } from './portal.ts'
import { test as base } from './test.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** A locked table. */
export interface Lock {
  /** Waits until this many queries wait for the lock. */
  until: (number: number) => Promise<void>
  /** Releases the lock. */
  release: () => Promise<void>
}

/** A database server. */
export class Postgres {
  private child: ChildProcess | undefined
  private stopped: number[] = []
  private port = 0
  private log = ''
  private databases = 0
  private forget = (): void => undefined

  private constructor(
    private readonly folder: string,
    private readonly bin: string,
  ) {}

  /** Creates a server and waits until it accepts connections. */
  static async start(): Promise<Postgres> {
    return base.step('Start PostgreSQL', async () => Postgres.create())
  }

  private static async create(): Promise<Postgres> {
    const bin = findPrograms()
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-postgres-'))
    const postgres = new Postgres(folder, bin)
    await mkdir(join(folder, 'own'))
    if (isRoot()) {
      // PostgreSQL refuses to run as root, and its user needs access to the folder.
      await chmod(folder, 0o711)
      await run('chown', ['postgres:', join(folder, 'own')])
    }
    const options = ['--pgdata', 'data', '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C']
    const [command, args] = asPostgres(join(bin, 'initdb'), [...options, '--no-sync'])
    await run(command, args, { cwd: join(folder, 'own') })
    for (let attempts = 0; attempts < 5 && postgres.child === undefined; attempts += 1) {
      postgres.port = await freePort()
      // Another program may take the port first.
      await postgres.startAgain().catch((error: unknown) => {
        if (attempts === 4) throw error
      })
    }
    return postgres
  }

  /** Creates an empty database and returns its URL. */
  async newDatabase(): Promise<string> {
    this.databases += 1
    const name = `portal_${this.databases}`
    await base.step('Start PostgreSQL database', async () => this.query('postgres', `CREATE DATABASE ${name}`))
    return `postgres://postgres@127.0.0.1:${this.port}/${name}`
  }

  /** Runs SQL in a database, given by its name or URL. A row is an array of strings. */
  async query(database: string, sql: string): Promise<string[][]> {
    const name = database.split('/').at(-1) ?? database
    const args = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-d', name, '-v', 'ON_ERROR_STOP=1']
    const { stdout } = await run(join(this.bin, 'psql'), [...args, '-X', '-q', '-A', '-t', '-F', '\t', '-c', sql])
    return rowsOf(stdout)
  }

  /** Waits until no client is connected. Then the last statements of a killed client are committed or rolled back. */
  async untilDisconnected(database: string): Promise<void> {
    const name = database.split('/').at(-1) ?? database
    await until(`no client to be connected to ${name}`, async () => {
      const [row] = await this.query('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}'`)
      return row?.[0] === '0' ? true : undefined
    })
  }

  /** Locks a table, so that every query that reads or changes it waits. */
  async lock(database: string, table: string): Promise<Lock> {
    const name = database.split('/').at(-1) ?? database
    const args = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-d', name, '-X', '-q', '-A', '-t']
    const child = spawn(join(this.bin, 'psql'), args, { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.write(`BEGIN;\nLOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE;\nSELECT 'locked';\n`)
    await once(child.stdout, 'data')
    return {
      until: async (number) => {
        await until(`${number} queries to wait for ${table}`, async () => {
          const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
          const [row] = await this.query('postgres', waiting)
          return Number(row?.[0]) >= number ? true : undefined
        })
      },
      release: async () => {
        child.stdin.end()
        await once(child, 'close')
      },
    }
  }

  /** Kills the server, as a crash would: connections break, and committed data is kept. */
  async crash(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.resume()
    this.child = undefined
    child.kill('SIGQUIT')
    await until('PostgreSQL to end', async () => (child.exitCode === null && child.signalCode === null ? undefined : true))
    this.forget()
  }

  /** Starts the server again, on the same port and with the same data. */
  async startAgain(): Promise<void> {
    const options = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', 'fsync=off']
    const settings = [...options, 'full_page_writes=off'].flatMap((option) => ['-c', option])
    const [command, args] = asPostgres(join(this.bin, 'postgres'), ['-D', 'data', '-p', String(this.port), ...settings])
    const child = spawn(command, args, { cwd: join(this.folder, 'own'), stdio: ['ignore', 'ignore', 'pipe'] })
    this.log = ''
    child.stderr.on('data', (data: Buffer) => (this.log += data.toString()))
    const ready = await until('PostgreSQL to start', async () => {
      if (child.exitCode !== null || child.signalCode !== null) return false
      return this.log.includes('ready to accept connections') ? true : undefined
    })
    if (!ready) throw new Error(`PostgreSQL did not start:\n${this.log}`)
    this.child = child
    this.forget = endOnExit(() => {
      this.resume()
      child.kill('SIGQUIT')
    })
  }

  /** Freezes the server: connections stay open and new ones are accepted by the kernel, but no query is answered. */
  freeze(): void {
    const pid = this.child?.pid
    if (pid === undefined) throw new Error('PostgreSQL does not run')
    // The parent is stopped first, so that it starts no new children.
    process.kill(pid, 'SIGSTOP')
    this.stopped = [...childrenOf(pid), pid]
    for (const child of this.stopped) process.kill(child, 'SIGSTOP')
  }

  /** Continues after `freeze`. */
  resume(): void {
    for (const pid of this.stopped.splice(0)) {
      try {
        process.kill(pid, 'SIGCONT')
      } catch {
        // The process has ended.
      }
    }
  }

  /** Makes sure that the server works for the next test. */
  async restore(): Promise<void> {
    this.resume()
    if (this.child === undefined) await this.startAgain()
  }

  /** Stops the server and removes its folder. */
  async remove(): Promise<void> {
    await this.crash()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Tests that need PostgreSQL. One server serves all of them, and works when a test begins. */
export const test = base.extend<{ postgres: Postgres }, { server: Postgres }>({
  server: [
    async ({}, use) => {
      const server = await Postgres.start()
      await use(server)
      await server.remove()
    },
    { scope: 'worker' },
  ],
  postgres: async ({ server }, use) => {
    await server.restore()
    await use(server)
    await server.restore()
  },
})

function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Returns the command that runs a program as the user postgres, if the tests run as root. */
export function asPostgres(program: string, args: string[]): [string, string[]] {
  if (!isRoot()) return [program, args]
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]]
}

/** Returns the folder with initdb, postgres and psql of the newest version. */
function findPrograms(): string {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(base, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  const found = folders.find((folder) => ['initdb', 'postgres', 'psql'].every((name) => isProgram(join(folder, name))))
  if (found === undefined) throw new Error('PostgreSQL is missing: run script/test once')
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => parentOf(pid) === parent)
}

function parentOf(pid: number): number | undefined {
  try {
    // The fields after the name in brackets are the state and the parent.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1])
  } catch {
    return undefined // The process has ended.
  }
}
