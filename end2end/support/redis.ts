// A Redis server for the tests, which a test can stop, freeze and restart. It keeps nothing on disk.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { test } from '@playwright/test'

import { endOnExit, freePort } from './portal.ts'
import { until } from './until.ts'

/** A Redis server. */
export class Redis {
  private child: ChildProcess | undefined
  private port = 0
  private forget = (): void => undefined

  private constructor(
    private readonly folder: string,
    private readonly extraOptions: string[],
  ) {}

  /** Starts a server with additional options, and waits until it accepts connections. */
  static async start(extraOptions: string[] = []): Promise<Redis> {
    return test.step('Start Redis', async () => Redis.create(extraOptions))
  }

  private static async create(extraOptions: string[]): Promise<Redis> {
    const redis = new Redis(await mkdtemp(join(tmpdir(), 'vestibule-redis-')), extraOptions)
    for (let attempts = 0; attempts < 5 && redis.child === undefined; attempts += 1) {
      redis.port = await freePort()
      // Another program may take the port first.
      await redis.startAgain().catch((error: unknown) => {
        if (attempts === 4) throw error
      })
    }
    return redis
  }

  /** The URL of the server. */
  get url(): string {
    return `redis://${this.hostAndPort}`
  }

  /** The host and port of the server. */
  get hostAndPort(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts the server on the same port, without data. */
  async startAgain(): Promise<void> {
    const options = [...this.extraOptions, '--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder]
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
    this.forget = endOnExit(() => child.kill('SIGKILL'))
  }

  /** Runs a command, given in words without spaces, and expects the reply OK. */
  async run(...parts: string[]): Promise<void> {
    const reply = await this.send(...parts)
    if (!reply.startsWith('+OK')) throw new Error(`Redis replied ${reply}`)
  }

  /** Waits until the replica of this server has acknowledged everything that was written so far. */
  async untilReplicated(): Promise<void> {
    const offset = (info: string, name: RegExp): number => Number(name.exec(info)?.[1] ?? Number.NaN)
    const written = offset(await this.send('INFO', 'replication'), /master_repl_offset:(\d+)/)
    await until('the replica to have all data', async () => {
      const acknowledged = offset(await this.send('INFO', 'replication'), /^slave0:.*offset=(\d+)/m)
      return acknowledged >= written ? true : undefined
    })
  }

  /** Makes the server a replica of another, and waits until it has the same data. */
  async replicate(primary: Redis): Promise<void> {
    await this.run('REPLICAOF', '127.0.0.1', String(primary.port))
    await until('the replica to have the data of its primary', async () => {
      return (await this.send('INFO', 'replication')).includes('master_link_status:up') ? true : undefined
    })
  }

  /** Runs a command, given in words without spaces, and returns the beginning of its reply. */
  async send(...parts: string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1')
    socket.write(`${parts.join(' ')}\r\n`)
    const [reply] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return reply.toString()
  }

  /** Kills the server. Its data is lost. */
  async crash(): Promise<void> {
    const child = this.child
    if (child === undefined) return
    this.child = undefined
    child.kill('SIGKILL')
    await once(child, 'exit')
    this.forget()
  }

  /** Freezes the server: connections stay open, and nothing is answered. */
  freeze(): void {
    this.child?.kill('SIGSTOP')
  }

  /** Continues after `freeze`, with all data. */
  resume(): void {
    this.child?.kill('SIGCONT')
  }

  /** Stops the server and removes its folder. */
  async remove(): Promise<void> {
    await this.crash()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A Redis whose primary is replaced by a replica about a second after it has stopped. */
export interface FailoverRedis {
  /** The URL, as in REDIS_URL. */
  url: string
  /** The primary that the test stops. */
  primary: Redis
  remove: () => Promise<void>
}

/** Starts a primary and a replica, monitored by a Sentinel. */
export async function startWithSentinel(): Promise<FailoverRedis> {
  const [primary, replica] = [await Redis.start(), await Redis.start()]
  await replica.replicate(primary)
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-sentinel-'))
  const [host, port] = primary.hostAndPort.split(':')
  const settings = [
    `sentinel monitor portal ${host} ${port} 1`,
    'sentinel down-after-milliseconds portal 1000',
    'sentinel failover-timeout portal 3000',
  ]
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, settings.join('\n'))
  const sentinel = await Redis.start([file, '--sentinel'])
  await until('the Sentinel to know the replica', async () => {
    return (await sentinel.send('SENTINEL', 'REPLICAS', 'portal')).startsWith('*1') ? true : undefined
  })
  const remove = async (): Promise<void> => {
    for (const redis of [sentinel, replica, primary]) await redis.remove()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: `redis-sentinel://${sentinel.hostAndPort}?sentinelServiceName=portal`, primary, remove }
}

/** The slots of a cluster, divided among three primaries. */
const SLOTS = [[0, 5460], [5461, 10922], [10923, 16383]] as const

/** Starts a cluster of three primaries. The one with the portal's counters has a replica. */
export async function startCluster(): Promise<FailoverRedis> {
  const start = async (): Promise<Redis> => {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-port', String(await freePort())]
    return Redis.start(settings)
  }
  const nodes = [await start(), await start(), await start()] as const
  const replica = await start()
  const all = [...nodes, replica]
  for (const [index, [first, last]] of SLOTS.entries()) {
    await nodes[index]?.run('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last))
  }
  const buses = await Promise.all(all.map(async (node) => busPortOf(node)))
  for (const [index, node] of all.entries()) {
    const [host, port] = node.hostAndPort.split(':')
    if (index > 0) await nodes[0].run('CLUSTER', 'MEET', host ?? '', port ?? '', buses[index] ?? '')
  }
  const state = async (node: Redis): Promise<string> => node.send('CLUSTER', 'INFO')
  await until('the nodes to know each other', async () => {
    const states = await Promise.all(all.map(state))
    return states.every((text) => text.includes('cluster_state:ok') && text.includes('cluster_known_nodes:4')) ? true : undefined
  })
  const slot = Number((await nodes[0].send('CLUSTER', 'KEYSLOT', '{limits}')).slice(1))
  const primary = nodes[SLOTS.findIndex(([first, last]) => first <= slot && slot <= last)] ?? nodes[0]
  const id = /[0-9a-f]{40}/.exec(await primary.send('CLUSTER', 'MYID'))?.[0] ?? ''
  await replica.run('CLUSTER', 'REPLICATE', id)
  await until('the replica to have the data of its primary', async () => {
    return (await replica.send('INFO', 'replication')).includes('master_link_status:up') ? true : undefined
  })
  await until('the other nodes to know the replica', async () => {
    const views = await Promise.all(nodes.map(async (node) => node.send('CLUSTER', 'NODES')))
    return views.every((view) => view.includes(`slave ${id}`)) ? true : undefined
  })
  const remove = async (): Promise<void> => {
    for (const redis of all) await redis.remove()
  }
  return { url: `redis-cluster://${nodes[0].hostAndPort}`, primary, remove }
}

/** Returns the port on which a node communicates with the other nodes. */
async function busPortOf(node: Redis): Promise<string> {
  const view = await node.send('CLUSTER', 'NODES')
  return /@(\d+)/.exec(view)?.[1] ?? ''
}
