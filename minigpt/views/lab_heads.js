import { headBase, headMarks, makeGrid, maskedRuns, opacitiesOf, rowOf, sentence, shortName, weightOf } from "./attention.js";
import { cssValue, element, inPercent, isolated, moved, rgbOf } from "./common.js";
import { cellAt, numbersOf } from "./enlarged.js";
import { makeSaver, makeTable } from "./lab_save.js";
import {
  KEYS,
  SWITCHES,
  changeInWords,
  changeOf,
  changesInWords,
  isIdleIn,
  makePast,
  makeSwitches,
  markOf,
  wantedBy,
  withChange,
} from "./lab_switches.js";
import { fitter, measurer, showShapes } from "./shapes.js";

// All heads and the enlarged one, each of which can be changed where it is seen.

/** What the canvas drawings need of the theme. */
export function themeOf(node) {
  const names = { heat: "--mg-heat", mark: "--mg-mark", line: "--mg-line", ground: "--mg-ground" };
  const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, cssValue(node, name)]));
  const { color, fontFamily } = getComputedStyle(node);
  return { ...colours, ink: color, font: fontFamily };
}

/** A canvas's width, colours and measure of text. To ask the page costs a layout, so it is asked only when told. */
export function makeLook(node) {
  let kept = null;
  return (again) => {
    if (again || !(kept?.width > 0)) {
      const colours = themeOf(node);
      kept = { width: node.clientWidth - 4, colours, fit: fitter(measurer(colours.font)) };
    }
    return kept;
  };
}

/** One head as enlarged.js knows it, for its words, numbers and files. */
export function factsOfHead({ side, tokens }, colours) {
  const H = side.shape[1];
  const name = `Layer ${Math.floor(side.n / H)}, head ${side.n % H}`;
  const short = shortName(side.n, H);
  const heads = [{ n: side.n, name, short, head: { ...side, of: (weight) => weight } }];
  const isAll = { hidden: null, padding: [], quantity: "weights" };
  return { heads, tokens, sources: tokens, colours, ...isAll, isCausal: side.causal, file: short };
}

/** The chosen row as the kernel computed it, in the units of rowOf but not rounded; null for any other row. */
export function exactRow(pair, { layer, head }, row, causal) {
  if (pair.layer !== layer || pair.head !== head || pair.row !== row) return null;
  return Float64Array.from(pair.weights.slice(0, causal ? row + 1 : undefined), (weight) => 255 * Math.sqrt(weight));
}

/** What a click on a head does: it enlarges it, or changes it as well. */
function makeClicks() {
  const options = [["", "enlarges it"], ...SWITCHES.map(({ name }, k) => [String(k), `enlarges it, and: ${name}`])];
  const select = element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)));
  const root = element("label", { class: "clicks" }, "A click on a head ", select);
  /** The change that a click means for a head that is changed so now; a second click takes it back. */
  const wanted = (now) => {
    const what = select.value === "" ? now : SWITCHES[Number(select.value)].what;
    return select.value !== "" && what === now ? 1 : what;
  };
  return { root, wanted, input: select };
}

/** The thumbnails of all heads, with the marks of those that are changed. */
function makeThumbs(change, setChange, undo) {
  const grid = element("div", { role: "group", "aria-label": "All heads: a row is a layer" });
  const clicks = makeClicks();
  const words = element("p", { class: "changed", role: "status" });
  const help = element("p", { class: "soft" }, `Keys on a head's picture: ${KEYS}; Ctrl-Z undoes.`);
  const root = element("div", { class: "all" }, clicks.root, grid, words, help);
  let now;
  let seen; // the weights that the pictures show
  const placeOf = (n) => [Math.floor(n / now.side.shape[1]), n % now.side.shape[1]];
  const thumbs = makeGrid(grid, (n) => {
    const [layer, head] = placeOf(n);
    const what = changeOf(now.request.changes, layer, head);
    change({ layer, head, column: null });
    const wanted = clicks.wanted(what);
    if (wanted !== what) setChange(layer, head, wanted);
  });
  grid.addEventListener("keydown", (event) => {
    const wanted = wantedBy(event);
    const n = [...grid.querySelectorAll(".thumb")].indexOf(event.target);
    if (wanted === null || n < 0) return;
    event.preventDefault();
    if (wanted === "undo") undo();
    else setChange(...placeOf(n), wanted);
  });
  const draw = (state, force) => {
    now = state;
    const { side, request, idle } = state;
    if (force || side.data !== seen) thumbs.draw(side.data, side.shape, side.causal, rgbOf(cssValue(grid, "--mg-heat")));
    seen = side.data;
    thumbs.press(side.n);
    grid.querySelectorAll(".thumb").forEach((thumb, n) => {
      const [layer, head] = placeOf(n);
      const [what, isIdle] = [changeOf(request.changes, layer, head), isIdleIn(idle, layer, head)];
      thumb.dataset.mark = markOf(what, isIdle);
      const name = `layer ${layer}, head ${head}`;
      thumb.setAttribute("aria-label", what === 1 ? name : `${name}, ${changeInWords(what, isIdle)}`);
    });
    const text = changesInWords(request.changes, idle);
    if (words.textContent !== text) words.textContent = text; // or it would be read out with every letter typed
  };
  return { root, draw, inputs: [clicks.input] };
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

/** The enlarged head: the mouse looks, a click and the arrow keys choose, and the keys of the thumbnails change it. */
function makeEnlarged(change, switches, { setChange, undo, canUndo }) {
  const title = element("strong");
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": "Enlarged head" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const numbers = makeTable("The chosen row as a table");
  const facts = () => factsOfHead(now, look().colours);
  const saver = makeSaver(facts, () => ({ shapes: shapes(), size: base.size }));
  const root = element("div", { class: "panel" }, title, switches.root, saver.root, canvas, words, numbers.root);
  const look = makeLook(root);
  let now; // as drawn last
  let base; // the picture without its marks
  let pointed = null; // the cell under the mouse, while it is there
  const at = () => pointed ?? now.chosen;
  const shapes = () => {
    const { colours, fit } = look();
    const marks = headMarks({ place: base.place, tokens: now.tokens, sources: now.tokens, colours, fit }, at());
    return [{ kind: "layer", shapes: base.shapes, size: base.size }, ...marks];
  };
  const drawNow = () => {
    showShapes(canvas, shapes(), base.size, look().colours.font);
    words.replaceChildren(...isolated(rowInWords(now, at())));
    numbers.show(...numbersOf(facts(), at()));
  };
  const point = (cell) => {
    if (cell?.join() === pointed?.join()) return;
    pointed = cell;
    drawNow();
  };
  canvas.addEventListener("mousemove", ({ offsetX, offsetY }) => {
    const T = now.tokens.length;
    const cell = cellAt(base.place, offsetX, offsetY, T, T);
    point(cell?.[0] >= 0 ? cell : null);
  });
  canvas.addEventListener("mouseleave", () => point(null));
  const choose = ([row, column]) => change({ row, column: column < 0 ? null : column });
  canvas.addEventListener("click", () => pointed && choose(pointed));
  canvas.addEventListener("keydown", (event) => {
    const T = now.tokens.length;
    const to = moved(event.key, now.chosen, T, T);
    const wanted = wantedBy(event);
    if (to) choose(to);
    else if (wanted === "undo") undo();
    else if (wanted !== null) setChange(now.request.layer, now.request.head, wanted);
    else return;
    event.preventDefault();
  });
  const draw = (state, force) => {
    now = state;
    const { side, request, tokens, idle } = state;
    const { layer, head, changes } = request;
    if (pointed && Math.max(...pointed) >= tokens.length) pointed = null;
    const what = changeOf(changes, layer, head);
    const change = what === 1 ? "" : `: ${changeInWords(what, isIdleIn(idle, layer, head))}`;
    title.textContent = `Layer ${layer}, head ${head}${change}`;
    switches.draw(what, changes.length, canUndo());
    saver.draw();
    const opacities = opacitiesOf(side.data, side.shape, side.causal, side.n);
    const masked = maskedRuns(side.shape, side.causal); // hatched: not a weight of 0, but none
    base = headBase({ ...look(force), opacities, tokens, sources: tokens, masked });
    drawNow();
  };
  return { root, draw };
}

/** Grid and enlarged head. `change` is called with what the reader chooses; `may()` says if heads can be changed. */
export function makeHeads(change, may) {
  let request;
  const past = makePast();
  const set = (changes, by) => {
    if (!may()) return;
    past.keep(request.changes, by);
    change({ changes });
  };
  const setChange = (layer, head, what, by) => {
    if (changeOf(request.changes, layer, head) === what) return;
    set(withChange(request.changes, layer, head, what), by && `${by} ${layer} ${head}`);
  };
  const undo = () => may() && !past.isEmpty && change({ changes: past.back() });
  const switches = makeSwitches({
    set: (what, by) => setChange(request.layer, request.head, what, by),
    undo,
    reset: () => set([]),
  });
  const thumbs = makeThumbs(change, setChange, undo);
  const enlarged = makeEnlarged(change, switches, { setChange, undo, canUndo: () => !past.isEmpty });
  const draw = (state, force = false) => {
    request = state.request;
    thumbs.draw(state, force);
    enlarged.draw(state, force);
  };
  return { left: thumbs.root, panel: enlarged.root, draw, inputs: [...switches.inputs, ...thumbs.inputs] };
}
