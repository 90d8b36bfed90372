import { expect } from '@playwright/test'

/** Collects what is wrong with many pages, so that one run names it all and each thing once. */
export class Findings {
  private readonly found = new Map<string, string[]>()

  add(what: string, where: string): void {
    this.found.set(what, [...(this.found.get(what) ?? []), where])
  }

  expectNone(): void {
    expect([...this.found].map(([what, where]) => `${what} (${where.join(', ')})`)).toEqual([])
  }
}
