// Records how long each test takes, and how much time all tests together spend on starting portals, databases and
// browsers, and on each kind of step. `script/test --timings` prints tables of these figures.
//
// TIMINGS is the path of the JSON file that it writes. The file contains a value of the type Timings.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

import type { FullConfig, Reporter, TestCase, TestResult, TestStep } from '@playwright/test/reporter'

/** The number of runs of one kind of step, and their total time in milliseconds. */
interface Sum {
  count: number
  ms: number
}

/** The content of the file. */
interface Timings {
  tests: { name: string; file: string; project: string; ms: number }[]
  /** Portals, databases and browsers that the tests start, by name. */
  starts: Record<string, Sum>
  /** Steps without inner steps, by kind. */
  steps: Record<string, Sum>
}

/** The first word of steps that start something, as in `test.step('Start portal', …)`. */
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

/** Returns a step's title without its object: `Click` for `Click getByRole('button')`. */
function kindOf(title: string): string {
  return title.replace(/\s*(["'`(/]|get[A-Z]\w*\(|locator\().*$/s, '').slice(0, 60)
}

function count(sums: Record<string, Sum>, name: string, ms: number): void {
  const sum = (sums[name] ??= { count: 0, ms: 0 })
  sum.count += 1
  sum.ms += ms
}
