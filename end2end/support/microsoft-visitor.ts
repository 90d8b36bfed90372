// Going to Microsoft and coming back, without a browser.
import type { Account, Entra } from './entra.ts'
import { type Answer, Visitor, wordsOf } from './http.ts'
import { colleague } from './microsoft.ts'
import type { Portal } from './portal.ts'
import { expect } from './test.ts'

/** Where a form sends a browser, as scripts are told. */
export function gotoOf(answer: Answer): string {
  const { goto } = JSON.parse(answer.body) as { goto?: string }
  if (goto === undefined) throw new Error(`${answer.what} leads nowhere: ${answer.status} ${answer.body}`)
  return goto
}

/** Sends a browser to Microsoft to sign in; answers the address there. */
export async function leave(visitor: Visitor, query = ''): Promise<string> {
  const answer = await visitor.open(`/ms-login${query}`)
  expect(answer.status).toBe(302)
  return answer.headers.location ?? ''
}

/** Sends somebody who is signed in to Microsoft to link an account. */
export async function leaveToLink(visitor: Visitor, { password }: { password: string }): Promise<string> {
  return gotoOf(await visitor.send('link_microsoft', { current_password: password }))
}

/** The part of an address that is the portal's. */
export function pathOf(address: string): string {
  const { pathname, search } = new URL(address)
  return pathname + search
}

/** Opens the way back, and follows it to the page that says what came of it. */
export async function comeBack(visitor: Visitor, back: string): Promise<{ page: Answer; path: string; took: number }> {
  const first = await visitor.open(pathOf(back))
  expect(first.status, `${first.what}: ${wordsOf(first)}`).toBe(302)
  const path = first.headers.location ?? ''
  return { page: await visitor.open(path), path, took: first.took }
}

/** Signs in with Microsoft, all the way. */
export async function signIn(visitor: Visitor, entra: Entra, account: Account): Promise<{ page: Answer; path: string; took: number }> {
  return comeBack(visitor, await entra.choose(await leave(visitor), account))
}

/** Somebody whose account Microsoft made, and a browser in which they are signed in. */
export async function newcomer(portal: Portal, entra: Entra): Promise<{ visitor: Visitor; account: Account }> {
  const [visitor, account] = [new Visitor(portal), colleague(entra)]
  const { path, page } = await signIn(visitor, entra, account)
  expect(path, wordsOf(page)).toBe('/profile')
  return { visitor, account }
}
