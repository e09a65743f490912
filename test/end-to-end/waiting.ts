/** Waits for what VS Code does in its own time. */

const patience = 60_000;

/** Polls until `look` gives something. */
export async function eventually<Value>(what: string, look: () => Value | undefined | Promise<Value | undefined>): Promise<Value> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within ${patience} ms`);
    await new Promise((resume) => setTimeout(resume, 200));
  }
}
