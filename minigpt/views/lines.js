import { inkOn } from "./shapes.js";
import { labelStep, weightOf } from "./attention.js";

// One head or several as lines: the tokens that look on the left, those looked at on the right.

const LEAST = 26; // bytes: lines of weights under 1 % are not drawn
const CROWD = 80; // tokens, from which on so many lines lie on each other that each is drawn fainter

/** Where everything stands: columns of labels `side` wide, a token every `pitch` pixels, lines in between. */
export function linesLayout(width, T, S) {
  const most = Math.max(T, S);
  const side = Math.round(Math.min(150, Math.max(64, width / 4)));
  const pitch = Math.min(22, Math.max(1, 1040 / most));
  return { side, pitch, width: Math.min(width, 560), height: Math.ceil(most * pitch) + 4, T, S };
}

/** What is at a point of the picture, as [row, column]: on the left half a token that looks, else one looked at. */
export function tokenAt({ pitch, width, T, S }, x, y) {
  const at = (n) => Math.min(n - 1, Math.max(0, Math.floor((y - 2) / pitch)));
  return x < width / 2 ? [at(T), -1] : [-1, at(S)];
}

function middle({ pitch }, at) {
  return 2 + (at + 0.5) * pitch;
}

/** The lines of one head, all, those of one row, or those to one column: [x1, y1, x2, y2, the root of the weight]. */
export function linesOf(layout, rowAt, [row, column] = [-1, -1]) {
  const [left, right] = [layout.side + 2, layout.width - layout.side - 2];
  const lines = [];
  for (let i = row < 0 ? 0 : row; i < (row < 0 ? layout.T : row + 1); i++) {
    rowAt(i).forEach((byte, j) => {
      if (byte < LEAST || (row < 0 && column >= 0 && j !== column)) return;
      lines.push([left, middle(layout, i), right, middle(layout, j), byte / 255]);
    });
  }
  return lines;
}

/** All lines of all heads; a picture keeps them while the pointer moves. */
export function linesBase(layout, heads) {
  const share = Math.min(1, CROWD / Math.max(layout.T, layout.S));
  return heads.map(({ rowAt, colour }) => {
    const lines = linesOf(layout, rowAt).map(([x1, y1, x2, y2, opacity]) => [x1, y1, x2, y2, share * opacity]);
    return { kind: "lines", lines, colour, thick: 1.5 };
  });
}

/** The whole picture. `at` = [row, column] stands out, the rest steps back; [-1, -1]: nothing does. */
export function linesPicture({ layout, base, heads, tokens, sources, colours, fit, padding }, at) {
  const { side, pitch, width, height } = layout;
  const [row, column] = at;
  const isChosen = row >= 0 || column >= 0;
  const strong = ({ rowAt, colour }) => ({ kind: "lines", lines: linesOf(layout, rowAt, at), colour, thick: 2.5 });
  const { step } = labelStep(pitch);
  const labels = (list, right) => {
    const shown = [...list.keys()].filter((k) => k % step === 0);
    return shown.map((k) => labelOf(layout, fit, list, k, right, colours.ink));
  };
  const padded = padding.flatMap((is, j) => (is ? [[width - 24, 2 + j * pitch, 24, pitch]] : []));
  return [
    { kind: "layer", shapes: base, size: [width, height], alpha: isChosen ? 0.12 : 1 },
    { kind: "hatch", boxes: padded, colour: colours.line, up: false },
    ...(isChosen ? heads.map(strong) : []),
    ...(isChosen ? heads.flatMap((head, k) => shades(layout, head, at, k, heads.length)) : []),
    ...labels(tokens, false),
    ...labels(sources, true),
    ...(row >= 0 ? chip(layout, fit, tokens, row, false, colours) : []),
    ...(row < 0 && column >= 0 ? chip(layout, fit, sources, column, true, colours) : []),
  ];
}

/** Behind the labels at the other end: the weight as a shade, each head in a strip of its own. */
function shades(layout, { rowAt, colour }, [row, column], k, n) {
  const { side, pitch, width, T } = layout;
  const strip = side / n;
  const shade = (byte, at, start) => {
    const box = [start + k * strip, 2 + at * pitch, strip, pitch];
    return { kind: "box", box, fill: colour, opacity: 0.55 * weightOf(byte) };
  };
  if (row >= 0) return Array.from(rowAt(row), (byte, j) => shade(byte, j, width - side)).filter((one) => one.opacity);
  const bytes = Array.from({ length: T }, (_, i) => rowAt(i)[column] ?? 0);
  return bytes.map((byte, i) => shade(byte, i, 0)).filter((one) => one.opacity);
}

function labelOf(layout, fit, list, at, right, colour, bold = false) {
  const { size } = labelStep(layout.pitch);
  const x = right ? layout.width - layout.side + 4 : layout.side - 4;
  const text = fit(list[at], layout.side - 8, size, bold);
  return { kind: "text", text, x, y: middle(layout, at), size, colour, bold, end: !right };
}

function chip(layout, fit, list, at, right, colours) {
  const thick = Math.max(layout.pitch, 14);
  const box = [right ? layout.width - layout.side : 0, middle(layout, at) - thick / 2, layout.side, thick];
  const fill = colours.mark;
  return [{ kind: "box", box, fill }, labelOf(layout, fit, list, at, right, inkOn(fill), true)];
}
