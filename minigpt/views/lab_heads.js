import { drawHead, makeGrid, opacitiesOf, rowOf, sentence, weightOf } from "./attention.js";
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
  const [heat, mark] = ["--mg-heat", "--mg-mark"].map((name) => cssValue(node, name));
  return { heat, mark, ink: style.color, font: style.fontFamily };
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
  const group = element("span", { role: "group", "aria-label": "What this head counts" }, "This head counts ", ...buttons);
  const draw = (factor, n) => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", SWITCHES[k].factor === factor));
    all.disabled = n === 0 || buttons[0].disabled;
  };
  return { root: element("div", { class: "row switches" }, group, all), draw, inputs: [...buttons, all] };
}

/** Grid and enlarged head. `change` is called with what the reader chooses; `may()` says if heads can be switched. */
export function makeHeads(change, may) {
  const grid = element("div", { role: "group", "aria-label": "All heads: a row is a layer" });
  const help = "Choose a head. On its picture: 0 switches it off, 5 halves, 2 doubles, 1 resets it.";
  const left = element("div", { class: "all" }, grid, element("p", { class: "soft" }, help));
  const title = element("strong");
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": "Enlarged head" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  let now; // { side, request, chosen } as drawn last
  let place = { gutter: 0, cell: 1 };
  let pointed = null; // the cell under the mouse, while it is there
  let seen; // the weights that the thumbnails show

  const setFactor = (layer, head, factor) =>
    may() && change({ factors: withFactor(now.request.factors, layer, head, factor) });
  const switches = makeSwitches(
    (factor) => setFactor(now.request.layer, now.request.head, factor),
    () => change({ factors: [] }),
  );
  const thumbs = makeGrid(grid, (n) => {
    const H = now.side.shape[1];
    change({ layer: Math.floor(n / H), head: n % H, column: null });
  });
  const panel = element("div", { class: "panel" }, title, switches.root, canvas, words);

  grid.addEventListener("keydown", (event) => {
    const wanted = SWITCHES.find(({ key }) => key === event.key);
    const n = [...grid.querySelectorAll(".thumb")].indexOf(event.target);
    if (!wanted || n < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const H = now.side.shape[1];
    setFactor(Math.floor(n / H), n % H, wanted.factor);
  });
  const point = (cell) => {
    pointed = cell;
    drawPanel();
  };
  canvas.addEventListener("mousemove", (event) => {
    const [, , T, S] = now.side.shape;
    const [row, column] = cellAt(event, place, T, S);
    if (row < 0) return pointed && point(null);
    if (row !== pointed?.[0] || column !== pointed?.[1]) point([row, column]);
  });
  canvas.addEventListener("mouseleave", () => pointed && point(null));
  canvas.addEventListener("click", () => pointed && change({ row: pointed[0], column: pointed[1] < 0 ? null : pointed[1] }));
  canvas.addEventListener("keydown", (event) => {
    const [, , T, S] = now.side.shape;
    const to = moved(event.key, now.chosen, T, S);
    if (!to) return;
    event.preventDefault();
    change({ row: to[0], column: to[1] });
  });

  function drawThumbs(force) {
    const { side, request } = now;
    const [, H] = side.shape;
    if (force || side.data !== seen) thumbs.draw(side.data, side.shape, side.causal, rgbOf(coloursOf(grid).heat));
    seen = side.data;
    thumbs.press(side.n);
    grid.querySelectorAll(".thumb").forEach((thumb, n) => {
      const mark = markOf(factorOf(request.factors, Math.floor(n / H), n % H));
      const name = `layer ${Math.floor(n / H)}, head ${n % H}`;
      thumb.dataset.factor = mark;
      thumb.setAttribute("aria-label", mark ? `${name}, ${mark === "off" ? "switched off" : mark}` : name);
    });
  }
  function drawPanel() {
    const { side, request, tokens, chosen } = now;
    const [row, column] = pointed ?? chosen;
    const factor = factorOf(request.factors, request.layer, request.head);
    title.textContent = `Layer ${request.layer}, head ${request.head}${factor === 1 ? "" : ` (${markOf(factor)})`}`;
    switches.draw(factor, request.factors.length);
    const opacities = opacitiesOf(side.data, side.shape, side.causal, side.n);
    place = drawHead(canvas, panel.clientWidth - 4, opacities, tokens, tokens, [row, column], coloursOf(panel));
    const weights = exactRow(now.pair, request, row, side.causal) ?? rowOf(side.data, side.shape, side.causal, side.n, row);
    const marked = column < 0 ? "" : `“${tokens[column]}” (${column})`;
    let text = sentence(tokens, tokens, row, weights);
    if (column >= weights.length) text += `. It may not look at ${marked}: that comes later.`;
    else if (column >= 0) text += `. Marked: ${marked}: ${inPercent(weightOf(weights[column]))}`;
    words.textContent = text;
  }
  const draw = (state, force = false) => {
    now = state;
    const T = state.side.shape[2];
    if (pointed && (pointed[0] >= T || pointed[1] >= T)) pointed = null;
    drawThumbs(force);
    drawPanel();
  };
  return { left, panel, draw, inputs: switches.inputs };
}
