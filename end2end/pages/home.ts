import { PortalPage } from './portal-page.ts'

/** The home page, `/`. */
export class HomePage extends PortalPage {
  async open(): Promise<void> {
    await this.visit('/')
  }

  async isOpen(): Promise<void> {
    await this.isAt('/', /^Welcome/)
  }
}
