import { headMarks, rowOf } from "./attention.js";
import { element, isolated } from "./common.js";
import { asTabbed, cellAt, factsOf, framed, inWords, matrixBase, notesOf, numbersOf, walked } from "./enlarged.js";
import { linesBase, linesLayout, linesPicture, tokenAt } from "./lines.js";
import { makeSaving } from "./saving.js";
import { copyText, fitter, measurer, saveShapes, showShapes } from "./shapes.js";

// The enlarged head with all that belongs to it: tools, legend, picture, words, numbers.

/** The numbers of what is chosen, folded away: for readers who cannot see the picture, and for exact ones. */
function makeNumbers() {
  const body = element("table", { class: "numbers" });
  const root = element("details", {}, element("summary", {}, "The numbers, as a table"), body);
  let fill = () => {};
  root.addEventListener("toggle", () => fill());
  const line = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell)));
  const show = (caption, header, rows) => {
    fill = () => {
      if (!root.open) return; // a row of 1,024 numbers is no work for every move of the mouse
      const lines = rows().map((cells) => line("td", cells));
      body.replaceChildren(element("caption", {}, ...isolated(caption)), line("th", header), ...lines);
    };
    fill();
  };
  return { root, show };
}

const CHOICES = {
  weights: "weights",
  scores: "scores before the softmax",
  "by value": "weights × size of the value",
  rollout: "rollout up to this layer",
};

/** A button that is pressed or not. */
function toggleButton(text, click) {
  return element("button", { type: "button", "aria-pressed": "false", click }, text);
}

function makeTools(model, actions) {
  const matrix = toggleButton("Matrix", () => actions.set({ lines: false }));
  const lines = toggleButton("Lines", () => actions.set({ lines: true }));
  const kinds = element("div", { class: "kinds", role: "group", "aria-label": "Draw the head as" }, matrix, lines);
  const pin = toggleButton("Pin", actions.pin);
  const quantity = element("select", { change: () => actions.set({ quantity: quantity.value }) });
  const shown = element("label", {}, "Show ", quantity);
  const saving = makeSaving("the enlarged head as a table", actions.save, actions.copy);
  const root = element("div", { class: "row tools" }, kinds, pin, shown, ...saving.nodes);
  let listed = "";
  const draw = (isPinned) => {
    matrix.setAttribute("aria-pressed", !model.get("lines"));
    lines.setAttribute("aria-pressed", model.get("lines"));
    pin.setAttribute("aria-pressed", isPinned);
    const choices = model.get("quantities");
    shown.hidden = choices.length < 2;
    if (String(choices) !== listed) {
      listed = String(choices);
      quantity.replaceChildren(...choices.map((name) => element("option", { value: name }, CHOICES[name])));
    }
    quantity.value = model.get("quantity");
  };
  return { root, draw, say: saving.say };
}

/** Which colour is which head; each but the first can be taken out. */
function drawLegend(list, { heads }, remove) {
  list.hidden = heads.length < 2;
  const items = heads.map((one, k) => {
    const sample = element("span", { class: "sample", style: `background: ${one.colour}`, "aria-hidden": "true" });
    const name = `Take out ${one.name}`;
    const out = element("button", { type: "button", "aria-label": name, click: () => remove(one.n) }, "×");
    return element("li", {}, sample, one.name, ...(k ? [out] : []));
  });
  list.replaceChildren(...(heads.length > 1 ? items : []));
}

/**
 * Draws the enlarged head. `drawnAt(at, isShown)` gives the shapes with the token `at` standing out, and `placeOf`, which
 * turns a point into [row, column]; what stays the same while only `at` changes is kept until `forget()`.
 */
function makePicture(model, root, node) {
  const kept = new Map();
  const once = (key, make) => {
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key);
  };
  const facts = () => once("facts", () => factsOf(model, root));
  const widthOf = () => Math.max(node.clientWidth - 4, 120);
  const fitOf = () => once("fit", () => fitter(measurer(facts().colours.font)));

  function asLines(at, isShown) {
    const { tokens, sources, colours, padding } = facts();
    const arrived = facts().heads.filter(({ head }) => head);
    const heads = arrived.map(({ colour, head: { data, shape, causal, n } }) => {
      return { colour, rowAt: (i) => rowOf(data, shape, causal, n, i) };
    });
    const layout = linesLayout(widthOf(), tokens.length, sources.length);
    const base = once("lines", () => linesBase(layout, heads));
    const parts = { layout, base, heads, tokens, sources, colours, fit: fitOf(), padding };
    const shapes = linesPicture(parts, isShown ? at : [-1, -1]);
    return { shapes, size: [layout.width, layout.height], placeOf: (x, y) => tokenAt(layout, x, y) };
  }
  function asMatrix(at) {
    const { tokens, sources, colours } = facts();
    const { shapes, size, place } = once("matrix", () => matrixBase(model, facts(), widthOf(), fitOf()));
    const marks = headMarks({ place, tokens, sources, colours, fit: fitOf() }, at);
    const placeOf = (x, y) => cellAt(place, x, y, tokens.length, sources.length);
    return { shapes: [{ kind: "layer", shapes, size }, ...marks], size, placeOf };
  }
  const drawnAt = (at, isShown) => (facts().asLines ? asLines(at, isShown) : asMatrix(at));
  return { facts, drawnAt, forget: () => kept.clear() };
}

function savePicture(facts, drawn, kind) {
  const name = facts.heads.map((one) => one.short).join("-");
  saveShapes(kind, name, framed(facts, drawn), facts.colours.font);
}

/** Puts the enlarged head on the clipboard; says in words what came of it. */
async function copyHead({ heads, tokens, sources, hidden }) {
  if (!heads[0].head) return "This head has not arrived yet.";
  const isDone = await copyText(asTabbed(heads[0].head, tokens, sources, hidden));
  return isDone ? `Copied: ${heads[0].name}, ${tokens.length} rows.` : "The browser keeps its clipboard to itself.";
}

export function makePanel(model, root) {
  const title = element("strong");
  const legend = element("ul", { class: "legend", "aria-label": "Heads drawn as lines" });
  const canvas = element("canvas", { tabindex: 0, role: "application" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const note = element("p", { class: "soft" });
  const numbers = makeNumbers();
  const node = element("div", { class: "panel" });
  const { facts, drawnAt, forget } = makePicture(model, root, node);
  let at = [-1, -1]; // [row, column] that is looked at
  let isLooking = false; // is the pointer or the focus on the picture?
  let drawn = null;

  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const isPinned = () => model.get("row") >= 0 || model.get("column") >= 0;
  const pin = (to) => set({ row: to ? to[0] : -1, column: to ? to[1] : -1 });
  const tools = makeTools(model, {
    set,
    pin: () => pin(isPinned() ? null : at),
    save: (kind) => savePicture(facts(), drawn, kind),
    copy: () => copyHead(facts()),
  });
  node.append(title, tools.root, legend, canvas, words, numbers.root, note);

  function draw() {
    const f = facts();
    const [T, S] = [f.tokens.length, f.sources.length];
    if (isPinned()) at = [model.get("row"), model.get("column")];
    if (at[0] >= T || at[1] >= S || (at[0] < 0 && at[1] < 0)) {
      const real = T === S ? f.padding.lastIndexOf(false) : -1; // the last token that is not padding
      at = [real < 0 ? T - 1 : real, -1];
    }
    drawn = drawnAt(at, isLooking || isPinned());
    showShapes(canvas, drawn.shapes, drawn.size, f.colours.font);
    title.textContent = f.heads[0].name;
    words.replaceChildren(...isolated(f.heads.map((one) => inWords(f, one, at)).join("\n")));
    numbers.show(...numbersOf(f, at));
    tools.draw(isPinned());
  }
  function redraw() {
    forget();
    const f = facts();
    canvas.setAttribute("aria-label", `${f.heads[0].name}: arrow keys walk over the tokens, Enter pins, Escape frees`);
    note.textContent = notesOf(f);
    drawLegend(legend, f, takeOut);
    tools.say("");
    draw();
  }
  const takeOut = (n) => {
    const H = model.get("shape")[1];
    set({ overlay: model.get("overlay").filter(([layer, head]) => layer * H + head !== n) });
    canvas.focus(); // the button that had it is gone
  };
  const lookAt = (to) => {
    if (!to || (isLooking && String(to) === String(at))) return;
    [at, isLooking] = [to, true];
    draw();
  };
  const look = (looking) => {
    isLooking = looking || document.activeElement === canvas;
    draw();
  };
  const walk = (key) => {
    const { tokens, sources, asLines } = facts();
    return walked(key, at, tokens.length, sources.length, asLines);
  };
  const placeOf = ({ offsetX, offsetY }) => drawn?.placeOf(offsetX, offsetY);
  const isAt = (to) => (to[0] >= 0 ? to[0] === at[0] : at[0] < 0 && to[1] === at[1]);
  listen(canvas, { isPinned, pin, look, lookAt, walk, placeOf, isAt, here: () => at });
  return { node, draw, redraw };
}

/** Pointer and keys on the picture. */
function listen(canvas, { isPinned, pin, look, lookAt, walk, placeOf, isAt, here }) {
  canvas.addEventListener("mousemove", (event) => isPinned() || lookAt(placeOf(event)));
  canvas.addEventListener("click", (event) => {
    const to = placeOf(event);
    if (to) pin(isPinned() && isAt(to) ? null : to);
  });
  canvas.addEventListener("keydown", (event) => {
    const to = walk(event.key);
    if (to && isPinned()) pin(to);
    else if (to) lookAt(to);
    else if (event.key === "Enter") pin(isPinned() ? null : here());
    else if (event.key === "Escape") pin(null);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => look(true));
  for (const name of ["blur", "mouseleave"]) canvas.addEventListener(name, () => look(false));
}
