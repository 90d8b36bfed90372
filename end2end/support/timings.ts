// Where the time of a run goes: how long each test takes, and what all tests together spend on starting what they need
// and on each kind of step. script/test --timings makes tables of it.
//
// TIMINGS names the file that it is written to, as JSON: see Timings.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

import type { FullConfig, Reporter, TestCase, TestResult, TestStep } from '@playwright/test/reporter'

/** How often something was done, and how long it took altogether, in milliseconds. */
interface Sum {
  count: number
  ms: number
}

/** What is written. */
interface Timings {
  tests: { name: string; file: string; project: string; ms: number }[]
  /** What the tests start: portals, databases, browsers. By name. */
  starts: Record<string, Sum>
  /** Steps of tests by their kind, those that hold others left out: what remains is what was waited for. */
  steps: Record<string, Sum>
}

/** Steps with this beginning are starts, as in `test.step('Start portal', …)`. */
const START = 'Start '

export default class TimingsReporter implements Reporter {
  private readonly timings: Timings = { tests: [], starts: {}, steps: {} }
  private root = ''

  onBegin(config: FullConfig): void {
    this.root = config.rootDir
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const file = relative(this.root, test.location.file)
    const project = test.parent.project()?.name ?? ''
    this.timings.tests.push({ name: test.title, file, project, ms: result.duration })
    for (const step of result.steps) this.add(step)
  }

  onEnd(): void {
    const file = process.env.TIMINGS
    if (file !== undefined) writeFileSync(file, JSON.stringify(this.timings))
  }

  private add(step: TestStep): void {
    if (step.title.startsWith(START)) count(this.timings.starts, step.title.slice(START.length), step.duration)
    else if (/^Fixture "(browser|context|page)"$/.test(step.title)) count(this.timings.starts, step.title, step.duration)
    if (step.steps.length === 0) count(this.timings.steps, `${step.category}: ${kindOf(step.title)}`, step.duration)
    for (const inner of step.steps) this.add(inner)
  }
}

/** A step's title without what it is about: `Click getByRole('button')` is `Click`. */
function kindOf(title: string): string {
  return title.replace(/\s*(["'`(/]|get[A-Z]\w*\(|locator\().*$/s, '').slice(0, 60)
}

function count(sums: Record<string, Sum>, name: string, ms: number): void {
  const sum = (sums[name] ??= { count: 0, ms: 0 })
  sum.count += 1
  sum.ms += ms
}
