/**
 * What a page does for one step of a user, counted and not timed: whether it makes elements, and how often its busiest piece
 * of code runs. What goes over all rows of a long list for every frame shows here on any machine.
 */
import type { Page } from 'playwright-core';

interface Changes {
  /** Elements that were not in the page before. */
  readonly made: number;
  /** Elements that were put elsewhere in the document. */
  readonly moved: number;
}

/** Elements below `selector` that `step` makes and moves. */
export async function elementsOf(page: Page, selector: string, step: () => Promise<void>): Promise<Changes> {
  await page.evaluate((where) => {
    const counted = { known: new WeakSet(document.querySelectorAll('*')), made: 0, moved: 0 };
    const observer = new MutationObserver((records) => {
      for (const node of records.flatMap(({ addedNodes }) => [...addedNodes])) {
        if (!(node instanceof Element)) continue;
        if (counted.known.has(node)) counted.moved++;
        else counted.made += 1 + node.querySelectorAll('*').length;
        counted.known.add(node);
      }
    });
    const below = document.querySelector(where);
    if (below !== null) observer.observe(below, { childList: true, subtree: true });
    Object.assign(window, { counted, counting: observer });
  }, selector);
  await step();
  return page.evaluate(async () => {
    await new Promise((resume) => requestAnimationFrame(resume));
    const { counted, counting } = window as unknown as { counted: Changes; counting: MutationObserver };
    counting.disconnect();
    return { made: counted.made, moved: counted.moved };
  });
}

/** How often the piece of the page's code runs during `step` that runs most often, and which function it lies in. */
export async function busiest(page: Page, step: () => Promise<void>): Promise<{ runs: number; where: string }> {
  const session = await page.context().newCDPSession(page);
  await session.send('Profiler.enable');
  await session.send('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  await step();
  const { result } = await session.send('Profiler.takePreciseCoverage');
  await session.send('Profiler.stopPreciseCoverage');
  await session.detach();
  let most = { runs: 0, where: '' };
  for (const { url, functions } of result) {
    if (!url.endsWith('.js')) continue;
    for (const { functionName, ranges } of functions)
      for (const { count, startOffset } of ranges)
        if (count > most.runs) most = { runs: count, where: `${functionName} in ${url} at ${startOffset}` };
  }
  return most;
}

/** Lets the page draw. */
export async function frames(page: Page, count: number): Promise<void> {
  await page.evaluate(async (many) => {
    for (let at = 0; at < many; at++) await new Promise((resume) => requestAnimationFrame(resume));
  }, count);
}
