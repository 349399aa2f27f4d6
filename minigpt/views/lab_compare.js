import { drawHead, makeGrid, opacitiesOf, rowOf, weightOf } from "./attention.js";
import { checkbox, element, moved, paint, pixelsOf, rgbOf } from "./common.js";
import { cellAt, coloursOf } from "./lab_heads.js";

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

/** The cell where the two differ most. */
export function largestOf(cells, S) {
  let best = 0;
  cells.forEach((value, k) => Math.abs(value) > Math.abs(cells[best]) && (best = k));
  return [Math.floor(best / S), best % S];
}

/** Blue where the first gives more; orange and a minus sign where it gives less. */
function drawDifference(canvas, width, cells, tokens, at, colours) {
  const S = tokens.length;
  const place = drawHead(canvas, width, opacitiesOfPart(cells, 1), tokens, tokens, at, colours);
  const { gutter, cell } = place;
  const pen = canvas.getContext("2d"); // drawHead leaves it in units of the page
  const picture = document.createElement("canvas");
  paint(picture, pixelsOf(opacitiesOfPart(cells, -1), rgbOf(colours.mark)), S);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, gutter, gutter, cell * S, cell * S);
  pen.fillStyle = colours.ink;
  cells.forEach((value, k) => {
    if (value > -LEAST || cell < 6) return;
    const [x, y] = [gutter + ((k % S) + 0.5) * cell, gutter + (Math.floor(k / S) + 0.5) * cell];
    pen.fillRect(x - cell / 4, y - 0.5, cell / 2, 1);
  });
  return place;
}

/** The difference of the enlarged head, or the second's own where there is none. */
function makeDifference() {
  const title = element("strong");
  const label = "Difference of the enlarged head";
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": label });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const root = element("div", { class: "panel" }, title, canvas, words);
  let now;
  let cells = null;
  let at = null; // the marked cell; null: where they differ most
  let place = { gutter: 0, cell: 1 };
  const drawNow = () => {
    const { side, other, tokens, otherTokens, request } = now;
    const [width, colours, H] = [root.clientWidth - 4, coloursOf(root), other.shape[1]];
    const name = `Layer ${Math.floor(other.n / H)}, head ${other.n % H}`;
    const isSame = request.layer === Math.floor(other.n / H) && request.head === other.n % H;
    cells = isSame ? differenceOf(side, other) : null;
    if (cells) {
      at = at && Math.max(...at) < tokens.length ? at : null;
      const cell = at ?? largestOf(cells, tokens.length);
      title.textContent = `${name}: first minus second`;
      place = drawDifference(canvas, width, cells, tokens, cell, colours);
      words.textContent = differenceInWords(tokens, cell, cells[cell[0] * tokens.length + cell[1]]);
      return;
    }
    title.textContent = `${name} of the second`;
    const opacities = opacitiesOf(other.data, other.shape, other.causal, other.n);
    drawHead(canvas, width, opacities, otherTokens, otherTokens, [otherTokens.length - 1, -1], colours);
    const counts = `${tokens.length} and ${otherTokens.length} tokens`;
    words.textContent = isSame ? `No difference to show: ${counts}.` : "The second model lacks the enlarged head.";
  };
  const look = (cell) => {
    if (cell.join() === at?.join()) return;
    at = cell;
    drawNow();
  };
  canvas.addEventListener("mousemove", (event) => {
    if (!cells) return;
    const T = now.tokens.length;
    const cell = cellAt(event, place, T, T);
    if (Math.min(...cell) >= 0) look(cell);
  });
  canvas.addEventListener("keydown", (event) => {
    const T = now.tokens.length;
    const to = cells && moved(event.key, at ?? largestOf(cells, T), T, T);
    if (!to) return;
    event.preventDefault();
    look(to);
  });
  const draw = (state) => {
    now = state;
    drawNow();
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
  const text = element("label", { class: "prompt" }, twoModels ? "Text for the second model" : "Second prompt", area);
  const help = "Switched heads act on the first alone: the same text twice shows what a switch changes further up.";
  const both = element("div", { class: "panels" }, element("div", { class: "all" }, grid), difference.root);
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
    if (force || other.data !== seen) thumbs.draw(other.data, other.shape, other.causal, rgbOf(coloursOf(grid).heat));
    seen = other.data;
    thumbs.press(other.n);
    difference.draw(state);
  };
  return { root, panel: difference.root, draw, inputs: [area, box.input] };
}
