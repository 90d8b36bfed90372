// Sign-ins with Microsoft that fail: a foreign callback, a forged token, an outage. Each ends on the page on which it
// began, with a message. Nothing has changed, and the log has one line about it, without secrets.
import { TOO_MANY_ATTEMPTS, escape } from '../pages/form.ts'
import type { Account, Entra, EntraEndpoint, EntraFault, Tampering } from '../support/entra.ts'
import type { Graph } from '../support/graph.ts'
import { type HttpResponse, Visitor, mainText } from '../support/http.ts'
import {
  gotoUrl,
  newMicrosoftUser,
  openCallback,
  pathOf,
  signInWithMicrosoft,
  startLinking,
  startSignIn,
} from '../support/microsoft-visitor.ts'
import { MICROSOFT_MESSAGES, ageAuthentication, newMicrosoftAccount, originOf, test } from '../support/microsoft.ts'
import type { User } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** The maximum wait for Microsoft in milliseconds, with a margin. */
const TIMEOUT = 9_500
/** The maximum response time of requests that do not need Microsoft, in milliseconds. */
const IMMEDIATELY = 2_000

const MINUTE = 60
const OTHER_GUID = '11111111-2222-3333-4444-555555555555'

/** A portal and its Microsoft services. */
interface Setup {
  portal: Portal
  entra: Entra
  graph: Graph
}

/** Returns everything that a callback could change, except for the authorization requests. */
async function stateOf(portal: Portal): Promise<string[][][]> {
  const columns = {
    users: 'id, username, email, email_confirmed_at, password_hash, status, role, credential_version, last_sign_in_at',
    identities: '*',
    user_sessions: 'public_id, id_hash, user_id, kind, credential_version, authenticated_at, auth_method',
    audit: 'count(*), max(id)',
    blocked_identities: '*',
    // Notifications to administrators may be sent at any time.
    "outbox WHERE kind <> 'pending_registrations'": 'count(*), max(id)',
    "email_jobs WHERE kind <> 'pending_registration'": 'count(*)',
  }
  const state: string[][][] = []
  for (const [table, name] of Object.entries(columns)) state.push(await portal.query(`SELECT ${name} FROM ${table} ORDER BY 1`))
  return state
}

/** Waits until all emails are sent, so that none of them looks like a change by the callback. */
async function untilEmailsSent(portal: Portal): Promise<void> {
  const jobs = "SELECT count(*) FROM email_jobs WHERE kind <> 'pending_registration'"
  const emails = "SELECT count(*) FROM outbox WHERE kind <> 'pending_registrations' AND state = 'pending'"
  await until('all emails to be sent', async () => {
    const [[count] = []] = await portal.query(`SELECT (${jobs}) + (${emails})`)
    return count === '0' ? true : undefined
  })
}

/** Returns the lines of the log, except for those about every request. */
function linesOf(log: string): string[] {
  return log.split('\n').filter((line) => line !== '' && !line.includes('request: request completed'))
}

/** Returns all values that must not be in the log. */
function secretsOf(entra: Entra, ...urls: string[]): string[] {
  const of = (parameters: Record<string, string> = {}): (string | undefined)[] => {
    return ['code', 'state', 'nonce', 'code_verifier', 'code_challenge'].map((name) => parameters[name])
  }
  const addressed = urls.flatMap((address) => of(Object.fromEntries(new URL(address).searchParams)))
  const signature = entra.lastIdToken?.split('.').at(-1)
  const all = [entra.clientSecret, ...of(entra.lastToken?.parameters), ...of(entra.lastAuthorize?.parameters), ...addressed]
  return [...all, entra.lastIdToken, signature].filter((secret): secret is string => secret !== undefined && secret.length > 8)
}

interface ExpectedRejection {
  /** The path on which it ends. */
  expectedPath?: string
  message: string | RegExp
  /** The number of log lines about it. */
  lines?: number
  /** A pattern for the log lines. */
  log?: RegExp
}

/** Performs an act, and expects that it is rejected and changes nothing. */
async function expectRejected(
  { portal, entra }: Setup,
  act: () => Promise<{ page: HttpResponse; path: string; urls: string[] }>,
  { expectedPath = '/login', message, lines = 1, log = /./ }: ExpectedRejection,
): Promise<void> {
  await untilEmailsSent(portal)
  const [before, logged] = [await stateOf(portal), portal.logged.length]
  const { page, path, urls } = await act()
  expect(await stateOf(portal), 'nothing has changed').toEqual(before)
  const newLog = portal.logged.slice(logged)
  for (const secret of secretsOf(entra, ...urls)) expect(newLog, 'the log contains no secret').not.toContain(secret)
  // These expectations are independent of each other.
  expect.soft(path, 'it ends on the page on which it began').toBe(expectedPath)
  expect.soft(page.status, page.description).toBe(200)
  expect.soft(mainText(page)).toMatch(typeof message === 'string' ? new RegExp(escape(message)) : message)
  const logLines = linesOf(newLog)
  expect.soft(logLines, 'one log line').toHaveLength(lines)
  for (const line of logLines) expect.soft(line).toMatch(log)
}

/** Expects that a sign-in with Microsoft is rejected. */
async function expectSignInRejected(setup: Setup, expected: ExpectedRejection, account?: Account): Promise<void> {
  const identity = account ?? newMicrosoftAccount(setup.entra)
  const visitor = new Visitor(setup.portal)
  const authorizeUrl = await startSignIn(visitor)
  const callback = await setup.entra.choose(authorizeUrl, identity)
  await expectRejected(
    setup,
    async () => {
      const { page, path, took } = await openCallback(visitor, callback)
      expect(took, 'the maximum wait').toBeLessThan(TIMEOUT)
      return { page, path, urls: [authorizeUrl, callback] }
    },
    expected,
  )
  const profile = await visitor.open('/profile')
  expect(profile.headers.location, 'no session').toBe('/login?next=%2Fprofile')
}

test.describe('The callback of a sign-in', () => {
  test('works once', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const authorizeUrl = await startSignIn(visitor)
    const callback = await entra.choose(authorizeUrl, account)
    expect((await openCallback(visitor, callback)).path).toBe('/profile')
    const tokenRequests = entra.requestCounts.token
    await visitor.send('sign_out', {})
    await expectRejected(
      { portal, entra, graph },
      async () => ({ ...(await openCallback(visitor, callback)), urls: [authorizeUrl, callback] }),
      { message: MICROSOFT_MESSAGES.expired },
    )
    expect(entra.requestCounts.token, 'no second request to Microsoft').toBe(tokenRequests)
  })

  test('and its start have no effect by HEAD or as a prefetch, and then the sign-in works', async ({ portal, entra }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const rows = async (): Promise<string[][]> =>
      portal.query('SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM user_sessions), (SELECT count(*) FROM authorization_requests)')
    const requests = [
      { method: 'HEAD', headers: { accept: 'text/html' } },
      { headers: { accept: 'text/html', 'sec-purpose': 'prefetch', 'sec-fetch-mode': 'navigate' } },
      { headers: { accept: 'text/html', 'sec-purpose': 'prefetch;prerender', 'sec-fetch-mode': 'navigate' } },
    ]
    const expectNoEffect = async (path: string): Promise<void> => {
      const before = await rows()
      for (const request of requests) {
        const response = await visitor.request(path, request)
        expect([response.status, response.headers['set-cookie']], response.description).toEqual([request.method === 'HEAD' ? 405 : 403, undefined])
      }
      expect(await rows(), path).toEqual(before)
    }
    await expectNoEffect('/ms-login')
    const callback = await entra.choose(await startSignIn(visitor), account)
    await expectNoEffect(pathOf(callback))
    expect((await openCallback(visitor, callback)).path).toBe('/profile')
  })

  test('is rejected with a wrong state or none, and the right one still works', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const authorizeUrl = await startSignIn(visitor)
    const callback = await entra.choose(authorizeUrl, account)
    const tokenRequests = entra.requestCounts.token
    const code = new URL(callback).searchParams.get('code') ?? ''
    for (const query of [`?code=${code}&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`, `?code=${code}`, '', '?state=', '?error=access_denied']) {
      await expectRejected(
        { portal, entra, graph },
        async () => ({ ...(await openCallback(visitor, `${portal.url}/auth/redirect${query}`)), urls: [authorizeUrl, callback] }),
        { message: MICROSOFT_MESSAGES.expired },
      )
    }
    expect(entra.requestCounts.token, 'no code is exchanged').toBe(tokenRequests)
    expect((await openCallback(visitor, callback)).path).toBe('/profile')
  })

  test('is rejected in another browser, with or without its own sign-in, and still works in its own', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const authorizeUrl = await startSignIn(visitor)
    const callback = await entra.choose(authorizeUrl, account)
    const tokenRequests = entra.requestCounts.token
    const otherVisitor = new Visitor(portal)
    await startSignIn(otherVisitor)
    for (const other of [new Visitor(portal), otherVisitor]) {
      await expectRejected(
        { portal, entra, graph },
        async () => ({ ...(await openCallback(other, callback)), urls: [authorizeUrl, callback] }),
        { message: MICROSOFT_MESSAGES.expired },
      )
    }
    expect(entra.requestCounts.token, 'no code is exchanged').toBe(tokenRequests)
    expect((await openCallback(visitor, callback)).path).toBe('/profile')
  })

  test('is rejected after ten minutes', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const authorizeUrl = await startSignIn(visitor)
    const callback = await entra.choose(authorizeUrl, account)
    await portal.query('UPDATE authorization_requests SET expires_at = expires_at - 601000000')
    await expectRejected(
      { portal, entra, graph },
      async () => ({ ...(await openCallback(visitor, callback)), urls: [authorizeUrl, callback] }),
      { message: MICROSOFT_MESSAGES.expired },
    )
  })

  test('is rejected with the code of another sign-in, which uses up its own', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const [one, other] = [await startSignIn(visitor), await startSignIn(visitor)]
    const [first, second] = [new URL(await entra.choose(one, account)), new URL(await entra.choose(other, account))]
    first.searchParams.set('code', second.searchParams.get('code') ?? '')
    await expectRejected(
      { portal, entra, graph },
      async () => ({ ...(await openCallback(visitor, first.href)), urls: [first.href, second.href] }),
      { message: MICROSOFT_MESSAGES.rejected, log: /invalid_grant \(AADSTS501481\)/ },
    )
    await expectRejected(
      { portal, entra, graph },
      async () => ({ ...(await openCallback(visitor, first.href)), urls: [first.href, second.href] }),
      { message: MICROSOFT_MESSAGES.expired },
    )
  })

  test('creates a session and an account once, if it is opened twice at the same time', async ({ portal, entra }) => {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    const tokenRequests = entra.requestCounts.token
    const callback = await entra.choose(await startSignIn(visitor), account)
    const answers = await Promise.all([1, 2].map(async () => visitor.open(pathOf(callback))))
    expect(answers.map(({ status }) => status)).toEqual([302, 302])
    expect(answers.map(({ headers }) => headers.location).sort()).toEqual(['/login', '/profile'])
    expect(entra.requestCounts.token - tokenRequests, 'the code is exchanged once').toBe(1)
    expect(await portal.query(`SELECT count(*) FROM identities WHERE oid = '${account.oid}'`)).toEqual([['1']])
  })

  test('creates one account, if a person signs in for the first time in several browsers at the same time', async ({ portal, entra }) => {
    const account = newMicrosoftAccount(entra)
    const visitors = Array.from({ length: 4 }, () => new Visitor(portal))
    const callbacks = await Promise.all(visitors.map(async (visitor) => entra.choose(await startSignIn(visitor), account)))
    const answers = await Promise.all(visitors.map(async (visitor, expectedPath) => visitor.open(pathOf(callbacks[expectedPath] ?? ''))))
    expect.soft(answers.map(({ headers }) => headers.location)).toEqual(['/profile', '/profile', '/profile', '/profile'])
    for (const [expectedPath, visitor] of visitors.entries()) {
      expect.soft(mainText(await visitor.open(answers[expectedPath]?.headers.location ?? '/'))).toContain(account.name)
    }
    expect(await portal.query(`SELECT count(*) FROM users WHERE username LIKE '${account.name}%'`)).toEqual([['1']])
    const registered = `SELECT count(*) FROM audit WHERE subject_name = '${account.name}' AND action = 'user.register_microsoft'`
    expect(await portal.query(registered)).toEqual([['1']])
  })

  test('tells a person that they cancelled, even if they have signed in with a password in the meantime', async ({
    portal,
    people,
    entra,
    graph,
  }) => {
    const ada = await people.active()
    const visitor = new Visitor(portal)
    const authorizeUrl = await startSignIn(visitor)
    await visitor.signIn(ada)
    const callback = await entra.choose(authorizeUrl, 'deny')
    await expectRejected(
      { portal, entra, graph },
      async () => {
        const { page, path } = await openCallback(visitor, callback)
        if (page.status !== 302) return { page, path, urls: [authorizeUrl, callback] }
        const next = page.headers.location ?? ''
        return { page: await visitor.open(next), path: next, urls: [authorizeUrl, callback] }
      },
      { expectedPath: '/profile', message: MICROSOFT_MESSAGES.denied },
    )
  })
})

test.describe('The callback of linking', () => {
  /** Starts linking as a user with a password, and returns the callback. */
  async function beginLinking({ portal, entra }: Setup, ada: User): Promise<{ visitor: Visitor; authorizeUrl: string; callback: string; account: Account }> {
    const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
    await visitor.signIn(ada)
    const authorizeUrl = await startLinking(visitor, ada)
    return { visitor, authorizeUrl, callback: await entra.choose(authorizeUrl, account), account }
  }

  /** Opens the callback and follows its redirects. */
  async function follow(visitor: Visitor, callback: string): Promise<{ page: HttpResponse; path: string }> {
    let { page, path } = await openCallback(visitor, callback)
    for (let steps = 0; page.status === 302 && steps < 3; steps += 1) {
      path = page.headers.location ?? ''
      page = await visitor.open(path)
    }
    return { page, path }
  }

  test('is rejected after the user has signed out', async ({ portal, people, entra, graph }) => {
    const setup = { portal, entra, graph }
    const { visitor, authorizeUrl, callback } = await beginLinking(setup, await people.active())
    await visitor.send('sign_out', {})
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, callback)), urls: [authorizeUrl, callback] }),
      { expectedPath: '/login?next=%2Fprofile%2Fmicrosoft', message: MICROSOFT_MESSAGES.expired },
    )
  })

  test('is rejected after the user has signed out and in again', async ({ portal, people, entra, graph }) => {
    const setup = { portal, entra, graph }
    const ada = await people.active()
    const { visitor, authorizeUrl, callback } = await beginLinking(setup, ada)
    await visitor.send('sign_out', {})
    await visitor.signIn(ada)
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, callback)), urls: [authorizeUrl, callback] }),
      { expectedPath: '/profile/microsoft', message: MICROSOFT_MESSAGES.expired },
    )
  })

  test('is rejected for another user in the same browser', async ({ portal, people, entra, graph }) => {
    const setup = { portal, entra, graph }
    const { visitor, authorizeUrl, callback } = await beginLinking(setup, await people.active())
    await visitor.send('sign_out', {})
    await visitor.signIn(await people.active('bert'))
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, callback)), urls: [authorizeUrl, callback] }),
      { expectedPath: '/profile/microsoft', message: MICROSOFT_MESSAGES.expired },
    )
  })

  test('is rejected in another browser of the same user', async ({ portal, people, entra, graph }) => {
    const setup = { portal, entra, graph }
    const ada = await people.active()
    const { visitor, authorizeUrl, callback } = await beginLinking(setup, ada)
    const other = new Visitor(portal)
    await other.signIn(ada)
    await expectRejected(
      setup,
      async () => ({ ...(await follow(other, callback)), urls: [authorizeUrl, callback] }),
      { expectedPath: '/profile', message: MICROSOFT_MESSAGES.expired },
    )
    const { page, path } = await openCallback(visitor, callback)
    expect(path, 'it still works in its own browser').toBe('/profile')
    expect(mainText(page)).toContain(MICROSOFT_MESSAGES.linked)
  })

  test('is rejected with the code of a sign-in, and a sign-in is rejected with the code of linking', async ({
    portal,
    people,
    entra,
    graph,
  }) => {
    const setup = { portal, entra, graph }
    const ada = await people.active()
    const account = newMicrosoftAccount(entra)
    const visitor = new Visitor(portal)
    const signing = new URL(await entra.choose(await startSignIn(visitor), account))
    await visitor.signIn(ada)
    const linking = new URL(await entra.choose(await startLinking(visitor, ada), account))
    const codes = [signing, linking].map((callbackUrl) => callbackUrl.searchParams.get('code') ?? '')
    const swapped = [new URL(linking), new URL(signing)] as const
    swapped[0].searchParams.set('code', codes[0] ?? '')
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, swapped[0].href)), urls: [signing.href, linking.href] }),
      { expectedPath: '/profile/microsoft', message: MICROSOFT_MESSAGES.rejected, log: /invalid_grant/ },
    )
    await visitor.send('sign_out', {})
    swapped[1].searchParams.set('code', codes[1] ?? '')
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, swapped[1].href)), urls: [signing.href, linking.href] }),
      { message: MICROSOFT_MESSAGES.rejected, log: /invalid_grant/ },
    )
  })

  test('is rejected with a forged token, and leads back to the linking page', async ({ portal, people, entra, graph }) => {
    const setup = { portal, entra, graph }
    const { visitor, authorizeUrl, callback } = await beginLinking(setup, await people.active())
    entra.tamper({ alg: 'bad-signature' })
    await expectRejected(
      setup,
      async () => ({ ...(await follow(visitor, callback)), urls: [authorizeUrl, callback] }),
      { expectedPath: '/profile/microsoft', message: MICROSOFT_MESSAGES.rejected, log: /has an invalid signature/ },
    )
  })

  test('links once, if it is opened twice at the same time', async ({ portal, people, entra, graph }) => {
    const ada = await people.active()
    const { visitor, callback } = await beginLinking({ portal, entra, graph }, ada)
    await Promise.all([1, 2].map(async () => visitor.open(pathOf(callback))))
    expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['1']])
    expect(await portal.query(`SELECT count(*) FROM audit WHERE subject_id = ${ada.id} AND action = 'microsoft.link'`)).toEqual([['1']])
  })
})

test.describe('The callback of re-authentication', () => {
  for (const [name, tampering, message] of [
    ['a forged token', { alg: 'none' }, MICROSOFT_MESSAGES.rejected],
    ['a token of another sign-in', { claims: { nonce: 'AAAA' } }, MICROSOFT_MESSAGES.rejected],
    ['a token without the time of the sign-in', { claims: { auth_time: undefined } }, MICROSOFT_MESSAGES.notReauthenticated],
    ['a token of an earlier sign-in', { claims: { auth_time: seconds() - 10 * MINUTE } }, MICROSOFT_MESSAGES.notReauthenticated],
    ['a token of another account', { claims: { oid: OTHER_GUID } }, /\./],
  ] as [string, Tampering, string | RegExp][]) {
    test(`rejects ${name}, and leads back to the page on which it began`, async ({ portal, entra, graph }) => {
      const { visitor, account } = await newMicrosoftUser(portal, entra)
      await ageAuthentication(portal, account.name)
      const authorizeUrl = gotoUrl(await visitor.send('prove_with_microsoft', { next: '/change-password' }))
      const callback = await entra.choose(authorizeUrl, account)
      entra.tamper(tampering)
      await expectRejected(
        { portal, entra, graph },
        async () => ({ ...(await openCallback(visitor, callback)), urls: [authorizeUrl, callback] }),
        { expectedPath: '/change-password', message },
      )
      expect(mainText(await visitor.open('/change-password'))).toContain("Confirm it's you: sign in with Microsoft again.")
    })
  }

  test('leads only to pages that need re-authentication', async ({ portal, entra }) => {
    const { visitor, account } = await newMicrosoftUser(portal, entra)
    await ageAuthentication(portal, account.name)
    for (const next of ['https://evil.example/', '//evil.example', '/logout']) {
      const authorizeUrl = gotoUrl(await visitor.send('prove_with_microsoft', { next }))
      const { path } = await openCallback(visitor, await entra.choose(authorizeUrl, account))
      expect(path).toBe('/profile')
    }
  })
})

test.describe('An ID token', () => {
  const now = seconds()
  const cases: [string, Tampering, RegExp][] = [
    ['with a wrong signature', { alg: 'bad-signature' }, /has an invalid signature/],
    ['signed by another key under the name of the published one', { alg: 'another-key' }, /has an invalid signature/],
    ['without a signature', { alg: 'none' }, /is not signed|not allowed|could not be read/],
    ['without a signature, with another spelling of the algorithm', { alg: 'none', header: { alg: 'NONE' } }, /./],
    ['signed with the public key as a secret', { alg: 'HS256-with-public-key' }, /uses a signature algorithm that is not allowed/],
    ['that names another algorithm', { header: { alg: 'RS512' } }, /uses a signature algorithm that is not allowed/],
    ['for another application', { claims: { aud: OTHER_GUID } }, /is for another application/],
    ['for another application with this one as the authorized party', { claims: { aud: OTHER_GUID, azp: 'ours' } }, /is for another application/],
    ['of another issuer', { claims: { iss: 'https://login.evil.example/v2.0' } }, /does not match its tenant/],
    ['of another tenant', { claims: { tid: OTHER_GUID } }, /is from a tenant that is not allowed/],
    ['without a tenant', { claims: { tid: undefined } }, /contains no tenant ID/],
    ['without an object id', { claims: { oid: undefined } }, /contains no user ID/],
    ['of another sign-in', { claims: { nonce: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' } }, /belongs to another sign-in/],
    ['without a nonce', { claims: { nonce: undefined } }, /belongs to another sign-in/],
    ['that has expired', { claims: { exp: now - 2 * MINUTE } }, /has expired/],
    ['that is not valid yet', { claims: { nbf: now + 10 * MINUTE } }, /is not valid yet/],
    ['that is no token', { raw: 'not.a.token' }, /./],
    ['that is empty', { raw: '' }, /./],
  ]
  for (const [name, tampering, log] of cases) {
    test(`${name} is rejected`, async ({ portal, entra, graph }) => {
      entra.tamper(tampering)
      await expectSignInRejected({ portal, entra, graph }, { message: /We could not sign you in with Microsoft|We cannot reach Microsoft right now/, log })
    })
  }

  test("of another tenant with that tenant's issuer is rejected", async ({ portal, entra, graph }) => {
    entra.tamper({ claims: { tid: OTHER_GUID, iss: `${originOf(entra)}/${OTHER_GUID}/v2.0` } })
    await expectSignInRejected({ portal, entra, graph }, { message: MICROSOFT_MESSAGES.rejected, log: /is from a tenant that is not allowed/ })
  })

  test('is accepted if the clocks differ by half a minute', async ({ portal, entra }) => {
    for (const claims of [{ exp: seconds() - MINUTE / 2 }, { nbf: seconds() + MINUTE / 2, iat: seconds() + MINUTE / 2 }]) {
      entra.tamper({ claims })
      await newMicrosoftUser(portal, entra)
    }
  })

  test('signed with a new key is accepted immediately, and one with an unknown key is rejected', async ({ startWithMicrosoft }) => {
    const setup = await startWithMicrosoft()
    const { portal, entra } = setup
    await newMicrosoftUser(portal, entra)
    const fetched = entra.requestCounts.keys
    await newMicrosoftUser(portal, entra)
    expect(entra.requestCounts.keys, 'the keys are cached').toBe(fetched)

    await entra.rotateKeys()
    await newMicrosoftUser(portal, entra)
    expect(entra.requestCounts.keys, 'new keys are fetched once').toBe(fetched + 1)

    for (const time of [1, 2]) {
      await test.step(`unknown ${time}`, async () => {
        entra.tamper({ kid: 'nowhere-to-be-found' })
        await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.rejected, log: /is signed with an unknown key/ })
      })
    }
    expect(entra.requestCounts.keys, 'unknown keys are not fetched again and again').toBe(fetched + 1)
    await newMicrosoftUser(portal, entra)
  })
})

test.describe('During an outage of Microsoft', () => {
  const faults: EntraFault[] = ['status-500', 'close', 'garbage', 'hang']

  for (const fault of faults) {
    for (const endpoint of ['discovery', 'keys', 'token'] as EntraEndpoint[]) {
      test(`(${endpoint}: ${fault}), people get an error in time, and sign-in recovers without a restart`, async ({
        startWithMicrosoft,
      }) => {
        const setup = await startWithMicrosoft()
        const { portal, entra, people } = setup
        const account = newMicrosoftAccount(entra)
        entra.fail({ endpoint, fault })
        if (endpoint === 'discovery') {
          await expectRejected(
            setup,
            async () => {
              const visitor = new Visitor(portal)
              const first = await visitor.open('/ms-login')
              expect(first.took, 'the maximum wait').toBeLessThan(TIMEOUT)
              return { page: await visitor.open(first.headers.location ?? ''), path: first.headers.location ?? '', urls: [] }
            },
            { message: MICROSOFT_MESSAGES.unavailable, log: /Microsoft cannot be reached/ },
          )
        } else {
          await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.unavailable, log: /Microsoft cannot be reached/ }, account)
        }
        await new Visitor(portal).signIn(people.admin)
        entra.restore()
        // After a failed request, the portal waits as long as the request took.
        await until('sign-in to recover', async () => {
          const authorizeUrl = (await new Visitor(portal).open('/ms-login')).headers.location
          if (authorizeUrl === '/login') return undefined
          return (await signInWithMicrosoft(new Visitor(portal), entra, account)).path === '/profile' ? true : undefined
        })
      })
    }

    test(`(profile: ${fault}), people get an error in time, and sign-in recovers without a restart`, async ({ startWithMicrosoft }) => {
      const setup = await startWithMicrosoft()
      const { portal, entra, graph } = setup
      const account = newMicrosoftAccount(entra)
      graph.fail({ endpoint: 'me', fault })
      await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.unavailable, log: /the profile at ENDPOINT|Microsoft cannot be reached/ }, account)
      graph.restore()
      expect((await signInWithMicrosoft(new Visitor(portal), entra, account)).path).toBe('/profile')
    })
  }

  for (const status of [401, 403, 429, 503] as const) {
    test(`(profile: status ${status}), people get an error`, async ({ portal, entra, graph }) => {
      graph.fail({ endpoint: 'me', fault: `status-${status}`, count: 1 })
      await expectSignInRejected({ portal, entra, graph }, { message: MICROSOFT_MESSAGES.unavailable, log: new RegExp(`could not be read: status ${status}`) })
    })
  }

  test('without a connection, sign-in with a password is unaffected', async ({ startWithMicrosoft }) => {
    const setup = await startWithMicrosoft()
    const { portal, entra, people } = setup
    await entra.stop()
    const visitor = new Visitor(portal)
    const first = await visitor.open('/ms-login')
    expect(first.headers.location).toBe('/login')
    expect(first.took).toBeLessThan(IMMEDIATELY)
    expect(mainText(await visitor.open('/login'))).toContain(MICROSOFT_MESSAGES.unavailable)
    await visitor.signIn(people.admin)
    const page = await visitor.open('/profile/microsoft')
    expect(page.status).toBe(200)
    expect(page.took).toBeLessThan(IMMEDIATELY)
    const linking = await visitor.send('link_microsoft', { current_password: people.admin.password })
    expect(JSON.parse(linking.body)).toMatchObject({ refused: { form: 'microsoft_unavailable' } })
  })

  test('without answers, many waiting people all get an error in time', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft()
    entra.fail({ endpoint: 'discovery', fault: 'hang' })
    const answers = await Promise.all(Array.from({ length: 20 }, async () => new Visitor(portal).open('/ms-login')))
    for (const { took, headers } of answers) {
      expect(headers.location).toBe('/login')
      expect(took).toBeLessThan(TIMEOUT)
    }
  })

  test('without answers, signing out of Microsoft gets an error in time, and the log has one line about it', async ({
    startWithMicrosoft,
  }) => {
    const setup = await startWithMicrosoft()
    const { portal, entra } = setup
    entra.fail({ endpoint: 'discovery', fault: 'hang' })
    await expectRejected(
      setup,
      async () => {
        const visitor = new Visitor(portal)
        const first = await visitor.open('/ms-logout')
        expect.soft(first.took, 'the maximum wait').toBeLessThan(TIMEOUT)
        const path = first.headers.location ?? ''
        return { page: path === '' ? first : await visitor.open(path), path, urls: [] }
      },
      { message: MICROSOFT_MESSAGES.unavailable },
    )
  })
})

test.describe('With several tenants', () => {
  const [ownTenant, otherTenant] = ['22222222-3333-4444-5555-666666666666', '33333333-4444-5555-6666-777777777777']
  const unlisted = '44444444-5555-6666-7777-888888888888'
  const several = ({ entra }: { entra: Entra }): Record<string, string> => ({
    TENANT_ID: 'organizations',
    AUTHORITY: `${originOf(entra)}/organizations`,
    MICROSOFT_TENANTS: `${ownTenant}, ${otherTenant}`,
  })

  test('people of the configured tenants can sign in with an unconfirmed email address, and others cannot', async ({
    startWithMicrosoft,
  }) => {
    const setup = await startWithMicrosoft({ env: several })
    const { portal, entra } = setup
    for (const tid of [ownTenant, otherTenant]) {
      const account = newMicrosoftAccount(entra, 'ada', { tid })
      const { path } = await signInWithMicrosoft(new Visitor(portal), entra, account)
      expect(path).toBe('/profile')
      const row = await portal.query(`SELECT status, email_confirmed_at FROM users WHERE username = '${account.name}'`)
      expect(row).toEqual([['active', '']])
    }
    const outsider = newMicrosoftAccount(entra, 'eve', { tid: unlisted })
    await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.rejected, log: /is from a tenant that is not allowed/ }, outsider)
  })

  test('the same object id in another tenant is another person', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft({ env: several })
    const account = newMicrosoftAccount(entra, 'ada', { tid: ownTenant })
    const double = newMicrosoftAccount(entra, 'double', { tid: otherTenant, oid: account.oid })
    for (const identity of [account, double]) {
      const visitor = new Visitor(portal)
      expect((await signInWithMicrosoft(visitor, entra, identity)).path).toBe('/profile')
      expect(mainText(await visitor.open('/profile'))).toContain(identity.name)
    }
  })

  test('a token of one tenant with the issuer of another is rejected', async ({ startWithMicrosoft }) => {
    const setup = await startWithMicrosoft({ env: several })
    const account = newMicrosoftAccount(setup.entra, 'ada', { tid: ownTenant })
    for (const claims of [{ tid: otherTenant }, { iss: `${originOf(setup.entra)}/${otherTenant}/v2.0` }, { iss: `${originOf(setup.entra)}/{tenantid}/v2.0` }]) {
      setup.entra.tamper({ claims })
      await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.rejected, log: /has an issuer that does not match its tenant/ }, account)
    }
  })
})

test('after 600 sign-ins with Microsoft in ten minutes, the next one is limited, and passwords still work', async ({
  startWithMicrosoft,
}) => {
  const { portal, people } = await startWithMicrosoft()
  const visitor = new Visitor(portal)
  let last = await visitor.open('/ms-login')
  for (let attempts = 1; attempts <= 1_300 && last.headers.location !== '/login'; attempts += 1) last = await visitor.open('/ms-login')
  expect(last.headers.location).toBe('/login')
  expect(mainText(await visitor.open('/login'))).toMatch(new RegExp(TOO_MANY_ATTEMPTS.source.replace(/[$^]/g, '')))
  const [[rows] = []] = await portal.query('SELECT count(*) FROM authorization_requests')
  expect(Number(rows)).toBeGreaterThanOrEqual(600)
  expect(Number(rows), 'at most two periods, because they begin by the clock').toBeLessThanOrEqual(1_200)
  await new Visitor(portal).signIn(people.admin)
})

test('a profile of another person is rejected', async ({ startWithMicrosoft }) => {
  const setup = await startWithMicrosoft()
  const { entra } = setup
  const account = newMicrosoftAccount(entra)
  // The profile always belongs to the account, so the token is changed instead.
  entra.tamper({ claims: { oid: OTHER_GUID } })
  await expectSignInRejected(setup, { message: MICROSOFT_MESSAGES.unavailable, log: /the profile at ENDPOINT belongs to another person/ }, account)
})

test('a person without an email address gets no account, and sees the reason', async ({ portal, entra, graph }) => {
  const account = newMicrosoftAccount(entra, 'unknown', { mail: 'not an address' })
  await expectSignInRejected({ portal, entra, graph }, { message: MICROSOFT_MESSAGES.noEmail, lines: 0 }, account)
})

test("the log contains the number of Microsoft's error, and not its text", async ({ portal, entra, graph }) => {
  const secret = entra.clientSecret
  entra.clientSecret = 'a new client secret'
  try {
    await expectSignInRejected({ portal, entra, graph }, { message: MICROSOFT_MESSAGES.rejected, log: /Microsoft rejected the request: invalid_client \(AADSTS7000215\)/ })
  } finally {
    entra.clientSecret = secret
  }
})

test('the log contains no text from the URL of a callback', async ({ portal, entra, graph }) => {
  const visitor = new Visitor(portal)
  const authorizeUrl = await startSignIn(visitor)
  const callback = new URL(await entra.choose(authorizeUrl, 'deny'))
  callback.searchParams.set('error', 'Call 0900 1234 now')
  callback.searchParams.set('error_description', '\nERROR forged line')
  await expectRejected(
    { portal, entra, graph },
    async () => ({ ...(await openCallback(visitor, callback.href)), urls: [authorizeUrl] }),
    { message: MICROSOFT_MESSAGES.rejected, log: /an unknown error/ },
  )
  expect(portal.logged).not.toMatch(/\bCall\b|0900 1234|forged/)
})

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
