/** Polls until there is a result, and fails with the description after `timeout` milliseconds. */
export async function until<T>(description: string, check: () => Promise<T | undefined>, timeout = 15_000): Promise<T> {
  const deadline = Date.now() + timeout
  for (;;) {
    const result = await check()
    if (result !== undefined) return result
    if (Date.now() > deadline) throw new Error(`Waited ${timeout} ms for ${description}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
