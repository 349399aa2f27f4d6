import { headBase, headMarks, makeGrid, opacitiesOf, rowOf, tokenInWords, weightOf } from "./attention.js";
import { checkbox, cssValue, element, isolated, moved, rgbOf } from "./common.js";
import { cellAt, numbersOf } from "./enlarged.js";
import { factsOfHead, makeLook } from "./lab_heads.js";
import { makeBoth } from "./lab_next.js";
import { makeSaver, makeTable } from "./lab_save.js";
import { showShapes } from "./shapes.js";

// A second prompt, or a second model, beside the first; and where the same head of the two differs.

const LEAST = 0.01; // differences below are what one byte a weight cannot tell

/** First minus second of one head, (T, S) in rows; null where the numbers of tokens do not agree. */
export function differenceOf(first, second) {
  const [, , T, S] = first.shape;
  if (second.shape[2] !== T || second.shape[3] !== S) return null;
  const cells = new Float32Array(T * S);
  for (const [side, sign] of [[first, 1], [second, -1]]) {
    for (let i = 0; i < T; i++) {
      const row = rowOf(side.data, side.shape, side.causal, side.n, i);
      row.forEach((byte, j) => (cells[i * S + j] += sign * weightOf(byte)));
    }
  }
  return cells;
}

/** Opacities of the positive (sign 1) or the negative (sign -1) part, as square roots, like the pictures of heads. */
export function opacitiesOfPart(cells, sign) {
  return Uint8Array.from(cells, (value) => (sign * value > LEAST ? 255 * Math.sqrt(Math.min(1, sign * value)) : 0));
}

/** “sat” (3) looks at “cat” (2): 12 points more in the first */
export function differenceInWords(tokens, [row, column], change) {
  const points = Math.round(100 * Math.abs(change));
  const words = points === 0 ? "the same in both" : `${points} points ${change > 0 ? "more" : "less"} in the first`;
  return `“${tokens[row]}” (${row}) looks at “${tokens[column]}” (${column}): ${words}`;
}

/** One row of both, as far as it may look, and how it differs: a table's caption, header, and function for its rows. */
export function rowOfBoth(first, second, cells, tokens, row) {
  const sides = [first, second].map(({ data, shape, causal, n }) => rowOf(data, shape, causal, n, row));
  const weight = (bytes, j) => (j < bytes.length ? weightOf(bytes[j]).toFixed(3) : "masked");
  const change = (j) => {
    const rounded = Math.round(1000 * cells[row * tokens.length + j]) / 1000 || 0; // not -0
    return rounded.toFixed(3).replace("-", "−");
  };
  const line = (_, j) => [tokenInWords(tokens, j), ...sides.map((bytes) => weight(bytes, j)), change(j)];
  const seen = tokens.slice(0, Math.max(...sides.map((bytes) => bytes.length)));
  const header = ["token", "first", "second", "difference"];
  return [`${tokenInWords(tokens, row)} looks at`, header, () => seen.map(line)];
}

/** The cell where the two differ most. */
export function largestOf(cells, S) {
  let best = 0;
  cells.forEach((value, k) => Math.abs(value) > Math.abs(cells[best]) && (best = k));
  return [Math.floor(best / S), best % S];
}

/** Blue where the first gives more; orange and a minus sign where it gives less: as shapes, with their place. */
export function differenceBase(cells, tokens, look) {
  const S = tokens.length;
  const base = headBase({ ...look, opacities: opacitiesOfPart(cells, 1), tokens, sources: tokens });
  const { gutter, cell } = base.place;
  const box = [gutter, gutter, cell * S, cell * S];
  const less = { kind: "cells", opacities: opacitiesOfPart(cells, -1), columns: S, box, colour: look.colours.mark };
  const signs = [];
  cells.forEach((value, k) => {
    if (value > -LEAST || cell < 6) return;
    const [x, y] = [gutter + ((k % S) + 0.5) * cell, gutter + (Math.floor(k / S) + 0.5) * cell];
    signs.push({ kind: "box", box: [x - cell / 4, y - 0.5, cell / 2, 1], fill: look.colours.ink });
  });
  return { ...base, shapes: [...base.shapes, less, ...signs] };
}

/** The difference of the enlarged head, or the second's own where there is none. */
function makeDifference() {
  const title = element("strong");
  const label = "Difference of the enlarged head";
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": label });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const saver = makeSaver(facts, () => ({ shapes: shapes(), size: base.size }));
  const numbers = makeTable("The marked row as a table");
  const root = element("div", { class: "panel" }, title, saver.root, canvas, words, numbers.root);
  const look = makeLook(root);
  let now;
  let cells = null; // null: there is no difference to show, but the second's own head
  let base;
  let at = null; // the marked cell; null: where they differ most

  function facts() {
    const known = factsOfHead({ side: now.other, tokens: now.otherTokens }, look().colours);
    const [head] = known.heads;
    const name = cells ? `${head.name}: first minus second` : `${head.name} of the second`;
    return { ...known, heads: [{ ...head, name }], cells, file: `${known.file}-${cells ? "difference" : "second"}` };
  }
  const marked = () => {
    if (!cells) return [now.otherTokens.length - 1, -1];
    return at ?? largestOf(cells, now.tokens.length);
  };
  const shapes = () => {
    const { colours, fit } = look();
    const tokens = cells ? now.tokens : now.otherTokens;
    const marks = headMarks({ place: base.place, tokens, sources: tokens, colours, fit }, marked());
    return [{ kind: "layer", shapes: base.shapes, size: base.size }, ...marks];
  };
  const sayNow = (isSame) => {
    const { tokens, otherTokens } = now;
    if (cells) {
      const [row, column] = marked();
      return differenceInWords(tokens, [row, column], cells[row * tokens.length + column]);
    }
    if (!isSame) return "The second model lacks the enlarged head.";
    return `No difference to show: ${tokens.length} and ${otherTokens.length} tokens.`;
  };
  const showNow = (isSame = true) => {
    showShapes(canvas, shapes(), base.size, look().colours.font);
    words.replaceChildren(...isolated(sayNow(isSame)));
    const { side, other, tokens } = now;
    numbers.show(...(cells ? rowOfBoth(side, other, cells, tokens, marked()[0]) : numbersOf(facts(), marked())));
  };
  const lookAt = (cell) => {
    if (cell.join() === at?.join()) return;
    at = cell;
    showNow();
  };
  canvas.addEventListener("mousemove", ({ offsetX, offsetY }) => {
    if (!cells) return;
    const T = now.tokens.length;
    const cell = cellAt(base.place, offsetX, offsetY, T, T);
    if (cell && Math.min(...cell) >= 0) lookAt(cell);
  });
  canvas.addEventListener("keydown", (event) => {
    const T = now.tokens.length;
    const to = cells && moved(event.key, marked(), T, T);
    if (!to) return;
    event.preventDefault();
    lookAt(to);
  });
  const draw = (state, force) => {
    now = state;
    const { side, other, tokens, otherTokens, request } = state;
    const H = other.shape[1];
    const isSame = request.layer === Math.floor(other.n / H) && request.head === other.n % H;
    cells = isSame ? differenceOf(side, other) : null;
    if (at && Math.max(...at) >= tokens.length) at = null;
    if (cells) {
      base = differenceBase(cells, tokens, look(force));
    } else {
      const opacities = opacitiesOf(other.data, other.shape, other.causal, other.n);
      base = headBase({ ...look(force), opacities, tokens: otherTokens, sources: otherTokens });
    }
    title.textContent = facts().heads[0].name;
    saver.draw();
    showNow(isSame);
  };
  return { root, draw };
}

/** The panel. `change` is called with the second prompt, null for none, and with a chosen head. */
export function makeCompare(change, twoModels) {
  const area = element("textarea", { rows: 2, dir: "auto", spellcheck: "false" });
  area.addEventListener("input", () => change({ other_prompt: area.value }));
  const what = twoModels ? "Compare with the second model" : "Compare with a second prompt";
  const box = checkbox(what, false, (checked) => {
    change({ other_prompt: checked ? (area.value ||= now.request.prompt) : null });
  });
  const grid = element("div", { role: "group", "aria-label": "All heads of the second: a row is a layer" });
  const difference = makeDifference();
  const next = makeBoth();
  const text = element("label", { class: "prompt" }, twoModels ? "Text for the second model" : "Second prompt", area);
  const help =
    "Changed heads act on the first alone: the same text twice shows what a change does further up. " +
    "A head can be patched with what it does in the second where both have as many tokens.";
  const left = element("div", { class: "all" }, grid);
  const both = element("div", { class: "panels" }, left, difference.root, next.root);
  const inside = element("div", {}, text, element("p", { class: "soft" }, help), both);
  const root = element("div", { class: "compare" }, box.root, inside);
  let now;
  let seen; // the weights that the pictures show
  const thumbs = makeGrid(grid, (n) => {
    const H = now.other.shape[1];
    change({ layer: Math.floor(n / H), head: n % H, column: null });
  });
  const draw = (state, force = false) => {
    now = state;
    const { other, request } = state;
    box.input.checked = request.other_prompt !== null;
    if (request.other_prompt !== null && document.activeElement !== area) area.value = request.other_prompt;
    inside.hidden = request.other_prompt === null;
    both.hidden = !other;
    if (!other || inside.hidden) return;
    if (force || other.data !== seen) {
      thumbs.draw(other.data, other.shape, other.causal, rgbOf(cssValue(grid, "--mg-heat")));
    }
    seen = other.data;
    thumbs.press(other.n);
    difference.draw(state, force);
    next.draw(state.both);
  };
  return { root, panel: difference.root, draw, inputs: [area, box.input] };
}
