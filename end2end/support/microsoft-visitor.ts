// Signs in and links with Microsoft without a browser.
import type { Account, Entra } from './entra.ts'
import { type HttpResponse, Visitor, mainText } from './http.ts'
import { newMicrosoftAccount } from './microsoft.ts'
import type { Portal } from './portal.ts'
import { expect } from './test.ts'

/** Returns the URL to which the JSON result of a form leads. */
export function gotoUrl(response: HttpResponse): string {
  const { goto } = JSON.parse(response.body) as { goto?: string }
  if (goto === undefined) throw new Error(`${response.description} leads to no page: ${response.status} ${response.body}`)
  return goto
}

/** Starts a sign-in with Microsoft, and returns the URL at Microsoft. */
export async function startSignIn(visitor: Visitor, query = ''): Promise<string> {
  const response = await visitor.open(`/ms-login${query}`)
  expect(response.status).toBe(302)
  return response.headers.location ?? ''
}

/** Starts to link a Microsoft account as a signed-in user, and returns the URL at Microsoft. */
export async function startLinking(visitor: Visitor, { password }: { password: string }): Promise<string> {
  return gotoUrl(await visitor.send('link_microsoft', { current_password: password }))
}

/** Returns the path and query of a URL. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** Opens the callback, and follows its redirect to the page that shows the result. */
export async function openCallback(visitor: Visitor, callback: string): Promise<{ page: HttpResponse; path: string; took: number }> {
  const callbackResponse = await visitor.open(pathOf(callback))
  expect(callbackResponse.status, `${callbackResponse.description}: ${mainText(callbackResponse)}`).toBe(302)
  const path = callbackResponse.headers.location ?? ''
  return { page: await visitor.open(path), path, took: callbackResponse.took }
}

/** Signs in with Microsoft, from start to end. */
export async function signInWithMicrosoft(visitor: Visitor, entra: Entra, account: Account): Promise<{ page: HttpResponse; path: string; took: number }> {
  return openCallback(visitor, await entra.choose(await startSignIn(visitor), account))
}

/** Returns a new account whose sign-in has created a user, and its signed-in visitor. */
export async function newMicrosoftUser(portal: Portal, entra: Entra): Promise<{ visitor: Visitor; account: Account }> {
  const [visitor, account] = [new Visitor(portal), newMicrosoftAccount(entra)]
  const { path, page } = await signInWithMicrosoft(visitor, entra, account)
  expect(path, mainText(page)).toBe('/profile')
  return { visitor, account }
}
