// A company's network around the portal: an authority of its own signs the certificates, and a proxy is the only way out,
// which alone knows where the names lead.
//
// It guarantees: whoever does not go through the proxy, or does not trust the authority, reaches nothing.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type Server as HttpServer, createServer, request } from 'node:http'
import { type Server as HttpsServer, createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The network. */
export class Company {
  /** The names that the proxy was asked for, in order. */
  readonly visited: string[] = []
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly folder: string,
    private readonly fronts: Map<string, HttpsServer>,
    private readonly proxy: HttpServer,
  ) {}

  /** `names` says where each name leads, over plain http. */
  static async start(names: Record<string, string>): Promise<Company> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-company-'))
    await makeAuthority(folder)
    const fronts = new Map<string, HttpsServer>()
    for (const [name, target] of Object.entries(names)) fronts.set(name, await startFront(folder, name, target))
    const proxy = createServer((_, response) => response.writeHead(403).end('Only CONNECT.'))
    const company = new Company(folder, fronts, proxy)
    proxy.on('connect', ({ url = '' }, socket: Socket) => company.open(url, socket))
    await listen(proxy)
    return company
  }

  /** The file with the authority's certificate. */
  get authority(): string {
    return join(this.folder, 'authority.pem')
  }

  /** The proxy's address. */
  get url(): string {
    return `http://127.0.0.1:${portOf(this.proxy)}`
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    for (const server of [this.proxy, ...this.fronts.values()]) {
      server.closeAllConnections()
      server.close()
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  private open(target: string, client: Socket): void {
    const [name = ''] = target.split(':')
    this.visited.push(name)
    const front = this.fronts.get(name)
    if (front === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const beyond = connect(portOf(front), '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    for (const socket of [client, beyond]) {
      this.sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.sockets.delete(socket))
    }
    client.pipe(beyond).pipe(client)
  }
}

const KEY = ['-newkey', 'rsa:2048', '-nodes']

async function makeAuthority(folder: string): Promise<void> {
  const to = ['-keyout', join(folder, 'authority.key'), '-out', join(folder, 'authority.pem')]
  await run('openssl', ['req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=Company authority', ...to])
}

/** Opens the encryption for a name, and says to what is behind it how it was asked. */
async function startFront(folder: string, name: string, target: string): Promise<HttpsServer> {
  const file = (end: string): string => join(folder, `${name}.${end}`)
  await run('openssl', ['req', ...KEY, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr')])
  await writeFile(file('ext'), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`)
  const signer = ['-CA', join(folder, 'authority.pem'), '-CAkey', join(folder, 'authority.key'), '-CAcreateserial']
  await run('openssl', ['x509', '-req', '-in', file('csr'), ...signer, '-days', '2', '-extfile', file('ext'), '-out', file('pem')])
  const options = { key: await readFile(file('key')), cert: await readFile(file('pem')) }
  const front = createHttpsServer(options, (asked, answer) => {
    const headers = { ...asked.headers, 'x-forwarded-proto': 'https' }
    const behind = request(new URL(asked.url ?? '/', target), { method: asked.method, headers }, (said) => {
      answer.writeHead(said.statusCode ?? 502, said.headers)
      said.pipe(answer)
    })
    behind.on('error', () => answer.destroy())
    asked.pipe(behind)
  })
  await listen(front)
  return front
}

async function listen(server: HttpServer | HttpsServer): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function portOf(server: HttpServer | HttpsServer): number {
  return (server.address() as AddressInfo).port
}
