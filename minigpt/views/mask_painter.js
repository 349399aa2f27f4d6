import { element, kernelLine, moved, onChange, rootOf, slider } from "./common.js";

const LISTED = 10; // tokens that a sentence names
const LETTERS = 20; // of a token in a sentence
const LEFTWARDS = /[\u0590-\u08ff\ufb1d-\ufefc]/; // Hebrew, Arabic and their neighbours

// Masks are arrays of rows of booleans: mask[i][j] says whether token i may look at token j.
const RULES = {
  everything: () => true,
  causal: (i, j) => j <= i,
  window: (i, j, w) => j <= i && j > i - w,
  prefix: (i, j, k) => j <= i || j < k,
};

/** A mask with a name, T × S: "everything", "causal", "window" of the last w, "prefix" of k that see each other. */
export function maskOf(name, T, S, size) {
  return Array.from({ length: T }, (_, i) => Array.from({ length: S }, (_, j) => RULES[name](i, j, size)));
}

/** The same without the columns that are padding. */
export function withoutPadding(mask, padding) {
  return mask.map((row) => row.map((may, j) => may && !padding[j]));
}

/** What each token can know of after n layers: (mask or identity) to the n-th power, in "and" and "or". */
export function reachable(mask, n) {
  const step = mask.map((row, i) => row.map((may, j) => may || i === j));
  let known = mask.map((row, i) => row.map((_, j) => i === j)); // before the first layer: itself
  for (let layer = 0; layer < Math.min(n, mask.length); layer++) { // by then all is known that ever will be
    known = step.map((row) => row.map((_, j) => row.some((may, k) => may && known[k][j])));
  }
  return known;
}

/** Which mask this is: its name (or "nothing", "own"), its size where it has one, whether it hides all padding. */
export function kindOf(mask, padding, cross) {
  const [T, S] = [mask.length, mask[0].length];
  const hidden = padding.includes(true) && !mask.some((row) => row.some((may, j) => may && padding[j]));
  if (!mask.flat().includes(true)) return { name: "nothing", hidden: false };
  const sizes = Array.from({ length: T - 1 }, (_, k) => k + 1); // a window or prefix of T is one of the others
  const self = [["causal"], ...sizes.map((w) => ["window", w]), ...sizes.slice(1).map((k) => ["prefix", k])];
  const found = [["everything"], ...(cross ? [] : self)].find(([name, size]) => {
    const whole = maskOf(name, T, S, size);
    return String(hidden ? withoutPadding(whole, padding) : whole) === String(mask);
  });
  return { name: found?.[0] ?? "own", size: found?.[1], hidden };
}

/** Tokens that come to know what is later than they: [i, j] at a look, [i, j, k] through k within n layers. */
export function leaksOf(mask, n) {
  const later = (row, i) => row.findIndex((is, j) => is && j > i);
  const [before, after] = [reachable(mask, n - 1), reachable(mask, n)];
  const [direct, through] = [[], []];
  mask.forEach((row, i) => {
    const j = later(after[i], i);
    if (later(row, i) >= 0) direct.push([i, later(row, i)]);
    else if (j >= 0) through.push([i, j, row.findIndex((may, k) => may && k !== i && before[k][j])]);
  });
  return { direct, through };
}

/** “cat”, with its position where another token is called the same. */
export function named(names, at) {
  const short = (name) => ([...name].length > LETTERS ? `${[...name].slice(0, LETTERS - 1).join("")}…` : name);
  const shown = short(names[at]);
  const twin = names.some((name, k) => k !== at && short(name) === shown);
  const kept = LEFTWARDS.test(shown) ? `\u2068${shown}\u2069` : shown; // or it would turn the words around it, too
  return `“${kept}”${twin ? ` (${at})` : ""}`;
}

/** “The”, “cat”, itself: those that are true; `itself` is the position called so, −1 for none. */
export function listed(names, among, itself) {
  const parts = among.flatMap((is, j) => (is && j !== itself ? [named(names, j)] : []));
  if (parts.length > LISTED) parts.splice(LISTED, Infinity, `${parts.length - LISTED} more`);
  if (itself >= 0) parts.push("itself");
  return parts.join(", ") || "nothing";
}
const layers = (n) => `${n} layer${n > 1 ? "s" : ""}`;

/** After 2 layers, “sat” can know of “The”, “cat”, itself */
export function knowledge({ tokens, sources, mask, cross }, row, n) {
  const who = named(tokens, row);
  if (cross) return `In one step, ${who} can know of ${listed(sources, mask[row], -1)}`;
  return `After ${layers(n)}, ${who} can know of ${listed(sources, reachable(mask, n)[row], row)}`;
}

/** What kind of mask it is, in words. */
export function kindInWords({ mask, padding, cross }) {
  const { name, size, hidden } = kindOf(mask, padding, cross);
  const words = {
    nothing: "Nothing: no token may look anywhere",
    everything: `Everything: ${cross ? "cross-attention, each token sees the whole source" : "as in an encoder"}`,
    causal: "Causal: itself and what came before, nothing from the future, as in a decoder",
    window: `Window of ${size}: itself${size > 1 ? ` and ${size - 1} before it` : " and nothing else"}`,
    prefix: `Prefix of ${size}: the first ${size} see each other, the rest is causal`,
    own: `A mask of your own: ${mask.flat().filter(Boolean).length} of ${mask.flat().length} pairs may look`,
  }[name];
  return `${words}${hidden ? "; padding hidden" : ""}.`;
}

/** What to beware of, one sentence each; that a decoder would not cheat is one, too. */
export function warnings({ tokens, sources, mask, padding, cross }, n) {
  const found = [];
  const empty = mask.map((row) => !row.includes(true));
  const none = "may look nowhere: an empty row, softmax of nothing (0 divided by 0).";
  if (empty.includes(true)) found.push(`⚠ ${listed(tokens, empty, -1)} ${none}`);
  const disturbed = mask.map((row, i) => (cross || !padding[i]) && row.some((may, j) => may && padding[j]));
  if (disturbed.includes(true)) found.push(`⚠ Padding is visible to ${listed(tokens, disturbed, -1)}.`);
  if (cross) return found;
  const { direct, through } = leaksOf(mask, n);
  const others = (leaks) => (leaks.length > 1 ? ` (and ${leaks.length - 1} more)` : "");
  if (direct.length === 0) return [...found, "✓ No decoder would cheat: no future, after however many layers."];
  const [i, j] = direct[0].map((at) => named(tokens, at));
  found.push(`⚠ In a decoder this is cheating: ${i} looks at ${j}, which comes later${others(direct)}.`);
  if (through.length > 0) {
    const [who, what, by] = through[0].map((at) => named(sources, at));
    const how = `through ${by}, though it never looks ahead itself${others(through)}`;
    found.push(`⚠ Through layers, too: after ${layers(n)}, ${who} knows of the later ${what} ${how}.`);
  }
  return found;
}

const button = (name, click) => element("button", { type: "button", click }, name);

/** The buttons of the masks with a name; `apply(change)` takes a function from the old mask to the new. */
function makePresets({ tokens, sources, cross, padding }, apply) {
  const make = (name, size) => apply(() => maskOf(name, tokens.length, sources.length, size));
  const everything = button(cross ? "Everything" : "Everything (encoder)", () => make("everything"));
  const [buttons, inputs] = [{ everything }, {}];
  const root = element("div", { class: "row", role: "group", "aria-label": "Masks with a name" }, everything);
  const sized = (name, label, help) => {
    const act = () => inputs[name].validity.valid && inputs[name].value && make(name, inputs[name].valueAsNumber);
    const limits = { min: 1, max: tokens.length, value: Math.min(2, tokens.length) };
    inputs[name] = element("input", { type: "number", ...limits, "aria-label": help, input: act });
    buttons[name] = button(label, act);
    root.append(element("span", { class: "sized" }, buttons[name], inputs[name]));
  };
  if (!cross) {
    root.append((buttons.causal = button("Causal (decoder)", () => make("causal"))));
    sized("window", "Window of", "How many tokens a window has");
    sized("prefix", "Prefix of", "How many tokens the prefix has");
  }
  if (padding.includes(true)) {
    buttons.hidden = button("Padding hidden", () => apply((mask) => withoutPadding(mask, padding)));
    root.append(buttons.hidden);
  }
  const show = ({ name, size, hidden }) => {
    for (const [key, node] of Object.entries(buttons)) node.ariaPressed = key === name || (key === "hidden" && hidden);
    if (inputs[name]) inputs[name].value = size;
  };
  return { root, show };
}

/** The grid: a button a cell, a button before each row. Tab enters it once, arrow keys walk in it. */
function makeGrid({ tokens, sources, padding }, onPaint, onChoose) {
  const cells = tokens.map(() => sources.map(() => element("button", { type: "button", class: "cell", tabindex: -1 })));
  const names = tokens.map((token, i) =>
    element("button", { type: "button", class: "name", tabindex: -1, title: token, click: () => onChoose(i) }, token),
  );
  const top = sources.map((source, j) => {
    const kind = padding[j] ? "top padding" : "top";
    return element("span", { role: "columnheader", class: kind, title: source }, element("span", {}, source));
  });
  const wrap = (role, node) => element("span", { role }, node);
  const rows = cells.map((row, i) => [wrap("rowheader", names[i]), ...row.map((cell) => wrap("gridcell", cell))]);
  const root = element("div", { class: "mask", role: "grid", "aria-label": "Mask: rows look, columns are looked at" });
  root.style.setProperty("--columns", sources.length);
  for (const row of [[element("span"), ...top], ...rows]) root.append(element("div", { role: "row" }, ...row));
  let pen = true; // what dragging paints
  const places = new Map(cells.flatMap((row, i) => row.map((cell, j) => [cell, [i, j]])));
  const on = (type, act) =>
    root.addEventListener(type, (event) => {
      const place = places.get(event.target);
      if (place) act(event, place);
    });
  const opposite = (cell) => cell.ariaPressed !== "true";
  on("pointerdown", (event, place) => {
    if (event.button !== 0) return;
    event.target.releasePointerCapture(event.pointerId); // a finger would stay with the cell where it began
    event.target.focus(); // not every browser does so
    pen = opposite(event.target);
    onPaint(place, pen);
  });
  on("pointerover", (event, place) => event.buttons & 1 && onPaint(place, pen));
  on("click", (event, place) => event.detail === 0 && onPaint(place, opposite(event.target))); // a key, not a pointer
  on("focusin", (event, place) => {
    for (const cell of cells.flat()) cell.tabIndex = cell === event.target ? 0 : -1;
    onChoose(place[0]);
  });
  on("keydown", (event, place) => {
    const to = moved(event.key, place, tokens.length, sources.length);
    if (!to) return;
    event.preventDefault();
    cells[to[0]][to[1]].focus();
  });
  cells[0][0].tabIndex = 0;

  const show = (mask, row, known) => {
    names.forEach((name, i) => (name.ariaPressed = i === row));
    cells.forEach((line, i) => line.forEach((cell, j) => {
      const knows = i === row && known[j];
      cell.className = `cell${i === row ? " chosen" : ""}${knows ? " known" : ""}`;
      cell.ariaPressed = mask[i][j];
      cell.ariaLabel = `${named(tokens, i)} may look at ${named(sources, j)}${knows ? "; can know of it" : ""}`;
    }));
  };
  return { root, show };
}

function render({ model, el }) {
  const root = rootOf("mask_painter", "A mask to paint");
  const get = (name) => model.get(name);
  const fixed = Object.fromEntries(["tokens", "sources", "cross", "padding"].map((name) => [name, get(name)]));
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const presets = makePresets(fixed, (change) => set("cells", change(get("cells"))));
  const paint = ([i, j], may) => set("cells", get("cells").with(i, get("cells")[i].with(j, may)));
  const grid = makeGrid(fixed, paint, (row) => set("row", row));
  const depth = slider("Layers", { min: 1, max: get("n_layer"), value: 1 }, (n) => set("depth", n));
  const known = element("p", { class: "knows", "aria-live": "polite" });
  const kind = element("p", { class: "kind" });
  const list = element("ul", { "aria-label": "What to beware of" });
  const samples = { may: "may look", "": "may not", known: "the chosen token can know of it" };
  const sample = ([look, text]) => element("span", {}, element("span", { class: `sample ${look}` }), text);
  const help = "Click or drag; or walk with the arrow keys, Space changes a cell. The row that you are in is chosen.";
  const legend = element("p", { class: "legend" }, ...Object.entries(samples).map(sample));
  const tip = element("p", { class: "soft" }, help);
  depth.root.hidden = get("n_layer") === 1;
  const panel = element("div", { class: "panel" }, kind, list, depth.root, known, legend, tip);
  const kernel = kernelLine(model);
  const board = element("div", { class: "board" }, element("div", { class: "scroll" }, grid.root), panel);
  root.append(kernel.root, presets.root, board);
  el.append(root);
  function draw() {
    const [mask, row, n] = ["cells", "row", "depth"].map(get);
    const all = { ...fixed, mask };
    depth.set(n);
    presets.show(kindOf(mask, fixed.padding, fixed.cross));
    grid.show(mask, row, (fixed.cross ? mask : reachable(mask, n))[row]);
    known.textContent = `${knowledge(all, row, n)}.`;
    kind.textContent = kindInWords(all);
    list.replaceChildren(...warnings(all, n).map((text) => element("li", {}, text)));
  }
  const stops = [onChange(model, ["cells", "row", "depth"], draw), kernel.stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
