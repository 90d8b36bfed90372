import type { BrowserContext, Page } from '@playwright/test'

import type { Findings } from './findings.ts'

/**
 * Records layout shifts in the pages of a browser. Each page hydrates after its first paint, as on a slow connection,
 * so that shifts caused by hydration are recorded even on a fast machine.
 */
export async function measureLayoutShift(context: BrowserContext): Promise<void> {
  await context.route(/\/pkg\/[^/]*\.wasm$/, async (route) => {
    const painted = route.request().frame().waitForFunction(() => performance.getEntriesByType('paint').length > 0)
    // The page may already be closed.
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

/** Adds the layout shifts since the first paint to the findings. */
export async function checkLayoutShift(page: Page, pageName: string, findings: Findings): Promise<void> {
  // Entries arrive with the frames. After two frames, the effects of hydration have been recorded.
  const shifts = await page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        requestAnimationFrame(() =>
          requestAnimationFrame(() => resolve((window as Window & { shifts?: string[] }).shifts ?? ['not measured'])),
        )
      }),
  )
  for (const shift of shifts) findings.add(shift, pageName)
}

/** Adds elements that extend beyond the viewport to the findings. */
export async function checkOverflow(page: Page, pageName: string, findings: Findings): Promise<void> {
  const overflowing = await page.evaluate(() => {
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
  for (const element of overflowing) findings.add(`outside: ${element}`, pageName)
}

/** Adds texts that are cut off by their box to the findings. */
export async function checkClipping(page: Page, pageName: string, findings: Findings): Promise<void> {
  const clipped = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('body *')]
      .filter((element) => {
        const style = getComputedStyle(element)
        const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible'
        const hasText = (element.textContent ?? '').trim() !== '' && element.clientWidth > 1 && element.clientHeight > 1
        const over = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1
        return hides && hasText && over && !/auto|scroll/.test(style.overflowX + style.overflowY)
      })
      .map((element) => element.outerHTML.slice(0, 160)),
  )
  for (const element of clipped) findings.add(`cut off: ${element}`, pageName)
}
