import { PortalPage } from './portal-page.ts'

/** `/` */
export class HomePage extends PortalPage {
  async open(): Promise<void> {
    await this.visit('/')
  }

  async is(): Promise<void> {
    await this.arrives('/', /^Welcome/)
  }
}
