import {
  cssValue,
  element,
  inDigits,
  isolated,
  keepDrawn,
  moved,
  onChange,
  paint,
  rgbOf,
  rootOf,
  slider,
} from "./common.js";

const STEPS = 32767; // two bytes a cell: a share of the stage's largest
const CELL = 14; // pixels, where there is room

/** Where each stage's cells begin in the data, in cells; a stage without a picture takes none. */
export function startsOf(stages) {
  let next = 0;
  return stages.map(({ dims }) => {
    const start = next;
    if (dims) next += dims[0] * dims[1] * dims[2];
    return start;
  });
}

/** The values of matrix m of a stage, row after row. */
export function valuesOf(view, start, { dims, top }, m) {
  const size = dims[1] * dims[2];
  return Float64Array.from({ length: size }, (_, k) => {
    return (view.getInt16(2 * (start + m * size + k), true) / STEPS) * top;
  });
}

/** Pixels in two colours, one for each sign, the more opaque the larger; the root keeps small values visible. */
export function signedPixels(values, top, positive, negative) {
  const pixels = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, k) => {
    pixels.set(value < 0 ? negative : positive, 4 * k);
    pixels[4 * k + 3] = 255 * Math.sqrt(Math.abs(value) / top);
  });
  return pixels;
}

/** What stands in one cell, in words; rows and columns that are positions of the text have its tokens' names. */
export function cellInWords(values, [row, column], [, rows, columns], tokens) {
  const named = (what, at, size) => (size === tokens.length ? `“${tokens[at]}” (${at})` : `${what} ${at}`);
  const value = inDigits(values[row * columns + column]);
  return `${named("row", row, rows)}, ${named("column", column, columns)}: ${value}`;
}

function makeStrip(strip, open) {
  let buttons = [];
  const build = (stages) => {
    buttons = stages.map(({ name, letters }, k) => {
      return element("button", { type: "button", click: () => open(k) }, name, element("small", {}, letters));
    });
    strip.replaceChildren(...buttons.map((button) => element("li", {}, button)));
  };
  const mark = (k) => {
    buttons.forEach((button, n) => button.setAttribute("aria-expanded", n === k));
    strip.scrollTop = buttons[k].parentElement.offsetTop - strip.offsetTop - strip.clientHeight / 2; // into sight
  };
  return { build, mark };
}

function render({ model, el }) {
  const root = rootOf("follow", "One forward pass, stage by stage");
  const back = element("button", { type: "button", click: () => open(model.get("stage") - 1) }, "Back");
  const next = element("button", { type: "button", click: () => open(model.get("stage") + 1) }, "Next");
  const strip = element("ol", { class: "strip" });
  const buttons = makeStrip(strip, open);
  const panel = element("div", { class: "open" });
  root.append(strip, element("div", { class: "row" }, back, next), panel);
  el.append(root);

  function open(stage) {
    model.set("stage", stage);
    model.save_changes();
  }

  function pictureOf(stage, start) {
    const [matrices, rows, columns] = stage.dims;
    const canvas = element("canvas", { tabindex: 0, role: "application" });
    canvas.setAttribute("aria-label", `Values of ${stage.name}; arrow keys walk over the cells`);
    const words = element("p", { "aria-live": "polite" }, "Move over the picture, or use the arrow keys, for a value.");
    let values;
    let at = [0, 0];
    const draw = (m) => {
      values = valuesOf(model.get("data"), start, stage, m);
      const [heat, mark] = ["--mg-heat", "--mg-mark"].map((name) => rgbOf(cssValue(root, name)));
      paint(canvas, signedPixels(values, stage.top, heat, mark), columns);
    };
    const say = (to) => {
      at = to;
      words.replaceChildren(...isolated(cellInWords(values, at, stage.dims, model.get("tokens"))));
    };
    canvas.style.width = `${CELL * columns}px`;
    canvas.style.height = `${CELL * rows}px`;
    canvas.addEventListener("mousemove", (event) => {
      const [x, y] = [event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight];
      if (x >= 0 && x < 1 && y >= 0 && y < 1) say([Math.floor(y * rows), Math.floor(x * columns)]);
    });
    canvas.addEventListener("keydown", (event) => {
      const to = moved(event.key, at, rows, columns);
      if (!to) return;
      event.preventDefault();
      say(to);
    });
    draw(0);
    const choice = slider("head", { min: 0, max: matrices - 1, value: 0 }, draw);
    const scale = `Blue is positive, orange negative; the largest here is ${inDigits(stage.top)} in size.`;
    return [...(matrices > 1 ? [choice.root] : []), canvas, words, element("p", { class: "soft" }, scale)];
  }
  function itemsOf({ items }) {
    const item = ([label, number]) => element("li", {}, element("bdi", {}, element("b", {}, label)), ` ${number}`);
    return [element("ul", { class: "items" }, ...items.map(item))];
  }
  function draw() {
    const stages = model.get("stages");
    const k = model.get("stage");
    const stage = stages[k];
    buttons.mark(k);
    back.disabled = k === 0;
    next.disabled = k === stages.length - 1;
    const content = stage.dims ? pictureOf(stage, startsOf(stages)[k]) : itemsOf(stage);
    panel.replaceChildren(
      element("strong", {}, `${k + 1}. ${stage.name}`),
      element("span", { class: "soft" }, `  ${stage.letters} = ${stage.sizes}`),
      element("p", {}, stage.explanation),
      ...content,
      ...(stage.note ? [element("p", { class: "soft" }, stage.note)] : []),
    );
  }

  buttons.build(model.get("stages"));
  const stops = [onChange(model, ["stage"], draw), keepDrawn(panel, draw)];
  return () => stops.forEach((stop) => stop());
}

export default { render };
