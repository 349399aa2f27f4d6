import { element, kernelLine, onChange, rootOf } from "./common.js";
import { colourName } from "./scatter.js";

// What a run would cost: boxes for its numbers, a bar of its memory, and sentences.

const PATIENCE = 300; // milliseconds without a key before the numbers are sent

/** Of what is in the boxes, numbers as numbers: null for a box that holds none, which the kernel then complains of. */
export function readNumbers(texts) {
  const read = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, read(text)]));
}

/** The width in percent of each part of a bar. */
export function widthsOf(parts) {
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  return parts.map(([, bytes]) => (total > 0 ? (100 * bytes) / total : 0));
}

/** The preset that these settings are, "" if none. */
export function presetOf(settings, presets) {
  const isIt = ([, model]) => Object.entries(model).every(([name, value]) => settings[name] === value);
  return Object.entries(presets).find(isIt)?.[0] ?? "";
}

function render({ model, el }) {
  const root = rootOf("costs", "What a training run costs");
  const get = (name) => model.get(name);
  const live = get("live");
  const counts = new Set(get("counts"));
  const boxes = {};
  let timer;

  function send(changes) {
    clearTimeout(timer);
    const numbers = readNumbers(Object.fromEntries(Object.keys(get("labels")).map((name) => [name, boxes[name].value])));
    const chosen = Object.fromEntries(Object.keys(get("choices")).map((name) => [name, boxes[name].value]));
    const settings = { ...numbers, ...chosen, ...changes };
    model.set("settings", settings);
    model.set("preset", presetOf(settings, get("presets")));
    if (!live) model.set("result", get("answers")[get("preset")] ?? get("result"));
    model.save_changes();
  }
  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => send({}), PATIENCE);
  }
  function numberBox(name, label) {
    const limits = counts.has(name) ? { min: 1, step: 1 } : { min: 0, step: "any" };
    boxes[name] = element("input", { type: "number", ...limits, disabled: !live, input: later });
    return element("label", {}, element("span", {}, label), boxes[name]);
  }
  function choiceBox(name, options) {
    const change = () => send({});
    boxes[name] = element("select", { disabled: !live, change }, ...options.map((text) => element("option", {}, text)));
    return element("label", {}, element("span", {}, name), boxes[name]);
  }

  const names = Object.keys(get("presets"));
  const options = ["", ...names].map((name) => element("option", { value: name }, name || "other"));
  const choose = () => preset.value && send(get("presets")[preset.value]);
  const preset = element("select", { change: choose }, ...options);
  const kernel = kernelLine(model, () => [...Object.values(boxes), preset].forEach((box) => (box.disabled = true)));
  const fields = element(
    "div",
    { class: "fields" },
    element("label", {}, element("span", {}, "model"), preset),
    ...Object.entries(get("labels")).map(([name, label]) => numberBox(name, label)),
    ...Object.entries(get("choices")).map(([name, list]) => choiceBox(name, list)),
  );
  const error = element("p", { class: "error", role: "alert" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const bar = element("div", { class: "bar", role: "img" });
  const list = element("ul", { class: "parts" });
  const gradients = element("p", { class: "soft" });
  const needs = live ? "" : "Other numbers need a running kernel.";
  root.append(fields, kernel.root, error, words, bar, list, gradients, element("p", { class: "soft" }, needs));
  el.append(root);

  function draw() {
    const [settings, result] = [get("settings"), get("result")];
    for (const [name, box] of Object.entries(boxes)) {
      if (document.activeElement !== box) box.value = settings[name] ?? ""; // else it would change under the fingers
    }
    preset.value = get("preset");
    error.textContent = get("error");
    root.classList.toggle("stale", get("error") !== "");
    words.textContent = result.words;
    const widths = widthsOf(result.parts);
    const colour = (k) => `background: var(${colourName(k)})`;
    bar.setAttribute("aria-label", `Memory at the peak: ${result.parts.map(([name, , said]) => `${name} ${said}`).join(", ")}`);
    bar.replaceChildren(...widths.map((width, k) => element("span", { style: `width: ${width}%; ${colour(k)}` }, String(k + 1))));
    list.replaceChildren(
      ...result.parts.map(([name, , said], k) =>
        element("li", {}, element("span", { class: "key", style: colour(k) }, String(k + 1)), `${name}: ${said}`),
      ),
    );
    gradients.hidden = !result.later;
    gradients.textContent = `Gradients, ${result.later}, come while what was kept for the backward pass goes.`;
  }

  const stops = [onChange(model, ["settings", "preset", "result", "version", "error"], draw), kernel.stop, () => clearTimeout(timer)];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
