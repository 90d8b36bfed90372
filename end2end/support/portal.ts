// A portal of the tests' own: the program in a temporary folder, on a free port, with nothing but what is set here.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { test } from '@playwright/test'

import { Mailbox } from './mail.ts'
import { until } from './until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const program = resolve(process.env.PORTAL_BIN || join(root, 'target/debug/vestibule'))
const site = resolve(process.env.LEPTOS_SITE_ROOT || join(root, 'target/debug/site'))

/** Somebody, as the tests know them. */
export interface Person {
  username: string
  email: string
  password: string
}

/** What a portal is started with. */
export interface PortalOptions {
  /** Settings beside those of every test. */
  env?: Record<string, string>
  /** An administrator to be made before the start. */
  admin?: Person
  /** Faults that it may log: a test that takes its database away expects some. All others still fail the test. */
  faults?: RegExp
  /** A command that starts the program, for a test that limits it; the program and its arguments follow. */
  through?: string[]
}

/** A running portal. */
export class Portal {
  /** What portals have warned of since somebody emptied it. */
  static readonly warnings: string[] = []
  /** Its address, without a slash at the end. */
  url = ''
  /** The mails it has written. */
  readonly mails: Mailbox
  private child: ChildProcess | undefined
  private log = ''
  private port = 0

  private constructor(
    private readonly folder: string,
    private readonly options: PortalOptions,
  ) {
    this.mails = new Mailbox(join(folder, 'data/mail'))
  }

  /** Starts a portal with a database of its own, and waits until it is ready. */
  static async start(options: PortalOptions = {}): Promise<Portal> {
    for (const needed of [program, join(site, 'pkg')]) {
      if (!existsSync(needed)) throw new Error(`${needed} is missing: run script/test, or script/server once`)
    }
    const portal = new Portal(await mkdtemp(join(tmpdir(), 'vestibule-e2e-')), options)
    try {
      if (options.admin !== undefined) await portal.createAdmin(options.admin)
      await portal.serve()
    } catch (error) {
      await portal.remove().catch(() => undefined)
      throw error
    }
    return portal
  }

  /** Makes an administrator on the command line; works while the portal runs and before. */
  async createAdmin(admin: Person): Promise<void> {
    const { username, email, password } = admin
    const args = ['admin', 'create', '--username', username, '--email', email, '--password-stdin']
    await test.step('Start vestibule admin create', async () => this.run(args, password))
  }

  /** Runs a command of the program beside the portal; answers what it printed. */
  async run(args: string[], input = ''): Promise<string> {
    const { code, out, err } = await this.attempt(args, { input })
    if (code !== 0) throw new Error(`vestibule ${args.join(' ')} ended with ${code}: ${err}`)
    return out
  }

  /** The same for one that may fail. */
  async attempt(
    args: string[],
    { input = '', folder = this.folder, env = {} }: { input?: string; folder?: string; env?: Record<string, string> } = {},
  ): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(program, args, { cwd: folder, env: { ...this.env(), ...env }, stdio: 'pipe' })
    let [out, err] = ['', '']
    child.stdout.on('data', (data: Buffer) => (out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    // A command that reads no input may end before it is written.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
    child.stdin.end(input)
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  }

  /** The number of its process, while it runs. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** What the portal has logged since its last start. */
  get logged(): string {
    return this.log
  }

  /** The link for the first administrator, if the log offers one. */
  get setupLink(): string | undefined {
    return /Create the first at (\S+) \(works once\)/.exec(this.log)?.[1]
  }

  /** Ends the portal as an operator would, and holds it to its word: exit code 0, in good time, and no fault logged. */
  async stop(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    if (child.exitCode === null) child.kill('SIGTERM')
    const end = Date.now() + 8_000
    await until('the portal to stop', async () => (child.exitCode === null && child.signalCode === null ? undefined : true), 15_000)
    if (child.exitCode !== 0) throw new Error(`The portal ended with ${child.exitCode ?? child.signalCode}:\n${this.log}`)
    if (Date.now() > end) throw new Error(`The portal took more than 8 seconds to stop:\n${this.log}`)
    const expected = (line: string): boolean => !line.includes('panicked') && this.options.faults?.test(line) === true
    const faults = this.log.split('\n').filter((line) => / ERROR |panicked/.test(line) && !expected(line))
    if (faults.length > 0) throw new Error(`The portal logged faults:\n${faults.join('\n')}`)
  }

  /** Stops it and starts it again, on the same database. */
  async restart(): Promise<void> {
    await this.stop()
    await this.serve()
  }

  /** Ends it as a power cut would: at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    if (child.signalCode !== 'SIGKILL') {
      throw new Error(`The portal had ended by itself (${child.exitCode ?? child.signalCode}):\n${this.log}`)
    }
  }

  /** Starts it after it was killed, on the same database and at the same address. */
  async startAgain(): Promise<void> {
    await this.serve(this.port)
  }

  /** Asks its SQLite database something, or changes it, while it runs: a row is an array of texts. */
  async query(sql: string, file = join(this.folder, 'data/vestibule.db')): Promise<string[][]> {
    return askSqlite(file, sql)
  }

  /**
   * Asks a copy of its SQLite database something, while it does not run. Opening the file itself would already mend what
   * the portal has to mend at its next start.
   */
  async queryCopy(sql: string): Promise<string[][]> {
    const copy = await mkdtemp(join(this.folder, 'copy-'))
    for (const end of ['', '-wal']) {
      const file = join(this.folder, `data/vestibule.db${end}`)
      if (existsSync(file)) await copyFile(file, join(copy, `vestibule.db${end}`))
    }
    return askSqlite(join(copy, 'vestibule.db'), sql)
  }

  /** Stops it and forgets everything. */
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
      LEPTOS_SITE_ROOT: site,
      LIMIT_SIGN_IN: '10000/1m',
      LIMIT_REGISTER: '10000/1m',
      MAIL_RATE: '1000/1m',
      LOG: 'info',
      ...this.options.env,
    }
  }

  /** Another program may take the port first: then on another. */
  private async serve(port?: number): Promise<void> {
    await test.step('Start portal', async () => this.launch(port))
  }

  private async launch(port?: number): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      this.port = tries === 0 && port !== undefined ? port : await freePort()
      this.url = `http://127.0.0.1:${this.port}`
      this.log = ''
      const [command = program, ...args] = [...(this.options.through ?? []), program, 'serve']
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

/** Node 20 has no SQLite, Python has. */
async function askSqlite(file: string, sql: string): Promise<string[][]> {
  const script = [
    'import sqlite3, sys',
    'database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)',
    'for row in database.execute(sys.argv[2]): print("\\t".join("" if cell is None else str(cell) for cell in row))',
  ].join('\n')
  const system = '/usr/bin/python3' // Whatever else is on PATH may be a slow stand-in.
  const { stdout } = await promisify(execFile)(existsSync(system) ? system : 'python3', ['-c', script, file, sql])
  return rowsOf(stdout)
}

/** Lines of cells with tabs between them. */
export function rowsOf(text: string): string[][] {
  return text.split('\n').filter((line) => line !== '').map((line) => line.split('\t'))
}

const atEnd = new Set<() => void>()
process.on('exit', () => atEnd.forEach((end) => end()))

/** Has something ended even if the tests end without doing so; answers how to forget about it. */
export function endWithTests(end: () => void): () => void {
  atEnd.add(end)
  return () => void atEnd.delete(end)
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
