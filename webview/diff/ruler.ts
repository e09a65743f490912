/** Beside the list, where in it something differs: a strip on which a press goes there. The keyboard has next and previous. */
import type { RowState } from './align.ts';

const colours: Readonly<Partial<Record<RowState, string>>> = {
  added: '--vscode-charts-green',
  removed: '--vscode-charts-red',
  changed: '--vscode-charts-yellow',
};
const leastMark = 2;

/** Rows that are looked at for one mark; of more, some are passed over. */
const mostLooks = 64;

/** Draws a list of `count` rows; `stateOf` is asked for the state of one. */
export function drawRuler(canvas: HTMLCanvasElement, count: number, stateOf: (index: number) => RowState | undefined): void {
  const { clientWidth, clientHeight } = canvas;
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(clientWidth * scale);
  canvas.height = Math.round(clientHeight * scale);
  const context = canvas.getContext('2d');
  if (context === null || count === 0) return;
  const style = getComputedStyle(canvas);
  const fills: Readonly<Partial<Record<RowState, string>>> = Object.fromEntries(
    Object.entries(colours).map(([state, variable]) => [state, style.getPropertyValue(variable)]),
  );
  const height = Math.max(leastMark * scale, Math.ceil(canvas.height / count));
  const step = Math.max(1, Math.floor(count / canvas.height / mostLooks));
  let [drawn, last] = [-1, ''];
  for (let index = 0; index < count; index += step) {
    const state = stateOf(index);
    const colour = state === undefined ? undefined : fills[state];
    if (colour === undefined) continue;
    const top = Math.floor((index / count) * canvas.height);
    if (top === drawn && colour === last) continue;
    [drawn, last] = [top, colour];
    context.fillStyle = colour;
    context.fillRect(0, top, canvas.width, height);
  }
}
