import { element, inPercent, moved, paint, pixelsOf } from "./common.js";
import { fitter, inkOn, measurer, showShapes } from "./shapes.js";

// What the views of attention share: how weights arrive, the grid of all heads, one head drawn large.

// One byte a weight: 255 times its square root (a small weight keeps a visible shade). A causal head holds its lower
// triangle only, so its row i has i + 1 bytes. shape = [L, H, T, S]; head n of all is layer * H + head.

/** The bytes of one row: what query i of head n gives to each key. A window on the data, not a copy. */
export function rowOf(data, [, , T, S], causal, n, i) {
  const start = causal ? (n * T * (T + 1)) / 2 + (i * (i + 1)) / 2 : (n * T + i) * S;
  return data.subarray(start, start + (causal ? i + 1 : S));
}

/** The weight that a byte stands for. */
export function weightOf(byte) {
  return (byte / 255) ** 2;
}

/** The bytes of one column: what key j of head n gets from each query; a causal key gets 0 from those before it. */
export function columnOf(data, shape, causal, n, j) {
  return Uint8Array.from({ length: shape[2] }, (_, i) => rowOf(data, shape, causal, n, i)[j] ?? 0);
}

/** Is cell k = i * S + j masked? `bits` has a bit for each cell, as numpy.packbits makes them; none: no cell is. */
export function isHidden(bits, k) {
  return Boolean((bits?.[k >> 3] >> (7 - (k & 7))) & 1);
}

/** Opacities of head n in at most size × size cells, each the largest of what falls into it; masked cells stay 0. */
export function opacitiesOf(data, shape, causal, n, size = Infinity, hidden = null) {
  const [, , T, S] = shape;
  const rows = Math.min(T, size);
  const columns = Math.min(S, size);
  const opacities = new Uint8Array(rows * columns);
  const cellOf = Uint16Array.from({ length: S }, (_, j) => Math.floor((j * columns) / S));
  for (let i = 0; i < T; i++) {
    const start = Math.floor((i * rows) / T) * columns;
    const row = rowOf(data, shape, causal, n, i);
    for (let j = 0; j < row.length; j++) {
      if (hidden && isHidden(hidden, i * S + j)) continue;
      const at = start + cellOf[j];
      const opacity = 16 + Math.trunc((row[j] * 239) / 255); // a visible weight of 0 is no masked one
      if (opacity > opacities[at]) opacities[at] = opacity;
    }
  }
  return opacities;
}

/** Masked cells as boxes [column, row, columns, rows], a run in a row each; columns of padding are left out. */
export function maskedRuns([, , T, S], causal, hidden = null, padding = []) {
  const runs = [];
  for (let i = 0; i < T; i++) {
    const isMasked = (j) => !padding[j] && ((causal && j > i) || isHidden(hidden, i * S + j));
    for (let j = 0; j < S; j++) {
      const start = j;
      while (j < S && isMasked(j)) j++;
      if (j > start) runs.push([start, i, j - start, 1]);
    }
  }
  return runs;
}

/** The k largest weights of a row, as [key, weight], largest first. */
export function strongest(row, k) {
  const keys = Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b);
  return keys.slice(0, k).map((key) => [key, weightOf(row[key])]);
}

const SAID = 60; // letters of a token that are said in a sentence

/** “cat” (2) */
export function tokenInWords(list, at) {
  const text = list[at];
  return `“${text.length > SAID ? `${text.slice(0, SAID)}…` : text}” (${at})`;
}

/** “sat” (3) looks at “cat” (2): 61 %, “The” (0): 20 %. `inWords` says a weight. */
export function sentence(tokens, sources, i, row, inWords = inPercent, verb = "looks at") {
  const name = tokenInWords(tokens, i);
  if (verb === "looks at" && row.every((byte) => byte === 0)) return `${name} looks at nothing: all of its weights are 0`;
  const parts = strongest(row, 4).map(([key, weight]) => `${tokenInWords(sources, key)}: ${inWords(weight)}`);
  return `${name} ${verb} ${parts.join(", ")}`;
}

const THUMB = 48; // pixels of a thumbnail, at most

/**
 * The grid of all heads: buttons with small pictures. `choose(n)` is called by a click and by Enter; `toggle(n)`, where
 * given, by Ctrl or Cmd with a click and by Space.
 */
export function makeGrid(root, choose, toggle = null) {
  let buttons = [];
  let names = [];
  let H = 0;
  let order = null; // of the heads; null: a row for each layer
  let notes = null; // a word for each head, shown under its picture
  const press = (n, colours = new Map()) => {
    const entry = order && !order.includes(n) ? order[0] : n; // Tab enters the grid once, arrows walk in it
    buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", k === n);
      button.tabIndex = k === entry ? 0 : -1;
      button.style.outline = colours.has(k) ? `3px solid ${colours.get(k)}` : "";
      const name = notes ? `${names[k]}: ${notes[k]}` : names[k];
      button.setAttribute("aria-label", colours.has(k) ? `${name}, among the lines` : name);
      button.title = name;
    });
  };
  const edge = (text) => element("span", { class: "edge", "aria-hidden": "true" }, String(text));
  const columns = () => (order ? getComputedStyle(root).gridTemplateColumns.split(" ").length : H);
  const place = () => {
    root.style.maxWidth = order ? `min(520px, ${74 * H - 2}px)` : "";
    root.style.gridTemplateColumns = order
      ? `repeat(auto-fill, minmax(max(41px, (100% - ${2 * H}px) / ${H}), 1fr))` // fewer than H where L11H11 needs it
      : `auto repeat(${H}, minmax(0, 72px))`;
    buttons.forEach((button, n) => (button.lastChild.textContent = notes ? `${shortName(n, H)}\n${notes[n]}` : ""));
    if (order) return root.replaceChildren(...order.map((n) => buttons[n]));
    const starts = Array.from({ length: buttons.length / H }, (_, layer) => layer * H);
    const rows = starts.map((start) => [edge(start / H), ...buttons.slice(start, start + H)]);
    root.replaceChildren(edge(""), ...Array.from({ length: H }, (_, h) => edge(h)), ...rows.flat());
  };
  const build = (layers, heads) => {
    H = heads;
    [order, notes] = [null, null];
    root.classList.add("heads-grid");
    names = Array.from({ length: layers * H }, (_, n) => `layer ${Math.floor(n / H)}, head ${n % H}`);
    buttons = names.map((name) => {
      const parts = [element("canvas"), element("span", { class: "edge", "aria-hidden": "true" })];
      return element("button", { type: "button", class: "thumb", "aria-label": name, title: name }, ...parts);
    });
    place();
  };
  root.addEventListener("click", (event) => {
    const n = buttons.indexOf(event.target.closest("button"));
    if (n < 0) return;
    if (toggle && (event.ctrlKey || event.metaKey)) toggle(n);
    else choose(n);
  });
  root.addEventListener("keydown", (event) => {
    const n = buttons.indexOf(event.target);
    if (n < 0) return;
    const shown = order ?? [...buttons.keys()];
    const at = shown.indexOf(n);
    const width = columns();
    const to = moved(event.key, [Math.floor(at / width), at % width], Math.ceil(shown.length / width), width);
    if (to) buttons[shown[Math.min(to[0] * width + to[1], shown.length - 1)]].focus();
    else if (toggle && event.key === " ") toggle(n);
    else return;
    event.preventDefault();
  });
  root.addEventListener("keyup", (event) => toggle && event.key === " " && event.preventDefault()); // it was no click
  const draw = (data, shape, causal, rgb, hidden = null) => {
    const [L, heads, , S] = shape;
    if (buttons.length !== L * heads || H !== heads) build(L, heads);
    buttons.forEach((button, n) => {
      const opacities = opacitiesOf(data, shape, causal, n, THUMB, hidden);
      paint(button.firstChild, pixelsOf(opacities, rgb), Math.min(S, THUMB));
    });
  };
  /** Another order, or none; and words under the pictures, or none. */
  const arrange = (newOrder, newNotes) => {
    if (String(order) === String(newOrder) && String(notes) === String(newNotes)) return; // the focus stays
    [order, notes] = [newOrder, newNotes];
    place();
  };
  return { draw, press, arrange };
}

/** L4H11 */
export function shortName(n, H) {
  return `L${Math.floor(n / H)}H${n % H}`;
}

/** Every how many tokens there is room for a label, where each token has so many pixels; and how large it is. */
export function labelStep(pixels) {
  const step = Math.ceil(9 / pixels);
  return { step, size: Math.min(12, step * pixels) };
}

/**
 * One head as a matrix with its token labels, without what stands out: its shapes, size, and where its cells are.
 * `masked` and `padded` are boxes in cells, drawn hatched.
 */
export function headBase({ width, opacities, columns, tokens, sources, colours, fit, masked = [], padded = [] }) {
  const gutter = Math.min(96, Math.max(40, width / 6));
  const cell = Math.min(28, (width - gutter) / sources.length);
  const box = [gutter, gutter, cell * sources.length, cell * tokens.length];
  const inPixels = ([x, y, w, h]) => [gutter + x * cell, gutter + y * cell, w * cell, h * cell];
  const soft = colours.line ?? colours.ink;
  const place = { gutter, cell };
  const { step, size } = labelStep(cell);
  const labels = (list, turned) => {
    const all = list.map((text, at) => (at % step ? null : labelShape(place, fit(text, gutter - 8, size), at, turned)));
    return all.filter(Boolean).map((label) => ({ ...label, colour: colours.ink }));
  };
  const shapes = [
    { kind: "cells", opacities, columns: columns ?? sources.length, box, colour: colours.heat },
    { kind: "hatch", boxes: masked.map(inPixels), colour: soft, up: true },
    { kind: "hatch", boxes: padded.map(inPixels), colour: soft, up: false },
    ...labels(tokens, false),
    ...labels(sources, true),
  ];
  return { shapes, size: [gutter + box[2] + 2, gutter + box[3] + 2], place };
}

function labelShape({ gutter, cell }, text, at, turned) {
  const along = gutter + (at + 0.5) * cell;
  const [x, y] = turned ? [along, gutter - 4] : [gutter - 4, along];
  return { kind: "text", text, x, y, size: labelStep(cell).size, end: !turned, turned };
}

/** What stands out: the chosen row, with the chosen cell in it, or, without a row, the chosen column. */
export function headMarks({ place, tokens, sources, colours, fit }, [row, column]) {
  const { gutter, cell } = place;
  const [across, down] = [cell * sources.length, cell * tokens.length];
  const frame = (box) => ({ kind: "box", box, stroke: colours.mark, thick: 2 });
  const chip = (list, at, turned) => {
    const thick = Math.max(cell, 14);
    const last = gutter + list.length * cell + 2 - thick;
    const start = Math.min(last, Math.max(0, gutter + (at + 0.5) * cell - thick / 2)); // whole, at the edge too
    const box = turned ? [start, 0, thick, gutter - 1] : [0, start, gutter - 1, thick];
    const text = fit(list[at], gutter - 8, labelStep(cell).size, true);
    const look = { colour: inkOn(colours.mark), bold: true, [turned ? "x" : "y"]: start + thick / 2 };
    return [{ kind: "box", box, fill: colours.mark }, { ...labelShape(place, text, at, turned), ...look }];
  };
  return [
    ...(row >= 0 ? [...chip(tokens, row, false), frame([gutter, gutter + row * cell, across, cell])] : []),
    ...(column >= 0 ? chip(sources, column, true) : []),
    ...(column >= 0 && row >= 0 ? [frame([gutter + column * cell, gutter + row * cell, cell, cell])] : []),
    ...(column >= 0 && row < 0 ? [frame([gutter + column * cell, gutter, cell, down])] : []),
  ];
}

/** Draw one head with its token labels; the chosen row and column stand out. Returns where its cells are. */
export function drawHead(canvas, width, opacities, tokens, sources, at, colours, more = {}) {
  const fit = fitter(measurer(colours.font));
  const base = headBase({ width, opacities, tokens, sources, colours, fit, ...more });
  const marks = headMarks({ place: base.place, tokens, sources, colours, fit }, at);
  showShapes(canvas, [...base.shapes, ...marks], base.size, colours.font);
  return base.place;
}
