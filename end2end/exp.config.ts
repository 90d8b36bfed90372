import base from './playwright.config.ts'
const flags = (process.env.FLAGS ?? '').split(' ').filter((f) => f !== '')
const lo = base.use!.launchOptions!
export default { ...base, workers: Number(process.env.W ?? 3), reporter: [['line']],
  use: { ...base.use, ...(process.env.CTX ? JSON.parse(process.env.CTX) : {}), launchOptions: { ...lo, args: [...lo.args!, ...flags] } } }
