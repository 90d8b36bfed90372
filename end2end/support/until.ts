/** Asks again and again until there is an answer; fails after `most` milliseconds, saying what it waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, most = 15_000): Promise<T> {
  const end = Date.now() + most
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new Error(`Waited ${most} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
