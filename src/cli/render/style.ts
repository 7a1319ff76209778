import type { Environment, Terminal } from '../environment.js';

export type Paint = (text: string) => string;

/** Colours for one stream; every one is the identity if the stream is not a terminal or wants none. */
export interface Style {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
  cyan: Paint;
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** NO_COLOR: https://no-color.org. */
export function styleFor(stream: Terminal, env: Environment['env']): Style {
  const colours = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return paints(colours);
}

function paints(colours: boolean): Style {
  const paint =
    ([on, off]: readonly [number, number]): Paint =>
    (text) =>
      colours && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(CODES.bold),
    dim: paint(CODES.dim),
    red: paint(CODES.red),
    green: paint(CODES.green),
    yellow: paint(CODES.yellow),
    cyan: paint(CODES.cyan),
  };
}

export const plain: Style = paints(false);

/** For text that others wrote: no character of it controls the terminal, or the direction of what is around it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\uFFFD');
}
