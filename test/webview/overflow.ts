/** What of a page does not fit into its window. */
import type { Page } from 'playwright-core';

/** Widths of an editor, in pixels: from a third of a small screen to all of a large one. */
export const editorWidths = [350, 420, 560, 700, 900, 1000, 1280, 2000] as const;

/**
 * Elements that stand out over the right edge of the window, or whose own text is cut off, each as `tag.class: words`. What lies
 * in something that scrolls sideways can be reached, and is none.
 */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // The page as a whole may scroll down, not sideways.
    const edge = document.querySelector('main')?.clientWidth ?? window.innerWidth;
    const scrolls = (element: Element | null): boolean =>
      element !== null &&
      element.tagName !== 'MAIN' &&
      (['auto', 'scroll'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const hasText = (element: Element): boolean =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '');
    const cut = (element: Element): boolean =>
      getComputedStyle(element).overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1 && !element.hasAttribute('title');
    const found: string[] = [];
    const note = (element: Element): void => {
      found.push(`${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.trim().slice(0, 40)}`);
    };
    for (const element of document.querySelectorAll('body *')) {
      const { right, width, height } = element.getBoundingClientRect();
      if (width === 0 || height === 0) continue;
      const out = right > (element.closest('main') === null ? window.innerWidth : edge) + 1 && !scrolls(element.parentElement);
      if (out || (hasText(element) && cut(element))) note(element);
    }
    return found;
  });
}
