import type { BrowserContext, Page } from '@playwright/test'

import type { Findings } from './findings.ts'

/**
 * Lets the pages of a browser add up what moves in them before anybody has touched anything. Each comes alive after it was
 * painted, as on a slow line: what scripts change is seen to move then, whichever is the faster here.
 */
export async function measureShift(context: BrowserContext): Promise<void> {
  await context.route(/\/pkg\/[^/]*\.wasm$/, async (route) => {
    const painted = route.request().frame().waitForFunction(() => performance.getEntriesByType('paint').length > 0)
    // The page may be gone by then.
    await painted.then(() => route.continue()).catch(() => undefined)
  })
  await context.addInitScript(() => {
    const page = window as Window & { shifts?: string[] }
    const shifts: string[] = (page.shifts = [])
    new PerformanceObserver((list) => {
      type Source = { node: Node | null; previousRect: DOMRectReadOnly; currentRect: DOMRectReadOnly }
      type Shift = PerformanceEntry & { value: number; sources: Source[] }
      for (const entry of list.getEntries() as Shift[]) {
        const rect = ({ x, y, width, height }: DOMRectReadOnly) => `${x},${y} ${width}x${height}`
        const moved = entry.sources.map(({ node, previousRect, currentRect }) => {
          const element = node instanceof Element ? node : node?.parentElement
          return `${element?.outerHTML.slice(0, 120)} from ${rect(previousRect)} to ${rect(currentRect)}`
        })
        shifts.push(`${entry.value}: ${moved.join('; ')}`)
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
}

/** Looks whether anything has moved between the first paint and now. */
export async function seeWhatMoved(page: Page, what: string, findings: Findings): Promise<void> {
  // Entries come with the frames: two of them are past whatever hydration has changed.
  const shifts = await page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        requestAnimationFrame(() =>
          requestAnimationFrame(() => resolve((window as Window & { shifts?: string[] }).shifts ?? ['not measured'])),
        )
      }),
  )
  for (const shift of shifts) findings.add(shift, what)
}

/** Looks whether anything lies beyond an edge: scrolling sideways, or out of sight. */
export async function seeWhatIsOutside(page: Page, what: string, findings: Findings): Promise<void> {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const isBeyond = (element: Element) => {
      const rect = element.getBoundingClientRect()
      const shown = rect.width > 1 && rect.height > 1 && element.checkVisibility({ visibilityProperty: true })
      return shown && (rect.right > width + 1 || rect.left < -1)
    }
    const beyond = [...document.querySelectorAll('body *')].filter(isBeyond)
    const outermost = beyond.filter((element) => !beyond.includes(element.parentElement as Element))
    const found = outermost.map((element) => element.outerHTML.slice(0, 160))
    if (document.documentElement.scrollWidth > width) {
      found.unshift(`the page scrolls sideways: ${document.documentElement.scrollWidth} of ${width} px`)
    }
    return found
  })
  for (const element of wide) findings.add(`outside: ${element}`, what)
}

/** Looks whether a text is cut by a box that has not grown with it. */
export async function seeWhatIsCut(page: Page, what: string, findings: Findings): Promise<void> {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('body *')]
      .filter((element) => {
        const style = getComputedStyle(element)
        const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible'
        const said = (element.textContent ?? '').trim() !== '' && element.clientWidth > 1 && element.clientHeight > 1
        const over = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1
        return hides && said && over && !/auto|scroll/.test(style.overflowX + style.overflowY)
      })
      .map((element) => element.outerHTML.slice(0, 160)),
  )
  for (const element of cut) findings.add(`cut off: ${element}`, what)
}
