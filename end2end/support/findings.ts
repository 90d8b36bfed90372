import { expect } from '@playwright/test'

/** Collects problems on many pages, so that one run reports all of them and each only once. */
export class Findings {
  private readonly found = new Map<string, string[]>()

  add(finding: string, place: string): void {
    this.found.set(finding, [...(this.found.get(finding) ?? []), place])
  }

  expectNone(): void {
    expect([...this.found].map(([finding, place]) => `${finding} (${place.join(', ')})`)).toEqual([])
  }
}
