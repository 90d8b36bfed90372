import { checkAccessibility } from '../support/axe.ts'
import { Findings } from '../support/findings.ts'
import { checkClipping, checkOverflow } from '../support/layout.ts'
import { microsoftStates } from '../support/microsoft-states.ts'
import { test } from '../support/microsoft.ts'

const PARTS = 2

for (let part = 0; part < PARTS; part += 1) {
  test(`axe finds no violations on the pages about Microsoft in light and dark mode, and they fit on 320 px, part ${part + 1} of ${PARTS} @scripts`, async ({
    page,
    portal,
    people,
    entra,
    expectedStatuses,
  }) => {
    test.slow()
    expectedStatuses.add(404)
    const findings = new Findings()
    for (const { name, reach } of microsoftStates({ portal, people, entra }).filter((_, index) => index % PARTS === part)) {
      await page.context().clearCookies()
      await page.setViewportSize({ width: 1280, height: 800 })
      await reach(page)
      await checkAccessibility(page, name, findings)
      await page.setViewportSize({ width: 320, height: 640 })
      await checkOverflow(page, `${name} at 320 px`, findings)
      await checkClipping(page, `${name} at 320 px`, findings)
    }
    findings.expectNone()
  })
}
