// A Redis of the tests' own, which can be taken away, made to hang, and given back. It keeps nothing on disk, and is
// ended by its process handle.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { test } from '@playwright/test'

import { endWithTests, freePort } from './portal.ts'
import { until } from './until.ts'

/** A Redis server. */
export class Redis {
  private child: ChildProcess | undefined
  private port = 0
  private forget = (): void => undefined

  private constructor(private readonly folder: string) {}

  /** Starts one and waits until it takes connections. */
  static async start(): Promise<Redis> {
    return test.step('Start Redis', async () => Redis.create())
  }

  private static async create(): Promise<Redis> {
    const redis = new Redis(await mkdtemp(join(tmpdir(), 'vestibule-redis-')))
    for (let tries = 0; tries < 5 && redis.child === undefined; tries += 1) {
      redis.port = await freePort()
      // Another program may take the port first.
      await redis.startAgain().catch((error: unknown) => {
        if (tries === 4) throw error
      })
    }
    return redis
  }

  /** Its address. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, on the same port and with nothing in it. */
  async startAgain(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const child = spawn('redis-server', [...options, '--dir', this.folder], { stdio: ['ignore', 'pipe', 'ignore'] })
    let log = ''
    child.on('error', (error) => (log += error.message))
    child.stdout.on('data', (data: Buffer) => (log += data.toString()))
    const ready = await until('Redis to start', async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false
      return log.includes('Ready to accept connections') ? true : undefined
    })
    if (!ready) throw new Error(`Redis did not start:\n${log}`)
    this.child = child
    this.forget = endWithTests(() => child.kill('SIGKILL'))
  }

  /** Gives it a command, in words without spaces, and waits until it has said OK. */
  async tell(...words: string[]): Promise<void> {
    const answer = await this.ask(...words)
    if (!answer.startsWith('+OK')) throw new Error(`Redis said ${answer}`)
  }

  /** Makes it a replica of another, and waits until it has all that the other holds. */
  async follow(primary: Redis): Promise<void> {
    await this.tell('REPLICAOF', '127.0.0.1', String(primary.port))
    await until('Redis to have what its primary holds', async () => {
      return (await this.ask('INFO', 'replication')).includes('master_link_status:up') ? true : undefined
    })
  }

  private async ask(...words: string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1')
    socket.write(`${words.join(' ')}\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return answer.toString()
  }

  /** Ends it at once; what it held is lost. */
  async crash(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    child.kill('SIGKILL')
    await once(child, 'exit')
    this.forget()
  }

  /** Freezes it: connections stay open, and nothing is answered. */
  hang(): void {
    this.child?.kill('SIGSTOP')
  }

  /** Lets it go on, with all that it held. */
  resume(): void {
    this.child?.kill('SIGCONT')
  }

  /** Ends it and forgets everything. */
  async remove(): Promise<void> {
    await this.crash()
    await rm(this.folder, { recursive: true, force: true })
  }
}
