// A portal in a corporate network: an HTTP proxy is the only way out, and a private certificate authority signs all
// certificates.
import { CorporateNetwork } from '../support/corporate-network.ts'
import { Entra } from '../support/entra.ts'
import { Graph } from '../support/graph.ts'
import { Visitor, mainText } from '../support/http.ts'
import { openCallback, startSignIn } from '../support/microsoft-visitor.ts'
import { MICROSOFT_MESSAGES, newMicrosoftAccount } from '../support/microsoft.ts'
import { ADMIN } from '../support/people.ts'
import { type TestPortal, expect, test as base } from '../support/test.ts'

const [LOGIN, GRAPH] = ['login.vestibule.test', 'graph.vestibule.test']
const CONFIRM = /^Confirm your email address/

interface Setup extends TestPortal {
  entra: Entra
  graph: Graph
  network: CorporateNetwork
}

const test = base.extend<{ startInNetwork: (settings: (network: CorporateNetwork) => Record<string, string>) => Promise<Setup> }>({
  startInNetwork: async ({ startPortal }, use) => {
    const started: { stop: () => Promise<void> }[] = []
    await use(async (settings) => {
      const entra = await Entra.start()
      const graph = await Graph.start(entra)
      const network = await CorporateNetwork.start({ [LOGIN]: entra.url, [GRAPH]: graph.url })
      started.push(network, graph, entra)
      const env = {
        CLIENT_ID: entra.clientId,
        CLIENT_SECRET: entra.clientSecret,
        TENANT_ID: entra.tenant,
        AUTHORITY: `https://${LOGIN}/${entra.tenant}`,
        ENDPOINT: `https://${GRAPH}/v1.0/me`,
        GRAPH_URL: `https://${GRAPH}/v1.0`,
        MAIL_TRANSPORT: 'graph',
        SENDER_EMAIL: 'accounts@example.org',
        ...settings(network),
      }
      return { ...(await startPortal({ admin: ADMIN, env })), entra, graph, network }
    })
    for (const each of started) await each.stop()
  },
})

test("sign-in and email use the company's proxy and trust its certificate authority", async ({ startInNetwork }) => {
  const { portal, people, entra, graph, network } = await startInNetwork(({ url, caFile }) => ({
    HTTPS_PROXY: url,
    SSL_CERT_FILE: caFile,
  }))
  const visitor = new Visitor(portal)
  const to = new URL(await startSignIn(visitor))
  expect(to.origin).toBe(`https://${LOGIN}`)
  // The visitor's own browser does not use the proxy. It connects to the test double directly.
  const callback = await entra.choose(`${entra.url}${to.pathname}${to.search}`, newMicrosoftAccount(entra))
  const { path, page } = await openCallback(visitor, callback)
  expect(path, mainText(page)).toBe('/profile')

  const ada = await people.pending()
  await graph.wait(ada.email, CONFIRM)
  expect(new Set(network.requestedHosts)).toEqual(new Set([LOGIN, GRAPH]))
  expect((await portal.attempt(['doctor'])).out).toMatch(/ok +Microsoft: /)
})

test('without the certificate authority no server is trusted, and doctor names the problem', async ({ startInNetwork }) => {
  const { portal, people, graph, network } = await startInNetwork(({ url }) => ({ HTTPS_PROXY: url }))
  const visitor = new Visitor(portal)
  expect((await visitor.open('/ms-login')).headers.location).toBe('/login')
  expect(mainText(await visitor.open('/login'))).toContain(MICROSOFT_MESSAGES.unavailable)
  await people.pending()
  const { code, out } = await portal.attempt(['doctor'])
  expect(code).not.toBe(0)
  expect(out).toMatch(/fail +Microsoft: .*(certificate|UnknownIssuer).*HTTPS_PROXY/i)
  expect(out).toMatch(/fail +email: .*(certificate|UnknownIssuer)/i)
  expect(network.requestedHosts).toContain(LOGIN)
  expect(graph.received).toHaveLength(0)
})

test('hosts in NO_PROXY are reached without the proxy', async ({ startInNetwork }) => {
  const { portal, network } = await startInNetwork(({ url, caFile }) => ({
    HTTPS_PROXY: url,
    NO_PROXY: '.vestibule.test',
    SSL_CERT_FILE: caFile,
  }))
  // Only the proxy can resolve the host name.
  expect((await new Visitor(portal).open('/ms-login')).headers.location).toBe('/login')
  expect(network.requestedHosts).toEqual([])
})
