/** How large the editor's font is, which VS Code gives its pages as variables, and how high its lines are therefore. */

/** All in pixels. */
export interface TextSize {
  /** Width of a character. */
  readonly character: number;
  /** Height of a row of one line. */
  readonly row: number;
  /** Height of a row of two lines. */
  readonly tallRow: number;
}

const context = document.createElement('canvas').getContext('2d');
/** For a font size in pixels that nobody has set. */
const usual: TextSize = { character: 8, row: 20, tallRow: 32 };

/** In pixels; of the font that lists of `page` are written in. */
export function textSize(page: HTMLElement): TextSize {
  const style = getComputedStyle(page);
  const family = style.getPropertyValue('--vscode-editor-font-family') || 'monospace';
  const size = Number.parseFloat(style.getPropertyValue('--vscode-editor-font-size')) || 13;
  if (context === null) return usual;
  context.font = `${size}px ${family}`;
  return {
    character: context.measureText('0'.repeat(16)).width / 16,
    row: Math.max(usual.row, Math.round(size * 1.4)),
    // No more than lets a list of a million rows be as high as a browser allows (virtual-list.ts).
    tallRow: 2 * Math.max(usual.tallRow / 2, Math.round(size * 1.15)),
  };
}

/** Widths that are known, in the font that they were measured in. */
const widths = { font: '', of: new Map<string, number>() };

/** To be called when fonts may have changed: what `wordsWidth` knows is of the font of `page`. */
export function useFontOf(page: HTMLElement): void {
  const { fontSize, fontFamily } = getComputedStyle(page);
  widths.font = `${fontSize} ${fontFamily}`;
  widths.of.clear();
}

/** Pixels that words take in the font of VS Code's own controls. */
export function wordsWidth(words: string): number {
  const known = widths.of.get(words);
  if (known !== undefined) return known;
  if (context !== null) context.font = widths.font;
  const width = context?.measureText(words).width ?? words.length * usual.character;
  widths.of.set(words, width);
  return width;
}
