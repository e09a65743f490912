/** How wide a character of the editor's font is, which VS Code gives its pages as variables. */

const context = document.createElement('canvas').getContext('2d');

/** Pixels; of the font that lists of `page` are written in. */
export function characterWidth(page: HTMLElement): number {
  const style = getComputedStyle(page);
  const family = style.getPropertyValue('--vscode-editor-font-family') || 'monospace';
  if (context === null) return 8;
  context.font = `${style.getPropertyValue('--vscode-editor-font-size') || '13px'} ${family}`;
  return context.measureText('0'.repeat(16)).width / 16;
}
