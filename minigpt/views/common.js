// What all views share. A widget's module stands alone in the browser, so Python puts this file in front of each
// view's own (static.module); Node reads it through the import line at the top of that view.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Functions among the attributes listen to that event; strings among the children become text. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab's one-key shortcuts (arrows move between cells, "d d" deletes one) must not fire on a control; it looks
  // for this mark on the very element that has the focus.
  if (node.tabIndex >= 0 || "tabindex" in attributes) node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(...children);
  return node;
}

/** A sentence as children for `element`: a “token” that is read from the right must not turn the numbers around it. */
export function isolated(sentence) {
  const parts = sentence.split(/(“.*?”)(?=[\s.,:]|$)/);
  return parts.map((part, k) => (k % 2 ? element("bdi", {}, part) : part));
}

/** The root of a view. */
export function rootOf(name, label) {
  return element("section", { class: `minigpt minigpt-${name}`, "aria-label": label });
}

/** A labelled slider: `words` says its value, `set` moves it from outside. */
export function slider(label, limits, onInput, words = String) {
  const input = element("input", { type: "range", ...limits });
  const output = element("output");
  const say = () => {
    output.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const set = (value) => {
    input.value = value;
    say();
  };
  input.addEventListener("input", () => {
    say();
    onInput(Number(input.value));
  });
  say();
  return { root: element("label", { class: "slider" }, element("span", {}, label), input, output), input, set };
}

/** A labelled check box. */
export function checkbox(label, checked, onChange) {
  const input = element("input", { type: "checkbox", change: () => onChange(input.checked) });
  input.checked = checked;
  return { root: element("label", { class: "checkbox" }, input, label), input };
}

/** Call `handler` when one of these traits changes; returns what stops it. */
export function onChange(model, names, handler) {
  for (const name of names) model.on(`change:${name}`, handler);
  return () => {
    for (const name of names) model.off(`change:${name}`, handler);
  };
}

export const LOST =
  "The kernel no longer answers this view, as it was restarted or shut down, or has died: " +
  "start one if none is there, and run this cell again, with the cells above it.";
const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);

/** Call `lost` once the kernel that made this view is restarted, changed, shut down or dies; returns what stops it. */
export function watchKernel(model, lost) {
  const kernel = model.widget_manager?.kernel; // JupyterLab's, which a saved page has not
  const onStatus = (_, status) => GONE.has(status) && lost();
  kernel?.statusChanged?.connect(onStatus);
  kernel?.disposed?.connect(lost); // another kernel, or none, has taken its place
  model.on("comm_live_update", lost);
  return () => {
    kernel?.statusChanged?.disconnect(onStatus);
    kernel?.disposed?.disconnect(lost);
    model.off("comm_live_update", lost);
  };
}

/** A line for a view that asks the kernel: it says when that is lost, after which `lost` may change the view. */
export function kernelLine(model, lost = () => {}) {
  const root = element("p", { class: "state", role: "status" });
  const stop = watchKernel(model, () => {
    root.textContent = LOST;
    lost();
  });
  return { root, stop };
}

/**
 * For what is drawn on canvas, which needs to know its width and colours: call `draw` once the node has its place in
 * the page, and again when its width or the page's theme changes. Returns what stops it.
 */
export function keepDrawn(node, draw) {
  let width = 0;
  const resize = new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    if (width > 0) draw();
  });
  resize.observe(node);
  const theme = new MutationObserver(() => requestAnimationFrame(() => node.clientWidth > 0 && draw()));
  theme.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  return () => {
    resize.disconnect();
    theme.disconnect();
  };
}

/** A CSS variable's value at this node, e.g. `cssValue(root, "--mg-heat")`. */
export function cssValue(node, name) {
  return getComputedStyle(node).getPropertyValue(name).trim();
}

/** "#0072b2" -> [0, 114, 178] */
export function rgbOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Pixels of one colour whose opacity is the value, 0 to 255: what ImageData takes. */
export function pixelsOf(opacities, [red, green, blue]) {
  const colour = red | (green << 8) | (blue << 16);
  const pixels = new Uint32Array(opacities.length);
  for (let k = 0; k < pixels.length; k++) pixels[k] = colour | (opacities[k] << 24); // red comes first in memory
  return new Uint8ClampedArray(pixels.buffer);
}

/** Put pixels on a canvas, one a cell; CSS or drawImage makes it larger. */
export function paint(canvas, pixels, columns) {
  canvas.width = columns;
  canvas.height = pixels.length / 4 / columns;
  canvas.getContext("2d").putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
}

/** The bytes of a binary trait, which arrives as a DataView. */
export function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Three digits are enough to read: 0.123, 4.56, 12,345. */
export function inDigits(value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "undefined";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toFixed(digits);
  return text.replace("-", Number(text) === 0 ? "" : "−"); // −0.0001 is 0.000
}

/** 0.613 -> "61 %", 0.004 -> "0.4 %" */
export function inPercent(share) {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  return `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`;
}

/** Horizontal bars, the largest of full width: each { label, share } with its percentage; `faded` ones are out. */
export function drawBars(list, items) {
  const top = Math.max(...items.map((item) => item.share));
  const bar = ({ label, share, faded }) =>
    element(
      "li",
      { class: faded ? "faded" : undefined },
      element("span", { class: "chip" }, label),
      element("span", { class: "track" }, element("span", { style: `width: ${top > 0 ? (100 * share) / top : 0}%` })),
      element("span", {}, inPercent(share)),
    );
  list.classList.add("bars");
  list.replaceChildren(...items.map(bar));
}

/** Where an arrow key leads in a table of rows × columns; null for any other key. */
export function moved(key, [row, column], rows, columns) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (!step) return null;
  const walk = (value, by, size) => (by ? Math.min(Math.max(value + by, 0), size - 1) : value);
  return [walk(row, step[0], rows), walk(column, step[1], columns)];
}
