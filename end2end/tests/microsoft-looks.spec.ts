import { lookAt } from '../support/axe.ts'
import { Findings } from '../support/findings.ts'
import { seeWhatIsCut, seeWhatIsOutside } from '../support/layout.ts'
import { microsoftStates } from '../support/microsoft-states.ts'
import { test } from '../support/microsoft.ts'

const HANDS = 2

for (let hand = 0; hand < HANDS; hand += 1) {
  test(`axe finds nothing on the pages about Microsoft, in light and dark, and they fit on 320 px, part ${hand + 1} of ${HANDS} @scripts`, async ({ page, portal, people, entra, expected }) => {
    test.slow()
    expected.add(404)
    const findings = new Findings()
    for (const { name, reach } of microsoftStates({ portal, people, entra }).filter((_, index) => index % HANDS === hand)) {
      await page.context().clearCookies()
      await page.setViewportSize({ width: 1280, height: 800 })
      await reach(page)
      await lookAt(page, name, findings)
      await page.setViewportSize({ width: 320, height: 640 })
      await seeWhatIsOutside(page, `${name} at 320 px`, findings)
      await seeWhatIsCut(page, `${name} at 320 px`, findings)
    }
    findings.expectNone()
  })
}
