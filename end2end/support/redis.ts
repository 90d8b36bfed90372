// A Redis of the tests' own, which can be taken away, made to hang, and given back. It keeps nothing on disk, and is
// ended by its process handle.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
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

  private constructor(
    private readonly folder: string,
    private readonly more: string[],
  ) {}

  /** Starts one, with `more` before its usual options, and waits until it takes connections. */
  static async start(more: string[] = []): Promise<Redis> {
    return test.step('Start Redis', async () => Redis.create(more))
  }

  private static async create(more: string[]): Promise<Redis> {
    const redis = new Redis(await mkdtemp(join(tmpdir(), 'vestibule-redis-')), more)
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
    return `redis://${this.place}`
  }

  /** Its host and port. */
  get place(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts it, on the same port and with nothing in it. */
  async startAgain(): Promise<void> {
    const options = [...this.more, '--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder]
    const child = spawn('redis-server', [...options, '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'ignore'] })
    let log = ''
    child.on('error', (error) => (log += error.message))
    child.stdout.on('data', (data: Buffer) => (log += data.toString()))
    const ready = await until('Redis to start', async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false
      return /Ready to accept connections|Sentinel ID is/.test(log) ? true : undefined
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

  /** Gives it a command, in words without spaces; answers what it says first. */
  async ask(...words: string[]): Promise<string> {
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

/** A Redis whose primary is replaced by a replica about a second after it has gone. */
export interface Replaceable {
  /** The address, as REDIS_URL has it. */
  url: string
  /** The primary that the test stops. */
  primary: Redis
  remove: () => Promise<void>
}

/** A primary and a replica, watched by a Sentinel. */
export async function startWithSentinel(): Promise<Replaceable> {
  const [primary, replica] = [await Redis.start(), await Redis.start()]
  await replica.follow(primary)
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-sentinel-'))
  const [host, port] = primary.place.split(':')
  const settings = [
    `sentinel monitor portal ${host} ${port} 1`,
    'sentinel down-after-milliseconds portal 1000',
    'sentinel failover-timeout portal 3000',
  ]
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, settings.join('\n'))
  const sentinel = await Redis.start([file, '--sentinel'])
  await until('the Sentinel to know the replica', async () => {
    return (await sentinel.ask('SENTINEL', 'REPLICAS', 'portal')).startsWith('*1') ? true : undefined
  })
  const remove = async (): Promise<void> => {
    for (const redis of [sentinel, replica, primary]) await redis.remove()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: `redis-sentinel://${sentinel.place}?sentinelServiceName=portal`, primary, remove }
}

/** The slots of a cluster, dealt to three primaries. */
const SLOTS = [[0, 5460], [5461, 10922], [10923, 16383]] as const

/** A cluster of three primaries. The one with the portal's counters has a replica. */
export async function startCluster(): Promise<Replaceable> {
  const start = async (): Promise<Redis> => {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-port', String(await freePort())]
    return Redis.start(settings)
  }
  const nodes = [await start(), await start(), await start()] as const
  const replica = await start()
  const all = [...nodes, replica]
  for (const [index, [first, last]] of SLOTS.entries()) {
    await nodes[index]?.tell('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last))
  }
  const buses = await Promise.all(all.map(async (node) => busOf(node)))
  for (const [index, node] of all.entries()) {
    const [host, port] = node.place.split(':')
    if (index > 0) await nodes[0].tell('CLUSTER', 'MEET', host ?? '', port ?? '', buses[index] ?? '')
  }
  const state = async (node: Redis): Promise<string> => node.ask('CLUSTER', 'INFO')
  await until('the nodes to know each other', async () => {
    const states = await Promise.all(all.map(state))
    return states.every((text) => text.includes('cluster_state:ok') && text.includes('cluster_known_nodes:4')) ? true : undefined
  })
  const slot = Number((await nodes[0].ask('CLUSTER', 'KEYSLOT', '{vestibule}')).slice(1))
  const primary = nodes[SLOTS.findIndex(([first, last]) => first <= slot && slot <= last)] ?? nodes[0]
  const id = /[0-9a-f]{40}/.exec(await primary.ask('CLUSTER', 'MYID'))?.[0] ?? ''
  await replica.tell('CLUSTER', 'REPLICATE', id)
  await until('the replica to have what its primary holds', async () => {
    return (await replica.ask('INFO', 'replication')).includes('master_link_status:up') ? true : undefined
  })
  await until('the other nodes to know the replica', async () => {
    const views = await Promise.all(nodes.map(async (node) => node.ask('CLUSTER', 'NODES')))
    return views.every((view) => view.includes(`slave ${id}`)) ? true : undefined
  })
  const remove = async (): Promise<void> => {
    for (const redis of all) await redis.remove()
  }
  return { url: `redis-cluster://${nodes[0].place}`, primary, remove }
}

/** The port on which a node talks with the others. */
async function busOf(node: Redis): Promise<string> {
  const view = await node.ask('CLUSTER', 'NODES')
  return /@(\d+)/.exec(view)?.[1] ?? ''
}
