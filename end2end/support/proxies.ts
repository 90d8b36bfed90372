// The proxies that operators put in front: real nginx and real HAProxy, run from the files in deploy/.
//
// It guarantees: what is tested is what is shipped. Only what belongs to a machine is put in: ports, the certificate's
// place, the portal's place, where logs go, and who the process is. A file that no longer has one of these fails the
// start. Everything is in a temporary folder, on free ports of 127.0.0.1, and gone after `stop`.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { endWithTests, freePort } from './portal.ts'
import { until } from './until.ts'

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))
const run = promisify(execFile)

/** The host name that the files in deploy/ are written for. */
export const HOST = 'accounts.example.com'

export const KINDS = ['nginx', 'HAProxy'] as const
export type Kind = (typeof KINDS)[number]

/** A running proxy. */
export class Proxy {
  /** Where it takes HTTPS. */
  port = 0
  /** Where it takes HTTP. */
  plainPort = 0
  /** What its visitors trust: its certificate is its own authority. */
  certificate = ''
  private child: ChildProcess | undefined
  private forget = (): void => undefined
  private said = ''

  private constructor(
    readonly kind: Kind,
    private readonly folder: string,
  ) {}

  /** Starts one in front of `behind`, which must answer `/healthz`, and waits until it does so through the proxy. */
  static async start(kind: Kind, behind: { url: string }): Promise<Proxy> {
    const proxy = new Proxy(kind, await mkdtemp(join(tmpdir(), 'vestibule-proxy-')))
    try {
      await proxy.makeCertificate()
      await proxy.serve(new URL(behind.url).host)
    } catch (error) {
      await proxy.stop()
      throw error
    }
    return proxy
  }

  /** All that it has logged, wherever it logs. */
  async logged(): Promise<string> {
    const files = (await readdir(this.folder)).filter((file) => file.endsWith('.log'))
    const logs = await Promise.all(files.map((file) => readFile(join(this.folder, file), 'utf8')))
    return this.said + logs.join('')
  }

  /** Ends it, and forgets everything. */
  async stop(): Promise<void> {
    const child = this.child
    this.child = undefined
    this.forget()
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  private async makeCertificate(): Promise<void> {
    const [key, certificate] = [join(this.folder, 'privkey.pem'), join(this.folder, 'fullchain.pem')]
    const of = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`, '-days', '2']
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
    await run('openssl', ['req', '-x509', ...kind, ...of, '-keyout', key, '-out', certificate])
    this.certificate = await readFile(certificate, 'utf8')
    await writeFile(join(this.folder, 'haproxy.pem'), this.certificate + (await readFile(key, 'utf8')), { mode: 0o600 })
  }

  /** Another program may take a port first: then on others. */
  private async serve(portal: string): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      this.port = await freePort()
      this.plainPort = await freePort()
      this.said = ''
      const [program, args] = this.kind === 'nginx' ? await this.nginx(portal) : await this.haproxy(portal)
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.on('data', (data: Buffer) => (this.said += data.toString()))
      child.stderr.on('data', (data: Buffer) => (this.said += data.toString()))
      let missing: Error | undefined
      child.on('error', (error) => (missing = error))
      this.child = child
      this.forget = endWithTests(() => child.kill('SIGTERM'))
      const ready = await until(`${this.kind} to answer`, async () => {
        if (missing !== undefined) throw new Error(`${program}: run script/bootstrap --test (${missing.message})`)
        if (child.exitCode !== null || child.signalCode !== null) return false
        return (await this.answers()) ? true : undefined
      })
      if (ready) return
      if (!/[Aa]ddress already in use|cannot bind/.test(this.said)) break
    }
    throw new Error(`${this.kind} did not start:\n${this.said}`)
  }

  private async answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const options = { port: this.port, host: '127.0.0.1', servername: HOST, ca: this.certificate, agent: false }
      request({ ...options, path: '/healthz', headers: { host: HOST } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      })
        .on('error', () => resolve(false))
        .end()
    })
  }

  /** The site file, in a main file as Debian's is, but in the foreground and in our folder. */
  private async nginx(portal: string): Promise<[string, string[]]> {
    const site = fill(await readFile(join(deploy, 'nginx.conf'), 'utf8'), [
      [/listen \*:443 /g, `listen 127.0.0.1:${this.port} `],
      [/listen \*:80;/g, `listen 127.0.0.1:${this.plainPort};`],
      [/^ *listen \[::\].*\n/gm, ''],
      [/server 127\.0\.0\.1:3000;/g, `server ${portal};`],
      [/\/etc\/ssl\/vestibule\//g, `${this.folder}/`],
      [/\/var\/log\/nginx\//g, `${this.folder}/`],
    ])
    await writeFile(join(this.folder, 'site.conf'), site)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    // As root, its workers would be somebody who may not enter the folder.
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const main = `
      daemon off; worker_processes 1; pid ${this.folder}/nginx.pid; error_log stderr warn; ${user}
      events { worker_connections 256; }
      http {
        ${temporary.map((name) => `${name}_temp_path ${this.folder}/${name};`).join(' ')}
        access_log ${this.folder}/other.log; gzip on;
        include ${this.folder}/site.conf;
      }`
    await writeFile(join(this.folder, 'main.conf'), main)
    return [sbin('nginx'), ['-p', this.folder, '-e', 'stderr', '-c', join(this.folder, 'main.conf')]]
  }

  private async haproxy(portal: string): Promise<[string, string[]]> {
    const config = fill(await readFile(join(deploy, 'haproxy.cfg'), 'utf8'), [
      [/bind \*:443 /g, `bind 127.0.0.1:${this.port} `],
      [/bind \*:80$/gm, `bind 127.0.0.1:${this.plainPort}`],
      [/^ *bind \[::\].*\n/gm, ''],
      [/server portal 127\.0\.0\.1:3000$/gm, `server portal ${portal}`],
      [/\/etc\/ssl\/vestibule\//g, `${this.folder}/`],
      // Only root may do these.
      [/^ *(chroot|user|group) .*\n/gm, ''],
    ])
    await writeFile(join(this.folder, 'haproxy.cfg'), config)
    return [sbin('haproxy'), ['-db', '-f', join(this.folder, 'haproxy.cfg')]]
  }
}

/** Replaces what belongs to a machine; each has to be there. */
function fill(text: string, places: [RegExp, string][]): string {
  return places.reduce((text, [place, value]) => {
    const filled = text.replace(place, () => value)
    if (filled === text) throw new Error(`deploy/ no longer has ${place}: correct support/proxies.ts`)
    return filled
  }, text)
}

/** Debian keeps them where people's PATH does not reach. */
function sbin(program: string): string {
  process.env.PATH = [...new Set([...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'])].join(':')
  return program
}

/** The settings of deploy/vestibule.env.example, without those that belong to a machine. */
export async function exampleSettings(): Promise<Record<string, string>> {
  const text = await readFile(join(deploy, 'vestibule.env.example'), 'utf8')
  const settings = Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ) as Record<string, string>
  for (const name of ['LEPTOS_SITE_ADDR', 'LEPTOS_SITE_ROOT']) {
    if (settings[name] === undefined) throw new Error(`deploy/vestibule.env.example no longer has ${name}`)
    delete settings[name]
  }
  return settings
}
