// A portal in a company whose proxy is the only way out, and whose own authority signs what comes through it.
import { Company } from '../support/company.ts'
import { Entra } from '../support/entra.ts'
import { Graph } from '../support/graph.ts'
import { Visitor, wordsOf } from '../support/http.ts'
import { comeBack, leave } from '../support/microsoft-visitor.ts'
import { SAYS, colleague } from '../support/microsoft.ts'
import { someone } from '../support/people.ts'
import { type OwnPortal, expect, test as base } from '../support/test.ts'

const [LOGIN, GRAPH] = ['login.vestibule.test', 'graph.vestibule.test']
const CONFIRM = /^Confirm your address/

interface Setting extends OwnPortal {
  entra: Entra
  graph: Graph
  company: Company
}

const test = base.extend<{ startInCompany: (settings: (company: Company) => Record<string, string>) => Promise<Setting> }>({
  startInCompany: async ({ startPortal }, use) => {
    const started: { stop: () => Promise<void> }[] = []
    await use(async (settings) => {
      const entra = await Entra.start()
      const graph = await Graph.start(entra)
      const company = await Company.start({ [LOGIN]: entra.url, [GRAPH]: graph.url })
      started.push(company, graph, entra)
      const env = {
        CLIENT_ID: entra.clientId,
        CLIENT_SECRET: entra.clientSecret,
        TENANT_ID: entra.tenant,
        AUTHORITY: `https://${LOGIN}/${entra.tenant}`,
        ENDPOINT: `https://${GRAPH}/v1.0/me`,
        GRAPH_URL: `https://${GRAPH}/v1.0`,
        MAIL_TRANSPORT: 'graph',
        SENDER_EMAIL: 'accounts@example.org',
        ...settings(company),
      }
      return { ...(await startPortal({ admin: someone('keeper'), env })), entra, graph, company }
    })
    for (const each of started) await each.stop()
  },
})

test("sign-in and mail go through the company's proxy, and trust its authority", async ({ startInCompany }) => {
  const { portal, people, entra, graph, company } = await startInCompany(({ url, authority }) => ({
    HTTPS_PROXY: url,
    SSL_CERT_FILE: authority,
  }))
  const visitor = new Visitor(portal)
  const to = new URL(await leave(visitor))
  expect(to.origin).toBe(`https://${LOGIN}`)
  // The visitor's own browser is not part of this: it goes to the double without the proxy.
  const back = await entra.choose(`${entra.url}${to.pathname}${to.search}`, colleague(entra))
  const { path, page } = await comeBack(visitor, back)
  expect(path, wordsOf(page)).toBe('/profile')

  const ada = await people.waiting()
  await graph.wait(ada.email, CONFIRM)
  expect(new Set(company.visited)).toEqual(new Set([LOGIN, GRAPH]))
  expect((await portal.attempt(['doctor'])).out).toMatch(/ok +Microsoft: /)
})

test('without the authority nothing is trusted, and what is wrong is named', async ({ startInCompany }) => {
  const { portal, people, graph, company } = await startInCompany(({ url }) => ({ HTTPS_PROXY: url }))
  const visitor = new Visitor(portal)
  expect((await visitor.open('/ms-login')).headers.location).toBe('/login')
  expect(wordsOf(await visitor.open('/login'))).toContain(SAYS.away)
  await people.waiting()
  const { code, out } = await portal.attempt(['doctor'])
  expect(code).not.toBe(0)
  expect(out).toMatch(/BAD +Microsoft: .*(certificate|UnknownIssuer).*HTTPS_PROXY/i)
  expect(out).toMatch(/BAD +mail: .*(certificate|UnknownIssuer)/i)
  expect(company.visited).toContain(LOGIN)
  expect(graph.tried).toHaveLength(0)
})

test('what NO_PROXY names is reached without the proxy', async ({ startInCompany }) => {
  const { portal, company } = await startInCompany(({ url, authority }) => ({
    HTTPS_PROXY: url,
    NO_PROXY: '.vestibule.test',
    SSL_CERT_FILE: authority,
  }))
  // Nothing but the proxy knows the name.
  expect((await new Visitor(portal).open('/ms-login')).headers.location).toBe('/login')
  expect(company.visited).toEqual([])
})
