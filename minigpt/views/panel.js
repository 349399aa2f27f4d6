import { headMarks, rowOf } from "./attention.js";
import { element } from "./common.js";
import { asTabbed, cellAt, factsOf, framed, inWords, matrixBase, notesOf, numbersOf, walked } from "./enlarged.js";
import { linesBase, linesLayout, linesPicture, tokenAt } from "./lines.js";
import { copyText, download, fitter, measurer, showShapes, svgOf } from "./shapes.js";

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
      body.replaceChildren(element("caption", {}, caption), line("th", header), ...lines);
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
  const button = (text, title, click) => element("button", { type: "button", title, click }, text);
  const save = [
    button("PNG", "Save the picture as PNG", () => actions.save("png")),
    button("SVG", "Save the picture as SVG", () => actions.save("svg")),
  ];
  const copy = button("Copy", "Copy the enlarged head as a table, to within 0.004", actions.copy);
  const said = element("span", { role: "status", class: "soft" });
  const root = element("div", { class: "row tools" }, kinds, pin, shown, ...save, copy, said);
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
  return { root, draw, say: (text) => (said.textContent = text) };
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

export function makePanel(model, root) {
  const title = element("strong");
  const legend = element("ul", { class: "legend", "aria-label": "Heads drawn as lines" });
  const canvas = element("canvas", { tabindex: 0, role: "application" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const note = element("p", { class: "soft" });
  const numbers = makeNumbers();
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const tools = makeTools(model, { set, pin: () => pin(isPinned() ? null : at), save, copy });
  const node = element("div", { class: "panel" }, title, tools.root, legend, canvas, words, numbers.root, note);

  let at = [-1, -1]; // [row, column] that is looked at
  let isLooking = false; // is the pointer or the focus on the picture?
  let placeOf = () => null; // a point of the picture -> [row, column]
  let kept = new Map(); // what stays the same while only `at` changes
  const once = (key, make) => {
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key);
  };
  const isPinned = () => model.get("row") >= 0 || model.get("column") >= 0;
  const facts = () => once("facts", () => factsOf(model, root));

  function picture() {
    const f = facts();
    const { tokens, sources, colours, padding } = f;
    const width = Math.max(node.clientWidth - 4, 120);
    const fit = once("fit", () => fitter(measurer(colours.font)));
    if (f.asLines) {
      const heads = f.heads.filter(({ head }) => head).map(({ head, colour }) => {
        return { colour, rowAt: (i) => rowOf(head.data, head.shape, head.causal, head.n, i) };
      });
      const layout = linesLayout(width, tokens.length, sources.length);
      const base = once("lines", () => linesBase(layout, heads));
      placeOf = (x, y) => tokenAt(layout, x, y);
      const shown = isLooking || isPinned() ? at : [-1, -1];
      const shapes = linesPicture({ layout, base, heads, tokens, sources, colours, fit, padding }, shown);
      return { shapes, size: [layout.width, layout.height] };
    }
    const base = once("matrix", () => matrixBase(model, f, width, fit));
    placeOf = (x, y) => cellAt(base.place, x, y, tokens.length, sources.length);
    const shapes = [
      { kind: "layer", shapes: base.shapes, size: base.size },
      ...headMarks({ place: base.place, tokens, sources, colours, fit }, at),
    ];
    return { shapes, size: base.size };
  }

  function draw() {
    const f = facts();
    const [T, S] = [f.tokens.length, f.sources.length];
    if (isPinned()) at = [model.get("row"), model.get("column")];
    if (at[0] >= T || at[1] >= S || (at[0] < 0 && at[1] < 0)) at = [T - 1, -1];
    const { shapes, size } = picture();
    showShapes(canvas, shapes, size, f.colours.font);
    title.textContent = f.heads[0].name;
    const text = f.heads.map((one) => inWords(f, one, at)).join("\n");
    // A token that is read from the right must not turn the numbers around it.
    words.replaceChildren(...text.split(/(“[^”]*”)/).map((part, k) => (k % 2 ? element("bdi", {}, part) : part)));
    numbers.show(...numbersOf(f, at));
    tools.draw(isPinned());
  }
  function redraw() {
    kept.clear();
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
  const pin = (to) => set({ row: to ? to[0] : -1, column: to ? to[1] : -1 });

  canvas.addEventListener("mousemove", (event) => isPinned() || lookAt(placeOf(event.offsetX, event.offsetY)));
  canvas.addEventListener("click", (event) => {
    const to = placeOf(event.offsetX, event.offsetY);
    const isSame = to && (to[0] >= 0 ? to[0] === at[0] : at[0] < 0 && to[1] === at[1]);
    if (to) pin(isPinned() && isSame ? null : to);
  });
  canvas.addEventListener("keydown", (event) => {
    const { tokens, sources, asLines } = facts();
    const to = walked(event.key, at, tokens.length, sources.length, asLines);
    if (to && isPinned()) pin(to);
    else if (to) lookAt(to);
    else if (event.key === "Enter") pin(isPinned() ? null : at);
    else if (event.key === "Escape") pin(null);
    else return;
    event.preventDefault();
  });
  for (const [name, looking] of Object.entries({ focus: true, blur: false, mouseleave: false })) {
    canvas.addEventListener(name, () => {
      isLooking = looking || document.activeElement === canvas;
      draw();
    });
  }

  function save(kind) {
    const f = facts();
    const { shapes, size } = framed(f, picture());
    const name = `${f.heads.map((one) => one.short).join("-")}.${kind}`;
    const svg = () => new Blob([svgOf(shapes, size, f.colours.font)], { type: "image/svg+xml" });
    if (kind === "svg") return download(name, svg());
    const paper = element("canvas");
    showShapes(paper, shapes, size, f.colours.font, Math.max(2, window.devicePixelRatio)); // fine enough to print
    paper.toBlob((blob) => download(name, blob));
  }
  async function copy() {
    const { heads, tokens, sources, hidden } = facts();
    if (!heads[0].head) return tools.say("This head has not arrived yet.");
    const done = await copyText(asTabbed(heads[0].head, tokens, sources, hidden));
    tools.say(done ? `Copied: ${heads[0].name}, ${tokens.length} rows.` : "The browser keeps its clipboard to itself.");
  }
  return { node, draw, redraw };
}

