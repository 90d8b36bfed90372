// A corporate network around the portal. A private certificate authority signs all certificates, and an HTTP proxy is
// the only way out.
//
// Without the proxy and the authority, no host name can be reached.
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

/** A network with a proxy and a certificate authority. */
export class CorporateNetwork {
  /** The host names that the proxy was asked for, in order. */
  readonly requestedHosts: string[] = []
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly folder: string,
    private readonly tlsServers: Map<string, HttpsServer>,
    private readonly proxy: HttpServer,
  ) {}

  /** `names` maps each host name to the plain HTTP server behind it. */
  static async start(names: Record<string, string>): Promise<CorporateNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-company-'))
    await createAuthority(folder)
    const tlsServers = new Map<string, HttpsServer>()
    for (const [name, target] of Object.entries(names)) tlsServers.set(name, await startTlsServer(folder, name, target))
    const proxy = createServer((_, response) => response.writeHead(403).end('Only CONNECT.'))
    const network = new CorporateNetwork(folder, tlsServers, proxy)
    proxy.on('connect', ({ url = '' }, socket: Socket) => network.connectTo(url, socket))
    await listen(proxy)
    return network
  }

  /** The file with the certificate of the authority. */
  get caFile(): string {
    return join(this.folder, 'authority.pem')
  }

  /** The URL of the proxy. */
  get url(): string {
    return `http://127.0.0.1:${portOf(this.proxy)}`
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    for (const server of [this.proxy, ...this.tlsServers.values()]) {
      server.closeAllConnections()
      server.close()
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  private connectTo(target: string, client: Socket): void {
    const [name = ''] = target.split(':')
    this.requestedHosts.push(name)
    const tlsServer = this.tlsServers.get(name)
    if (tlsServer === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const upstream = connect(portOf(tlsServer), '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    for (const socket of [client, upstream]) {
      this.sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  }
}

const KEY = ['-newkey', 'rsa:2048', '-nodes']

async function createAuthority(folder: string): Promise<void> {
  const to = ['-keyout', join(folder, 'authority.key'), '-out', join(folder, 'authority.pem')]
  await run('openssl', ['req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=Company authority', ...to])
}

/** Terminates TLS for a host name, and tells the server behind it that the request came by HTTPS. */
async function startTlsServer(folder: string, name: string, target: string): Promise<HttpsServer> {
  const file = (end: string): string => join(folder, `${name}.${end}`)
  await run('openssl', ['req', ...KEY, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr')])
  await writeFile(file('ext'), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`)
  const signer = ['-CA', join(folder, 'authority.pem'), '-CAkey', join(folder, 'authority.key'), '-CAcreateserial']
  await run('openssl', ['x509', '-req', '-in', file('csr'), ...signer, '-days', '2', '-extfile', file('ext'), '-out', file('pem')])
  const options = { key: await readFile(file('key')), cert: await readFile(file('pem')) }
  const tlsServer = createHttpsServer(options, (incoming, answer) => {
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' }
    const upstream = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers }, (received) => {
      answer.writeHead(received.statusCode ?? 502, received.headers)
      received.pipe(answer)
    })
    upstream.on('error', () => answer.destroy())
    incoming.pipe(upstream)
  })
  await listen(tlsServer)
  return tlsServer
}

async function listen(server: HttpServer | HttpsServer): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function portOf(server: HttpServer | HttpsServer): number {
  return (server.address() as AddressInfo).port
}
