import { drawHead, makeGrid, maskedRuns, opacitiesOf, rowOf, sentence, weightOf } from "./attention.js";
import { cssValue, element, inPercent, moved, rgbOf } from "./common.js";

// All heads and the enlarged one, each of which can be switched off, halved and doubled.

/** What a head can count: key on its thumbnail, factor, mark on the picture, name of the button. */
export const SWITCHES = [
  { key: "0", factor: 0, mark: "off", name: "off" },
  { key: "5", factor: 0.5, mark: "×½", name: "half" },
  { key: "1", factor: 1, mark: "", name: "as it is" },
  { key: "2", factor: 2, mark: "×2", name: "twice" },
];

/** The factor of a head; heads that are not listed count as they are. */
export function factorOf(factors, layer, head) {
  return factors.find(([l, h]) => l === layer && h === head)?.[2] ?? 1;
}

/** The list with this head's factor set; a factor of 1 takes it off the list. */
export function withFactor(factors, layer, head, factor) {
  const others = factors.filter(([l, h]) => l !== layer || h !== head);
  return factor === 1 ? others : [...others, [layer, head, factor]];
}

/** The mark of any factor, also of one that a cell has asked for: "" for 1. */
export function markOf(factor) {
  return SWITCHES.find((one) => one.factor === factor)?.mark ?? `×${factor}`;
}

/** What the canvas drawings need of the theme. */
export function coloursOf(node) {
  const style = getComputedStyle(node);
  const [heat, mark, line] = ["--mg-heat", "--mg-mark", "--mg-line"].map((name) => cssValue(node, name));
  return { heat, mark, line, ink: style.color, font: style.fontFamily };
}

/** The cell of a drawn head under the pointer, [row, column], each -1 where there is none. */
export function cellAt(event, { gutter, cell }, T, S) {
  const at = (offset, size) => {
    const k = Math.floor((offset - gutter) / cell);
    return k >= 0 && k < size ? k : -1;
  };
  return [at(event.offsetY, T), at(event.offsetX, S)];
}

/** The chosen row as the kernel computed it, in the units of rowOf but not rounded; null for any other row. */
export function exactRow(pair, { layer, head }, row, causal) {
  if (pair.layer !== layer || pair.head !== head || pair.row !== row) return null;
  return Float64Array.from(pair.weights.slice(0, causal ? row + 1 : undefined), (weight) => 255 * Math.sqrt(weight));
}

/** Buttons for the factor of the enlarged head. */
function makeSwitches(set, reset) {
  const buttons = SWITCHES.map(({ key, factor, name }) =>
    element("button", { type: "button", title: `key ${key} on a thumbnail`, click: () => set(factor) }, name),
  );
  const all = element("button", { type: "button", click: reset }, "all heads as they are");
  const label = { role: "group", "aria-label": "What this head counts" };
  const group = element("span", label, "This head counts ", ...buttons);
  const draw = (factor, n) => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", SWITCHES[k].factor === factor));
    all.disabled = n === 0 || buttons[0].disabled;
  };
  return { root: element("div", { class: "row switches" }, group, all), draw, inputs: [...buttons, all] };
}

/** The thumbnails of all heads, with the marks of those that are switched. */
function makeThumbs(change, setFactor) {
  const grid = element("div", { role: "group", "aria-label": "All heads: a row is a layer" });
  const help = "Choose a head. On its picture: 0 switches it off, 5 halves, 2 doubles, 1 resets it.";
  const root = element("div", { class: "all" }, grid, element("p", { class: "soft" }, help));
  let H = 1;
  let seen; // the weights that the pictures show
  const thumbs = makeGrid(grid, (n) => change({ layer: Math.floor(n / H), head: n % H, column: null }));
  grid.addEventListener("keydown", (event) => {
    const wanted = SWITCHES.find(({ key }) => key === event.key);
    const n = [...grid.querySelectorAll(".thumb")].indexOf(event.target);
    if (!wanted || n < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    setFactor(Math.floor(n / H), n % H, wanted.factor);
  });
  const draw = ({ side, request }, force) => {
    H = side.shape[1];
    if (force || side.data !== seen) thumbs.draw(side.data, side.shape, side.causal, rgbOf(coloursOf(grid).heat));
    seen = side.data;
    thumbs.press(side.n);
    grid.querySelectorAll(".thumb").forEach((thumb, n) => {
      const mark = markOf(factorOf(request.factors, Math.floor(n / H), n % H));
      const name = `layer ${Math.floor(n / H)}, head ${n % H}`;
      thumb.dataset.factor = mark;
      thumb.setAttribute("aria-label", mark ? `${name}, ${mark === "off" ? "switched off" : mark}` : name);
    });
  };
  return { root, draw };
}

/** What the row of the cursor says, in words. */
function rowInWords({ side, request, tokens, pair }, [row, column]) {
  const weights = exactRow(pair, request, row, side.causal) ?? rowOf(side.data, side.shape, side.causal, side.n, row);
  const said = sentence(tokens, tokens, row, weights);
  if (column < 0) return said;
  const marked = `“${tokens[column]}” (${column})`;
  if (column >= weights.length) return `${said}. It may not look at ${marked}: that comes later.`;
  return `${said}. Marked: ${marked}: ${inPercent(weightOf(weights[column]))}`;
}

/** The enlarged head: the mouse looks, a click and the arrow keys choose. */
function makeEnlarged(change, switches) {
  const title = element("strong");
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": "Enlarged head" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const root = element("div", { class: "panel" }, title, switches.root, canvas, words);
  let now; // as drawn last
  let place = { gutter: 0, cell: 1 };
  let pointed = null; // the cell under the mouse, while it is there
  const drawNow = () => {
    const { side, request, tokens } = now;
    const at = pointed ?? now.chosen;
    const factor = factorOf(request.factors, request.layer, request.head);
    title.textContent = `Layer ${request.layer}, head ${request.head}${factor === 1 ? "" : ` (${markOf(factor)})`}`;
    switches.draw(factor, request.factors.length);
    const opacities = opacitiesOf(side.data, side.shape, side.causal, side.n);
    const masked = maskedRuns(side.shape, side.causal); // hatched: not a weight of 0, but none
    place = drawHead(canvas, root.clientWidth - 4, opacities, tokens, tokens, at, coloursOf(root), { masked });
    words.textContent = rowInWords(now, at);
  };
  const point = (cell) => {
    if (cell?.join() === pointed?.join()) return;
    pointed = cell;
    drawNow();
  };
  canvas.addEventListener("mousemove", (event) => {
    const T = now.tokens.length;
    const cell = cellAt(event, place, T, T);
    point(cell[0] < 0 ? null : cell);
  });
  canvas.addEventListener("mouseleave", () => point(null));
  canvas.addEventListener("click", () => {
    if (pointed) change({ row: pointed[0], column: pointed[1] < 0 ? null : pointed[1] });
  });
  canvas.addEventListener("keydown", (event) => {
    const T = now.tokens.length;
    const to = moved(event.key, now.chosen, T, T);
    if (!to) return;
    event.preventDefault();
    change({ row: to[0], column: to[1] < 0 ? null : to[1] });
  });
  const draw = (state) => {
    now = state;
    if (pointed && Math.max(...pointed) >= state.tokens.length) pointed = null;
    drawNow();
  };
  return { root, draw };
}

/** Grid and enlarged head. `change` is called with what the reader chooses; `may()` says if heads can be switched. */
export function makeHeads(change, may) {
  let request;
  const setFactor = (layer, head, factor) => {
    if (may()) change({ factors: withFactor(request.factors, layer, head, factor) });
  };
  const set = (factor) => setFactor(request.layer, request.head, factor);
  const switches = makeSwitches(set, () => change({ factors: [] }));
  const thumbs = makeThumbs(change, setFactor);
  const enlarged = makeEnlarged(change, switches);
  const draw = (state, force = false) => {
    request = state.request;
    thumbs.draw(state, force);
    enlarged.draw(state);
  };
  return { left: thumbs.root, panel: enlarged.root, draw, inputs: switches.inputs };
}
