// Runs a portal for the tests: the program in a temporary folder, on a free port, with only the settings given here.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { test } from '@playwright/test'

import { Mailbox } from './emails.ts'
import { until } from './until.ts'

/** The root folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
const program = resolve(process.env.PORTAL_BIN || join(root, 'target/debug/vestibule'))
const site = resolve(process.env.LEPTOS_SITE_ROOT || join(root, 'target/debug/site'))

/** The settings of portals whose data is not in the usual files. */
const OWN_STORAGE = ['DATABASE_URL', 'REDIS_URL', 'SECRET_KEY', 'CREDENTIALS_DIRECTORY']

/** A person, as the tests know them. */
export interface Person {
  username: string
  email: string
  password: string
}

/** The options of a portal. */
export interface PortalOptions {
  /** Settings in addition to those of every test. */
  env?: Record<string, string>
  /** An administrator to create before the start. Portals with the same administrator get copies of one database. */
  admin?: Person
  /** True to fill the database with the demo's invented people before the start. */
  demo?: boolean
  /** Errors that the portal may log, for a test that stops its database. Other errors still fail the test. */
  expectedErrors?: RegExp
  /** A command that runs the program with limits. The program and its arguments follow. */
  wrapper?: string[]
}

/** A running portal. */
export class Portal {
  /** The warnings of all portals since the last reset. */
  static readonly warnings: string[] = []
  /** The folders with the data of a portal that has only an administrator, by the administrator's username. */
  private static readonly templates = new Map<string, Promise<string>>()
  /** The URL of the portal, without a slash at the end. */
  url = ''
  /** The emails that the portal has written. */
  readonly emails: Mailbox
  private child: ChildProcess | undefined
  private log = ''
  /** The port. Commands that run before the first start do not listen. */
  private port = 3000

  private constructor(
    private readonly folder: string,
    private readonly options: PortalOptions,
  ) {
    this.emails = new Mailbox(join(folder, 'data/mail'))
  }

  /** Starts a portal with a new database, and waits until it is ready. */
  static async start(options: PortalOptions = {}): Promise<Portal> {
    for (const needed of [program, join(site, 'pkg')]) {
      if (!existsSync(needed)) throw new Error(`${needed} is missing: run script/test, or script/server once`)
    }
    const portal = new Portal(await mkdtemp(join(tmpdir(), 'vestibule-e2e-')), options)
    try {
      if (options.demo === true) await test.step('Start vestibule demo', async () => portal.run(['demo']))
      if (options.admin !== undefined) await portal.beginWith(options.admin)
      await portal.serve()
    } catch (error) {
      await portal.remove().catch(() => undefined)
      throw error
    }
    return portal
  }

  /** Gives a new portal its administrator. A copy takes a tenth of the time of the command. */
  private async beginWith(admin: Person): Promise<void> {
    const { env = {}, wrapper, demo } = this.options
    if (wrapper !== undefined || demo === true || OWN_STORAGE.some((setting) => setting in env)) return this.createAdmin(admin)
    let template = Portal.templates.get(admin.username)
    if (template === undefined) {
      template = Portal.createTemplate(admin)
      Portal.templates.set(admin.username, template)
    }
    await cp(join(await template, 'data'), join(this.folder, 'data'), { recursive: true })
  }

  private static async createTemplate(admin: Person): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-e2e-'))
    endOnExit(() => rmSync(folder, { recursive: true, force: true }))
    await new Portal(folder, {}).createAdmin(admin)
    return folder
  }

  /** Creates an administrator on the command line, before the portal starts or while it runs. */
  async createAdmin(admin: Person): Promise<void> {
    const { username, email, password } = admin
    const args = ['admin', 'create', '--username', username, '--email', email, '--password-stdin']
    await test.step('Start vestibule admin create', async () => this.run(args, password))
  }

  /** Runs a command of the program, and returns its output. */
  async run(args: string[], input = ''): Promise<string> {
    const { code, out, err } = await this.attempt(args, { input })
    if (code !== 0) throw new Error(`vestibule ${args.join(' ')} ended with ${code}: ${err}`)
    return out
  }

  /** Runs a command that may fail. */
  async attempt(
    args: string[],
    { input = '', folder = this.folder, env = {} }: { input?: string; folder?: string; env?: Record<string, string> } = {},
  ): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(program, args, { cwd: folder, env: { ...this.env(), ...env }, stdio: 'pipe' })
    let [out, err] = ['', '']
    child.stdout.on('data', (data: Buffer) => (out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    // A command that reads no input may end before the input is written.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
    child.stdin.end(input)
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  }

  /** The process id, while the portal runs. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** The log since the last start. */
  get logged(): string {
    return this.log
  }

  /** The setup link for the first administrator, if the log contains one. */
  get setupLink(): string | undefined {
    return /no administrator yet: open (\S+) to create one/.exec(this.log)?.[1]
  }

  /** Stops the portal with SIGTERM, and expects exit code 0 within 8 seconds and no logged error. */
  async stop(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    if (child.exitCode === null) child.kill('SIGTERM')
    const end = Date.now() + 8_000
    await until('the portal to stop', async () => (child.exitCode === null && child.signalCode === null ? undefined : true), 15_000)
    if (child.exitCode !== 0) throw new Error(`The portal ended with ${child.exitCode ?? child.signalCode}:\n${this.log}`)
    if (Date.now() > end) throw new Error(`The portal took more than 8 seconds to stop:\n${this.log}`)
    const isExpected = (line: string): boolean => !line.includes('panicked') && this.options.expectedErrors?.test(line) === true
    const errors = this.log.split('\n').filter((line) => / ERROR |panicked/.test(line) && !isExpected(line))
    if (errors.length > 0) throw new Error(`The portal logged errors:\n${errors.join('\n')}`)
  }

  /** Stops the portal and starts it again, on the same database. */
  async restart(): Promise<void> {
    await this.stop()
    await this.serve()
  }

  /** Kills the portal in the middle of its work, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    if (child.signalCode !== 'SIGKILL') {
      throw new Error(`The portal had already ended (${child.exitCode ?? child.signalCode}):\n${this.log}`)
    }
  }

  /** Starts the portal after it was killed, on the same database and port. */
  async startAgain(): Promise<void> {
    await this.serve(this.port)
  }

  /** Runs SQL in the SQLite database while the portal runs. A row is an array of strings. */
  async query(sql: string, file = join(this.folder, 'data/vestibule.db')): Promise<string[][]> {
    return querySqlite(file, sql)
  }

  /**
   * Runs SQL in a copy of the SQLite database while the portal does not run. Opening the original file would already
   * make the repairs that the portal has to make at its next start.
   */
  async queryCopy(sql: string): Promise<string[][]> {
    const copy = await mkdtemp(join(this.folder, 'copy-'))
    for (const end of ['', '-wal']) {
      const file = join(this.folder, `data/vestibule.db${end}`)
      if (existsSync(file)) await copyFile(file, join(copy, `vestibule.db${end}`))
    }
    return querySqlite(join(copy, 'vestibule.db'), sql)
  }

  /** Locks the SQLite database for writing, as another program would. Returns a function that unlocks it. */
  async lockDatabase(): Promise<() => Promise<void>> {
    const script = [
      'import sqlite3, sys',
      'database = sqlite3.connect(sys.argv[1], isolation_level=None)',
      'database.execute("BEGIN IMMEDIATE")',
      'print("locked", flush=True)',
      'sys.stdin.read()',
    ].join('\n')
    const child = spawn(python, ['-c', script, join(this.folder, 'data/vestibule.db')], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    return async () => {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    }
  }

  /** Stops the portal and removes its folder. */
  async remove(): Promise<void> {
    try {
      await this.stop()
    } finally {
      await rm(this.folder, { recursive: true, force: true })
    }
  }

  private env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: this.folder,
      NO_COLOR: '1',
      RUST_BACKTRACE: '1',
      LEPTOS_ENV: 'DEV',
      LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}`,
      PUBLIC_URL: `http://127.0.0.1:${this.port}`,
      LEPTOS_SITE_ROOT: site,
      LIMIT_SIGN_IN: '10000/1m',
      LIMIT_REGISTER: '10000/1m',
      MAIL_RATE: '1000/1m',
      UNDO_WINDOW: '0s',
      LOG: 'info',
      ...this.options.env,
    }
  }

  /** Another program may take the port first. Then the portal starts on another port. */
  private async serve(port?: number): Promise<void> {
    await test.step('Start portal', async () => this.launch(port))
  }

  private async launch(port?: number): Promise<void> {
    for (let attempts = 0; attempts < 5; attempts += 1) {
      this.port = attempts === 0 && port !== undefined ? port : await freePort()
      this.url = `http://127.0.0.1:${this.port}`
      this.log = ''
      const [command = program, ...args] = [...(this.options.wrapper ?? []), program, 'serve']
      const child = spawn(command, args, { cwd: this.folder, env: this.env(), stdio: ['ignore', 'ignore', 'pipe'] })
      child.stderr.on('data', (data: Buffer) => (this.log += data.toString()))
      createInterface(child.stderr).on('line', (line) => {
        if (/\b(WARN|ERROR)\b|panicked/.test(line)) Portal.warnings.push(line)
      })
      this.child = child
      const ready = await until(`the portal at ${this.url}`, async () => {
        if (child.exitCode !== null || child.signalCode !== null) return false
        const answer = await fetch(`${this.url}/readyz`).catch(() => undefined)
        return answer?.ok === true ? true : undefined
      }, 30_000)
      if (ready) return
      if (!this.log.includes('LEPTOS_SITE_ADDR')) break
    }
    this.child = undefined
    throw new Error(`The portal did not start:\n${this.log}`)
  }
}

const systemPython = '/usr/bin/python3' // Another python3 on PATH may be a slow wrapper.
const python = existsSync(systemPython) ? systemPython : 'python3'

/** Node 20 has no SQLite, but Python has. */
async function querySqlite(file: string, sql: string): Promise<string[][]> {
  const script = [
    'import sqlite3, sys',
    'database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)',
    'for row in database.execute(sys.argv[2]): print("\\t".join("" if cell is None else str(cell) for cell in row))',
  ].join('\n')
  const { stdout } = await promisify(execFile)(python, ['-c', script, file, sql])
  return rowsOf(stdout)
}

/** Parses lines of tab-separated cells. */
export function rowsOf(text: string): string[][] {
  return text.split('\n').filter((line) => line !== '').map((line) => line.split('\t'))
}

const exitHandlers = new Set<() => void>()
process.on('exit', () => exitHandlers.forEach((end) => end()))

/** Calls `end` if the test process exits early, and returns a function that cancels this. */
export function endOnExit(end: () => void): () => void {
  exitHandlers.add(end)
  return () => void exitHandlers.delete(end)
}

/** Returns a port of 127.0.0.1 that no process listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
