// What becomes of a way to Microsoft and back on which something is wrong: the answer is another's, the token is
// forged, Microsoft is away. Each ends on the page that it began from, with words; nothing has changed, and the log has
// one line about it, with nothing secret in it.
import { TOO_MANY, escape } from '../pages/form.ts'
import type { Account, Entra, EntraPath, EntraTrouble, Tampering } from '../support/entra.ts'
import type { Graph } from '../support/graph.ts'
import { type Answer, Visitor, wordsOf } from '../support/http.ts'
import { comeBack, gotoOf, leave, leaveToLink, newcomer, pathOf, signIn } from '../support/microsoft-visitor.ts'
import { SAYS, age, colleague, originOf, test } from '../support/microsoft.ts'
import type { Member } from '../support/people.ts'
import type { Portal } from '../support/portal.ts'
import { expect } from '../support/test.ts'
import { until } from '../support/until.ts'

/** How long anybody waits for Microsoft, with a little on top. */
const MOST = 9_500
/** What needs nobody who is away is answered as ever. */
const AT_ONCE = 2_000

const MINUTE = 60
const OTHER_GUID = '11111111-2222-3333-4444-555555555555'

/** A portal, and Microsoft beside it. */
interface Scene {
  portal: Portal
  entra: Entra
  graph: Graph
}

/** All that a way back could change, but for the ways themselves. */
async function stateOf(portal: Portal): Promise<string[][][]> {
  const columns = {
    users: 'id, username, email, email_confirmed_at, password_hash, status, role, auth_epoch, last_sign_in_at',
    identities: '*',
    user_sessions: 'handle, id_hash, user_id, kind, epoch, proved_at, opened_by',
    audit: 'count(*), max(id)',
    shut_outs: '*',
    // Administrators are told by and by of all who wait; that mail may come at any time.
    "outbox WHERE kind <> 'notice'": 'count(*), max(id)',
    "mail_jobs WHERE kind <> 'notice'": 'count(*)',
  }
  const state: string[][][] = []
  for (const [table, what] of Object.entries(columns)) state.push(await portal.query(`SELECT ${what} FROM ${table} ORDER BY 1`))
  return state
}

/** Waits until no mail is under way, so that none is taken for something that a way back has changed. */
async function settle(portal: Portal): Promise<void> {
  const jobs = "SELECT count(*) FROM mail_jobs WHERE kind <> 'notice'"
  const mails = "SELECT count(*) FROM outbox WHERE kind <> 'notice' AND status = 'waiting'"
  await until('the mails to be written', async () => {
    const [[count] = []] = await portal.query(`SELECT (${jobs}) + (${mails})`)
    return count === '0' ? true : undefined
  })
}

/** The lines of the log, but for those that tell of every request. */
function linesOf(log: string): string[] {
  return log.split('\n').filter((line) => line !== '' && !line.includes('request: answered'))
}

/** All that nobody may read in the log. */
function secretsOf(entra: Entra, ...addresses: string[]): string[] {
  const of = (parameters: Record<string, string> = {}): (string | undefined)[] => {
    return ['code', 'state', 'nonce', 'code_verifier', 'code_challenge'].map((name) => parameters[name])
  }
  const addressed = addresses.flatMap((address) => of(Object.fromEntries(new URL(address).searchParams)))
  const signature = entra.lastIdToken?.split('.').at(-1)
  const all = [entra.clientSecret, ...of(entra.lastToken?.parameters), ...of(entra.lastAuthorize?.parameters), ...addressed]
  return [...all, entra.lastIdToken, signature].filter((secret): secret is string => secret !== undefined && secret.length > 8)
}

interface Expected {
  /** The page that it ends on. */
  at?: string
  says: string | RegExp
  /** How many lines the log has about it. */
  lines?: number
  /** What the line says. */
  log?: RegExp
}

/** Does something that is to come to nothing, and expects that it does. */
async function expectNothing(
  { portal, entra }: Scene,
  act: () => Promise<{ page: Answer; path: string; addresses: string[] }>,
  { at = '/login', says, lines = 1, log = /./ }: Expected,
): Promise<void> {
  await settle(portal)
  const [before, logged] = [await stateOf(portal), portal.logged.length]
  const { page, path, addresses } = await act()
  expect(await stateOf(portal), 'nothing has changed').toEqual(before)
  const said = portal.logged.slice(logged)
  for (const secret of secretsOf(entra, ...addresses)) expect(said, 'nothing secret is in the log').not.toContain(secret)
  // Each of these is worth knowing, whatever the others are.
  expect.soft(path, 'it ends on the page it began from').toBe(at)
  expect.soft(page.status, page.what).toBe(200)
  expect.soft(wordsOf(page)).toMatch(typeof says === 'string' ? new RegExp(escape(says)) : says)
  const told = linesOf(said)
  expect.soft(told, 'one line tells of it').toHaveLength(lines)
  for (const line of told) expect.soft(line).toMatch(log)
}

/** A sign-in at Microsoft that is to come to nothing. */
async function expectNoSignIn(scene: Scene, expected: Expected, account?: Account): Promise<void> {
  const who = account ?? colleague(scene.entra)
  const visitor = new Visitor(scene.portal)
  const to = await leave(visitor)
  const back = await scene.entra.choose(to, who)
  await expectNothing(
    scene,
    async () => {
      const { page, path, took } = await comeBack(visitor, back)
      expect(took, 'nobody waits for longer').toBeLessThan(MOST)
      return { page, path, addresses: [to, back] }
    },
    expected,
  )
  const profile = await visitor.open('/profile')
  expect(profile.headers.location, 'nobody is signed in').toBe('/login?next=%2Fprofile')
}

test.describe('The way back', () => {
  test('it works once', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const to = await leave(visitor)
    const back = await entra.choose(to, account)
    expect((await comeBack(visitor, back)).path).toBe('/profile')
    const asked = entra.asked.token
    await visitor.send('sign_out', {})
    await expectNothing(
      { portal, entra, graph },
      async () => ({ ...(await comeBack(visitor, back)), addresses: [to, back] }),
      { says: SAYS.stale },
    )
    expect(entra.asked.token, 'Microsoft is not asked again').toBe(asked)
  })

  test('a wrong state, and none, lead nowhere, and the right one still works', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const to = await leave(visitor)
    const back = await entra.choose(to, account)
    const asked = entra.asked.token
    const code = new URL(back).searchParams.get('code') ?? ''
    for (const query of [`?code=${code}&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`, `?code=${code}`, '', '?state=', '?error=access_denied']) {
      await expectNothing(
        { portal, entra, graph },
        async () => ({ ...(await comeBack(visitor, `${portal.url}/auth/redirect${query}`)), addresses: [to, back] }),
        { says: SAYS.stale },
      )
    }
    expect(entra.asked.token, 'no code is exchanged').toBe(asked)
    expect((await comeBack(visitor, back)).path).toBe('/profile')
  })

  test('in another browser it leads nowhere, with a way of its own or without, and in its own it still works', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const to = await leave(visitor)
    const back = await entra.choose(to, account)
    const asked = entra.asked.token
    const busy = new Visitor(portal)
    await leave(busy)
    for (const other of [new Visitor(portal), busy]) {
      await expectNothing(
        { portal, entra, graph },
        async () => ({ ...(await comeBack(other, back)), addresses: [to, back] }),
        { says: SAYS.stale },
      )
    }
    expect(entra.asked.token, 'no code is exchanged').toBe(asked)
    expect((await comeBack(visitor, back)).path).toBe('/profile')
  })

  test('ten minutes later it leads nowhere', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const to = await leave(visitor)
    const back = await entra.choose(to, account)
    await portal.query('UPDATE microsoft_trips SET expires_at = expires_at - 601000000')
    await expectNothing(
      { portal, entra, graph },
      async () => ({ ...(await comeBack(visitor, back)), addresses: [to, back] }),
      { says: SAYS.stale },
    )
  })

  test('a code of another way is no good, and uses its own way up', async ({ portal, entra, graph }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const [one, other] = [await leave(visitor), await leave(visitor)]
    const [first, second] = [new URL(await entra.choose(one, account)), new URL(await entra.choose(other, account))]
    first.searchParams.set('code', second.searchParams.get('code') ?? '')
    await expectNothing(
      { portal, entra, graph },
      async () => ({ ...(await comeBack(visitor, first.href)), addresses: [first.href, second.href] }),
      { says: SAYS.refused, log: /invalid_grant \(AADSTS501481\)/ },
    )
    await expectNothing(
      { portal, entra, graph },
      async () => ({ ...(await comeBack(visitor, first.href)), addresses: [first.href, second.href] }),
      { says: SAYS.stale },
    )
  })

  test('two at once: one comes in, and the account is made once', async ({ portal, entra }) => {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    const asked = entra.asked.token
    const back = await entra.choose(await leave(visitor), account)
    const answers = await Promise.all([1, 2].map(async () => visitor.open(pathOf(back))))
    expect(answers.map(({ status }) => status)).toEqual([302, 302])
    expect(answers.map(({ headers }) => headers.location).sort()).toEqual(['/login', '/profile'])
    expect(entra.asked.token - asked, 'the code is exchanged once').toBe(1)
    expect(await portal.query(`SELECT count(*) FROM identities WHERE oid = '${account.oid}'`)).toEqual([['1']])
  })

  test('somebody who comes for the first time in several browsers at once has one account', async ({ portal, entra }) => {
    const account = colleague(entra)
    const visitors = Array.from({ length: 4 }, () => new Visitor(portal))
    const backs = await Promise.all(visitors.map(async (visitor) => entra.choose(await leave(visitor), account)))
    const answers = await Promise.all(visitors.map(async (visitor, at) => visitor.open(pathOf(backs[at] ?? ''))))
    expect.soft(answers.map(({ headers }) => headers.location)).toEqual(['/profile', '/profile', '/profile', '/profile'])
    for (const [at, visitor] of visitors.entries()) {
      expect.soft(wordsOf(await visitor.open(answers[at]?.headers.location ?? '/'))).toContain(account.name)
    }
    expect(await portal.query(`SELECT count(*) FROM users WHERE username LIKE '${account.name}%'`)).toEqual([['1']])
    const registered = `SELECT count(*) FROM audit WHERE subject_name = '${account.name}' AND action = 'user.register_microsoft'`
    expect(await portal.query(registered)).toEqual([['1']])
  })

  test('whoever turns back after having signed in otherwise meanwhile is told', async ({ portal, people, entra, graph }) => {
    const ada = await people.active()
    const visitor = new Visitor(portal)
    const to = await leave(visitor)
    await visitor.signIn(ada)
    const back = await entra.choose(to, 'deny')
    await expectNothing(
      { portal, entra, graph },
      async () => {
        const { page, path } = await comeBack(visitor, back)
        if (page.status !== 302) return { page, path, addresses: [to, back] }
        const next = page.headers.location ?? ''
        return { page: await visitor.open(next), path: next, addresses: [to, back] }
      },
      { at: '/profile', says: SAYS.denied },
    )
  })
})

test.describe('The way back of linking', () => {
  /** Somebody with a password who has set out to link, and the way back. */
  async function onTheWay({ portal, entra }: Scene, ada: Member): Promise<{ visitor: Visitor; to: string; back: string; account: Account }> {
    const [visitor, account] = [new Visitor(portal), colleague(entra)]
    await visitor.signIn(ada)
    const to = await leaveToLink(visitor, ada)
    return { visitor, to, back: await entra.choose(to, account), account }
  }

  /** Opens the way back, and whatever it leads on to. */
  async function follow(visitor: Visitor, back: string): Promise<{ page: Answer; path: string }> {
    let { page, path } = await comeBack(visitor, back)
    for (let steps = 0; page.status === 302 && steps < 3; steps += 1) {
      path = page.headers.location ?? ''
      page = await visitor.open(path)
    }
    return { page, path }
  }

  test('signed out meanwhile, somebody links nothing and reads why', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const { visitor, to, back } = await onTheWay(scene, await people.active())
    await visitor.send('sign_out', {})
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, back)), addresses: [to, back] }),
      { at: '/login?next=%2Fprofile%2Fmicrosoft', says: SAYS.stale },
    )
  })

  test('signed in anew meanwhile, somebody links nothing and reads why', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const ada = await people.active()
    const { visitor, to, back } = await onTheWay(scene, ada)
    await visitor.send('sign_out', {})
    await visitor.signIn(ada)
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, back)), addresses: [to, back] }),
      { at: '/profile/microsoft', says: SAYS.stale },
    )
  })

  test('somebody else in the same browser links nothing and reads why', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const { visitor, to, back } = await onTheWay(scene, await people.active())
    await visitor.send('sign_out', {})
    await visitor.signIn(await people.active('bert'))
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, back)), addresses: [to, back] }),
      { at: '/profile/microsoft', says: SAYS.stale },
    )
  })

  test('another browser of the same person links nothing', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const ada = await people.active()
    const { visitor, to, back } = await onTheWay(scene, ada)
    const other = new Visitor(portal)
    await other.signIn(ada)
    await expectNothing(
      scene,
      async () => ({ ...(await follow(other, back)), addresses: [to, back] }),
      { at: '/profile', says: SAYS.stale },
    )
    const { page, path } = await comeBack(visitor, back)
    expect(path, 'its own still does').toBe('/profile')
    expect(wordsOf(page)).toContain(SAYS.linked)
  })

  test('the code of a sign-in does not link, and that of linking does not sign in', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const ada = await people.active()
    const account = colleague(entra)
    const visitor = new Visitor(portal)
    const signing = new URL(await entra.choose(await leave(visitor), account))
    await visitor.signIn(ada)
    const linking = new URL(await entra.choose(await leaveToLink(visitor, ada), account))
    const [codes, crossed] = [[signing, linking].map((way) => way.searchParams.get('code') ?? ''), [new URL(linking), new URL(signing)] as const]
    crossed[0].searchParams.set('code', codes[0] ?? '')
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, crossed[0].href)), addresses: [signing.href, linking.href] }),
      { at: '/profile/microsoft', says: SAYS.refused, log: /invalid_grant/ },
    )
    await visitor.send('sign_out', {})
    crossed[1].searchParams.set('code', codes[1] ?? '')
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, crossed[1].href)), addresses: [signing.href, linking.href] }),
      { says: SAYS.refused, log: /invalid_grant/ },
    )
  })

  test('a forged token ends on the page it began from', async ({ portal, people, entra, graph }) => {
    const scene = { portal, entra, graph }
    const { visitor, to, back } = await onTheWay(scene, await people.active())
    entra.tamper({ alg: 'bad-signature' })
    await expectNothing(
      scene,
      async () => ({ ...(await follow(visitor, back)), addresses: [to, back] }),
      { at: '/profile/microsoft', says: SAYS.refused, log: /has a wrong signature/ },
    )
  })

  test('two at once link once', async ({ portal, people, entra, graph }) => {
    const ada = await people.active()
    const { visitor, back } = await onTheWay({ portal, entra, graph }, ada)
    await Promise.all([1, 2].map(async () => visitor.open(pathOf(back))))
    expect(await portal.query(`SELECT count(*) FROM identities WHERE user_id = ${ada.id}`)).toEqual([['1']])
    expect(await portal.query(`SELECT count(*) FROM audit WHERE subject_id = ${ada.id} AND action = 'microsoft.link'`)).toEqual([['1']])
  })
})

test.describe('The way back of proving who one is', () => {
  for (const [what, tampering, says] of [
    ['a forged token', { alg: 'none' }, SAYS.refused],
    ['a token of another way', { claims: { nonce: 'AAAA' } }, SAYS.refused],
    ['a token without the time of the sign-in', { claims: { auth_time: undefined } }, SAYS.noProof],
    ['a token of somebody who signed in before', { claims: { auth_time: seconds() - 10 * MINUTE } }, SAYS.noProof],
    ['a token of somebody else of another number', { claims: { oid: OTHER_GUID } }, /\./],
  ] as [string, Tampering, string | RegExp][]) {
    test(`${what} proves nothing, and ends on the page it began from`, async ({ portal, entra, graph }) => {
      const { visitor, account } = await newcomer(portal, entra)
      await age(portal, account.name)
      const to = gotoOf(await visitor.send('prove_with_microsoft', { next: '/change-password' }))
      const back = await entra.choose(to, account)
      entra.tamper(tampering)
      await expectNothing(
        { portal, entra, graph },
        async () => ({ ...(await comeBack(visitor, back)), addresses: [to, back] }),
        { at: '/change-password', says },
      )
      expect(wordsOf(await visitor.open('/change-password'))).toContain('Sign in with Microsoft again to go on')
    })
  }

  test('a sign-in does not prove what was not asked for', async ({ portal, entra }) => {
    const { visitor, account } = await newcomer(portal, entra)
    await age(portal, account.name)
    for (const next of ['https://evil.example/', '//evil.example', '/logout']) {
      const to = gotoOf(await visitor.send('prove_with_microsoft', { next }))
      const { path } = await comeBack(visitor, await entra.choose(to, account))
      expect(path).toBe('/profile')
    }
  })
})

test.describe('A token', () => {
  const now = seconds()
  const cases: [string, Tampering, RegExp][] = [
    ['with a wrong signature', { alg: 'bad-signature' }, /has a wrong signature/],
    ['signed by somebody else under the name of the key', { alg: 'another-key' }, /has a wrong signature/],
    ['that nobody signed', { alg: 'none' }, /is not signed|not allowed|not readable/],
    ['that nobody signed, with the name of the algorithm written otherwise', { alg: 'none', header: { alg: 'NONE' } }, /./],
    ['signed with the public key as a secret', { alg: 'HS256-with-public-key' }, /is signed in a way that is not allowed/],
    ['that says it is signed in another way', { header: { alg: 'RS512' } }, /is signed in a way that is not allowed/],
    ['for another application', { claims: { aud: OTHER_GUID } }, /is for another application/],
    ['for another application that names ours', { claims: { aud: OTHER_GUID, azp: 'ours' } }, /is for another application/],
    ['of another issuer', { claims: { iss: 'https://login.evil.example/v2.0' } }, /has another issuer/],
    ['of another tenant', { claims: { tid: OTHER_GUID } }, /is of a tenant that is not allowed/],
    ['of no tenant', { claims: { tid: undefined } }, /names no tenant/],
    ['of nobody', { claims: { oid: undefined } }, /names no person/],
    ['of another sign-in', { claims: { nonce: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' } }, /is of another sign-in/],
    ['of no sign-in', { claims: { nonce: undefined } }, /is of another sign-in/],
    ['that has expired', { claims: { exp: now - 2 * MINUTE } }, /has expired/],
    ['that is not valid yet', { claims: { nbf: now + 10 * MINUTE } }, /is not valid yet/],
    ['that is none', { raw: 'not.a.token' }, /./],
    ['that is empty', { raw: '' }, /./],
  ]
  for (const [what, tampering, log] of cases) {
    test(`${what} signs nobody in`, async ({ portal, entra, graph }) => {
      entra.tamper(tampering)
      await expectNoSignIn({ portal, entra, graph }, { says: /What Microsoft answered can't be accepted|Microsoft can't be reached right now/, log })
    })
  }

  test("of another tenant, with that tenant's issuer, signs nobody in", async ({ portal, entra, graph }) => {
    entra.tamper({ claims: { tid: OTHER_GUID, iss: `${originOf(entra)}/${OTHER_GUID}/v2.0` } })
    await expectNoSignIn({ portal, entra, graph }, { says: SAYS.refused, log: /is of a tenant that is not allowed/ })
  })

  test('a clock that is half a minute off does no harm', async ({ portal, entra }) => {
    for (const claims of [{ exp: seconds() - MINUTE / 2 }, { nbf: seconds() + MINUTE / 2, iat: seconds() + MINUTE / 2 }]) {
      entra.tamper({ claims })
      await newcomer(portal, entra)
    }
  })

  test('signed with new keys is good at once, with a key that is nowhere it is not', async ({ startWithMicrosoft }) => {
    const scene = await startWithMicrosoft()
    const { portal, entra } = scene
    await newcomer(portal, entra)
    const fetched = entra.asked.keys
    await newcomer(portal, entra)
    expect(entra.asked.keys, 'the keys are kept').toBe(fetched)

    await entra.rotateKeys()
    await newcomer(portal, entra)
    expect(entra.asked.keys, 'new keys are fetched once').toBe(fetched + 1)

    for (const time of [1, 2]) {
      await test.step(`unknown ${time}`, async () => {
        entra.tamper({ kid: 'nowhere-to-be-found' })
        await expectNoSignIn(scene, { says: SAYS.refused, log: /is signed with an unknown key/ })
      })
    }
    expect(entra.asked.keys, 'whoever forges has nobody ask for keys again and again').toBe(fetched + 1)
    await newcomer(portal, entra)
  })
})

test.describe('While Microsoft', () => {
  const hows: EntraTrouble[] = ['status-500', 'close', 'garbage', 'hang']

  for (const how of hows) {
    for (const path of ['discovery', 'keys', 'token'] as EntraPath[]) {
      test(`has its ${path} answer with ${how}, people are told in time, and it recovers by itself`, async ({ startWithMicrosoft }) => {
        const scene = await startWithMicrosoft()
        const { portal, entra, people } = scene
        const account = colleague(entra)
        entra.fail({ path, how })
        if (path === 'discovery') {
          await expectNothing(
            scene,
            async () => {
              const visitor = new Visitor(portal)
              const first = await visitor.open('/ms-login')
              expect(first.took, 'nobody waits for longer').toBeLessThan(MOST)
              return { page: await visitor.open(first.headers.location ?? ''), path: first.headers.location ?? '', addresses: [] }
            },
            { says: SAYS.away, log: /Microsoft cannot be reached/ },
          )
        } else {
          await expectNoSignIn(scene, { says: SAYS.away, log: /Microsoft cannot be reached/ }, account)
        }
        await new Visitor(portal).signIn(people.keeper)
        entra.heal()
        // What could not be fetched is left alone for as long again as it took.
        await until('it to recover', async () => {
          const to = (await new Visitor(portal).open('/ms-login')).headers.location
          if (to === '/login') return undefined
          return (await signIn(new Visitor(portal), entra, account)).path === '/profile' ? true : undefined
        })
      })
    }

    test(`has the profile answer with ${how}, people are told in time, and it recovers by itself`, async ({ startWithMicrosoft }) => {
      const scene = await startWithMicrosoft()
      const { portal, entra, graph } = scene
      const account = colleague(entra)
      graph.fail({ path: 'me', how })
      await expectNoSignIn(scene, { says: SAYS.away, log: /the profile at ENDPOINT|Microsoft cannot be reached/ }, account)
      graph.heal()
      expect((await signIn(new Visitor(portal), entra, account)).path).toBe('/profile')
    })
  }

  for (const status of [401, 403, 429, 503] as const) {
    test(`answers ${status} for the profile, people are told`, async ({ portal, entra, graph }) => {
      graph.fail({ path: 'me', how: `status-${status}`, times: 1 })
      await expectNoSignIn({ portal, entra, graph }, { says: SAYS.away, log: new RegExp(`could not be had: answered ${status}`) })
    })
  }

  test('is gone, nothing is heard of it, and who signs in with a password notices nothing', async ({ startWithMicrosoft }) => {
    const scene = await startWithMicrosoft()
    const { portal, entra, people } = scene
    await entra.stop()
    const visitor = new Visitor(portal)
    const first = await visitor.open('/ms-login')
    expect(first.headers.location).toBe('/login')
    expect(first.took).toBeLessThan(AT_ONCE)
    expect(wordsOf(await visitor.open('/login'))).toContain(SAYS.away)
    await visitor.signIn(people.keeper)
    const page = await visitor.open('/profile/microsoft')
    expect(page.status).toBe(200)
    expect(page.took).toBeLessThan(AT_ONCE)
    const linking = await visitor.send('link_microsoft', { current_password: people.keeper.password })
    expect(JSON.parse(linking.body)).toMatchObject({ refused: { form: 'microsoft_away' } })
  })

  test('hangs, many who wait are all told in time', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft()
    entra.fail({ path: 'discovery', how: 'hang' })
    const answers = await Promise.all(Array.from({ length: 20 }, async () => new Visitor(portal).open('/ms-login')))
    for (const { took, headers } of answers) {
      expect(headers.location).toBe('/login')
      expect(took).toBeLessThan(MOST)
    }
  })

  test('hangs, signing out there is told in time too, with one line in the log', async ({ startWithMicrosoft }) => {
    const scene = await startWithMicrosoft()
    const { portal, entra } = scene
    entra.fail({ path: 'discovery', how: 'hang' })
    await expectNothing(
      scene,
      async () => {
        const visitor = new Visitor(portal)
        const first = await visitor.open('/ms-logout')
        expect.soft(first.took, 'nobody waits for longer').toBeLessThan(MOST)
        const path = first.headers.location ?? ''
        return { page: path === '' ? first : await visitor.open(path), path, addresses: [] }
      },
      { says: SAYS.away },
    )
  })
})

test.describe('With several tenants', () => {
  const [ours, theirs] = ['22222222-3333-4444-5555-666666666666', '33333333-4444-5555-6666-777777777777']
  const unlisted = '44444444-5555-6666-7777-888888888888'
  const several = ({ entra }: { entra: Entra }): Record<string, string> => ({
    TENANT_ID: 'organizations',
    AUTHORITY: `${originOf(entra)}/organizations`,
    MICROSOFT_TENANTS: `${ours}, ${theirs}`,
  })

  test('people of those that are listed come in, with an address that is to be confirmed, others do not', async ({ startWithMicrosoft }) => {
    const scene = await startWithMicrosoft({ env: several })
    const { portal, entra } = scene
    for (const tid of [ours, theirs]) {
      const account = colleague(entra, 'ada', { tid })
      const { path } = await signIn(new Visitor(portal), entra, account)
      expect(path).toBe('/profile')
      const row = await portal.query(`SELECT status, email_confirmed_at FROM users WHERE username = '${account.name}'`)
      expect(row).toEqual([['active', '']])
    }
    const stranger = colleague(entra, 'eve', { tid: unlisted })
    await expectNoSignIn(scene, { says: SAYS.refused, log: /is of a tenant that is not allowed/ }, stranger)
  })

  test('the same number in another tenant is another person', async ({ startWithMicrosoft }) => {
    const { portal, entra } = await startWithMicrosoft({ env: several })
    const account = colleague(entra, 'ada', { tid: ours })
    const double = colleague(entra, 'double', { tid: theirs, oid: account.oid })
    for (const who of [account, double]) {
      const visitor = new Visitor(portal)
      expect((await signIn(visitor, entra, who)).path).toBe('/profile')
      expect(wordsOf(await visitor.open('/profile'))).toContain(who.name)
    }
  })

  test('a token of one tenant with the issuer of another signs nobody in', async ({ startWithMicrosoft }) => {
    const scene = await startWithMicrosoft({ env: several })
    const account = colleague(scene.entra, 'ada', { tid: ours })
    for (const claims of [{ tid: theirs }, { iss: `${originOf(scene.entra)}/${theirs}/v2.0` }, { iss: `${originOf(scene.entra)}/{tenantid}/v2.0` }]) {
      scene.entra.tamper({ claims })
      await expectNoSignIn(scene, { says: SAYS.refused, log: /has another issuer than its tenant's/ }, account)
    }
  })
})

test('past six hundred beginnings in ten minutes, the next is told to wait, and passwords still work', async ({ startWithMicrosoft }) => {
  const { portal, people } = await startWithMicrosoft()
  const visitor = new Visitor(portal)
  let last = await visitor.open('/ms-login')
  for (let begun = 1; begun <= 1_300 && last.headers.location !== '/login'; begun += 1) last = await visitor.open('/ms-login')
  expect(last.headers.location).toBe('/login')
  expect(wordsOf(await visitor.open('/login'))).toMatch(new RegExp(TOO_MANY.source.replace(/[$^]/g, '')))
  const [[rows] = []] = await portal.query('SELECT count(*) FROM microsoft_trips')
  expect(Number(rows)).toBeGreaterThanOrEqual(600)
  expect(Number(rows), 'windows begin by the clock: at most two').toBeLessThanOrEqual(1_200)
  await new Visitor(portal).signIn(people.keeper)
})

test('the profile of somebody else signs nobody in', async ({ startWithMicrosoft }) => {
  const scene = await startWithMicrosoft()
  const { entra } = scene
  const account = colleague(entra)
  // The profile is read from the account itself: what the token says is changed instead.
  entra.tamper({ claims: { oid: OTHER_GUID } })
  await expectNoSignIn(scene, { says: SAYS.away, log: /the profile at ENDPOINT is another person's/ }, account)
})

test('somebody without an address has no account, and reads why', async ({ portal, entra, graph }) => {
  const account = colleague(entra, 'nobody', { mail: 'not an address' })
  await expectNoSignIn({ portal, entra, graph }, { says: SAYS.noAddress, lines: 0 }, account)
})

test('Microsoft says no in words of its own, of which the log has the number', async ({ portal, entra, graph }) => {
  const secret = entra.clientSecret
  entra.clientSecret = 'another secret by now'
  try {
    await expectNoSignIn({ portal, entra, graph }, { says: SAYS.refused, log: /Microsoft refused: invalid_client \(AADSTS7000215\)/ })
  } finally {
    entra.clientSecret = secret
  }
})

test("turned back at Microsoft, with words that are not Microsoft's, the log keeps none of them", async ({ portal, entra, graph }) => {
  const visitor = new Visitor(portal)
  const to = await leave(visitor)
  const back = new URL(await entra.choose(to, 'deny'))
  back.searchParams.set('error', 'Call 0900 1234 now')
  back.searchParams.set('error_description', '\nERROR forged line')
  await expectNothing(
    { portal, entra, graph },
    async () => ({ ...(await comeBack(visitor, back.href)), addresses: [to] }),
    { says: SAYS.refused, log: /an unknown error/ },
  )
  expect(portal.logged).not.toMatch(/\bCall\b|0900 1234|forged/)
})

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
