// The reverse proxies for operators: real nginx and real HAProxy, with the files in deploy/.
//
// # Guarantees
//
// - The tested files are the shipped ones. Only values of this machine are substituted: ports, paths, the portal's
//   address, log files and the user.
// - A file without one of these values fails the start.
// - Everything is in a temporary folder and on free ports of 127.0.0.1, and is removed by `stop`.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { endOnExit, freePort } from './portal.ts'
import { until } from './until.ts'

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))
const run = promisify(execFile)

/** The host name in the files in deploy/. */
export const HOST = 'accounts.example.com'

export const KINDS = ['nginx', 'HAProxy'] as const
export type Kind = (typeof KINDS)[number]

/** A running proxy. */
export class Proxy {
  /** The HTTPS port. */
  port = 0
  /** The HTTP port. */
  plainPort = 0
  /** The self-signed certificate, which visitors trust. */
  certificate = ''
  private child: ChildProcess | undefined
  private forget = (): void => undefined
  private output = ''

  private constructor(
    readonly kind: Kind,
    private readonly folder: string,
  ) {}

  /** Starts a proxy in front of a server that answers `/healthz`, and waits until it answers through the proxy. */
  static async start(kind: Kind, upstream: { url: string }): Promise<Proxy> {
    const proxy = new Proxy(kind, await mkdtemp(join(tmpdir(), 'vestibule-proxy-')))
    try {
      await proxy.makeCertificate()
      await proxy.serve(new URL(upstream.url).host)
    } catch (error) {
      await proxy.stop()
      throw error
    }
    return proxy
  }

  /** Returns the proxy's output and log files. */
  async logged(): Promise<string> {
    const files = (await readdir(this.folder)).filter((file) => file.endsWith('.log'))
    const logs = await Promise.all(files.map((file) => readFile(join(this.folder, file), 'utf8')))
    return this.output + logs.join('')
  }

  /** Stops the proxy and removes its folder. */
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

  /** Another program may take a port first. Then the proxy starts on other ports. */
  private async serve(portal: string): Promise<void> {
    for (let attempts = 0; attempts < 5; attempts += 1) {
      this.port = await freePort()
      this.plainPort = await freePort()
      this.output = ''
      const [program, args] = this.kind === 'nginx' ? await this.nginx(portal) : await this.haproxy(portal)
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.on('data', (data: Buffer) => (this.output += data.toString()))
      child.stderr.on('data', (data: Buffer) => (this.output += data.toString()))
      let missing: Error | undefined
      child.on('error', (error) => (missing = error))
      this.child = child
      this.forget = endOnExit(() => child.kill('SIGTERM'))
      const ready = await until(`${this.kind} to answer`, async () => {
        if (missing !== undefined) throw new Error(`${program}: run script/bootstrap --test (${missing.message})`)
        if (child.exitCode !== null || child.signalCode !== null) return false
        return (await this.answers()) ? true : undefined
      })
      if (ready) return
      if (!/[Aa]ddress already in use|cannot bind/.test(this.output)) break
    }
    throw new Error(`${this.kind} did not start:\n${this.output}`)
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

  /** Writes the site file, and a main file like Debian's that runs in the foreground and in this folder. */
  private async nginx(portal: string): Promise<[string, string[]]> {
    const site = substitute(await readFile(join(deploy, 'nginx.conf'), 'utf8'), [
      [/listen \*:443 /g, `listen 127.0.0.1:${this.port} `],
      [/listen \*:80;/g, `listen 127.0.0.1:${this.plainPort};`],
      [/^ *listen \[::\].*\n/gm, ''],
      [/server 127\.0\.0\.1:3000;/g, `server ${portal};`],
      [/\/etc\/ssl\/vestibule\//g, `${this.folder}/`],
      [/\/var\/log\/nginx\//g, `${this.folder}/`],
    ])
    await writeFile(join(this.folder, 'site.conf'), site)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    // As root, the workers would run as a user without access to the folder.
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
    const config = substitute(await readFile(join(deploy, 'haproxy.cfg'), 'utf8'), [
      [/bind \*:443 /g, `bind 127.0.0.1:${this.port} `],
      [/bind \*:80$/gm, `bind 127.0.0.1:${this.plainPort}`],
      [/^ *bind \[::\].*\n/gm, ''],
      [/server portal 127\.0\.0\.1:3000$/gm, `server portal ${portal}`],
      [/\/etc\/ssl\/vestibule\//g, `${this.folder}/`],
      // These directives need root.
      [/^ *(chroot|user|group) .*\n/gm, ''],
    ])
    await writeFile(join(this.folder, 'haproxy.cfg'), config)
    return [sbin('haproxy'), ['-db', '-f', join(this.folder, 'haproxy.cfg')]]
  }
}

/** Substitutes the values of a machine. Each pattern must match. */
function substitute(text: string, places: [RegExp, string][]): string {
  return places.reduce((text, [place, value]) => {
    const filled = text.replace(place, () => value)
    if (filled === text) throw new Error(`deploy/ no longer has ${place}: correct support/proxies.ts`)
    return filled
  }, text)
}

/** Adds Debian's folders for these programs to PATH. */
function sbin(program: string): string {
  process.env.PATH = [...new Set([...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'])].join(':')
  return program
}

/** Returns the settings of deploy/vestibule.env.example, except for those of a machine. */
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
