import { drawHead, makeGrid, maskedRuns, opacitiesOf, rowOf, sentence, shortName } from "./attention.js";
import { pathOf, short, ticksBetween } from "./axes.js";
import { bytesOf, element, keepDrawn, kernelLine, moved, onChange, rgbOf, rootOf, shape } from "./common.js";
import { cellAt, coloursOf } from "./enlarged.js";
import { makeSteps } from "./steps.js";

// A slider through training: what was measured, and what the model wrote and looked at, at each of its snapshots.

const CHART = { left: 40, right: 18, top: 8, bottom: 20, height: 170 }; // around the curves, and in all
const EARLY = 20; // steps, from which on the axis is logarithmic: most happens at first
const STEPS = [0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000]; // with a tick, if there is room
const STROKES = ["none", "6 3", "2 3"];
const CHARTS = [
  { key: "loss", name: "Loss on held-out stories, nats per token", lines: [["loss", "the model"]] },
  {
    key: "score",
    name: "Score of the best head, 0 to 1",
    lines: [
      ["induction", "induction"],
      ["previous", "previous token"],
    ],
    limits: [0, 1],
  },
  {
    key: "repeat",
    name: "Loss on names said twice, nats per token",
    lines: [
      ["repeat", "again"],
      ["first", "first"],
      ["without", "again, % off"], // % is the best head
    ],
  },
  { key: "gain", name: "What context saves: loss early − late in a text", lines: [["gain", "the model"]] },
];

/** How far along its axis a step is, 0 to 1: evenly at first, then as its logarithm. */
export function alongOf(step, last) {
  return Math.log1p(step / EARLY) / Math.log1p(Math.max(last, 1) / EARLY);
}

/** The steps that get a tick on an axis of so many pixels. */
export function stepTicks(last, pixels) {
  const kept = [];
  for (const step of STEPS.filter((one) => one <= last)) {
    if (!kept.length || (alongOf(step, last) - alongOf(kept.at(-1), last)) * pixels > 38) kept.push(step);
  }
  return kept;
}

/** Which of the snapshots is nearest to a place on the axis, 0 to 1. */
export function nearestTo(steps, along, last) {
  const away = steps.map((step) => Math.abs(alongOf(step, last) - along));
  return away.indexOf(Math.min(...away));
}

/** The least and the largest of some lines and levels, with some room; `fixed` where the quantity has limits. */
export function rangeOf(values, fixed) {
  if (fixed) return fixed;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.06 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}

/** The weights of all heads at snapshot k, a window on those of all. */
export function weightsAt(data, n, k) {
  const size = data.length / n;
  return data.subarray(k * size, (k + 1) * size);
}

/** What was measured at a step, in words. */
export function measuredInWords(curves, step, scores, H) {
  const k = curves.steps.indexOf(step);
  const best = scores.indexOf(Math.max(...scores));
  const head = `layer ${Math.floor(best / H)}, head ${best % H}`;
  const repeat = `made-up names cost ${short(curves.first[k])} nats a token, and ${short(curves.repeat[k])} when they are said again`;
  return `After ${step.toLocaleString("en")} steps: loss ${short(curves.loss[k])}; the best induction score is ${scores[best].toFixed(2)}, of ${head}; ${repeat}.`;
}

/** What the numbers under the heads are. */
export function aboutHeads(best, H, scores) {
  const measured = "A row is a layer; a head's number is its induction score at this step, on lists of made-up names that are said twice.";
  return `${measured} The best at the end is ${shortName(best, H)}, with ${scores[best].toFixed(2)}.`;
}

function drawChart({ svg, lines, limits, key }, { curves, levels, steps, at }) {
  const width = svg.parentNode.clientWidth;
  if (!width) return;
  const { left, right, top, bottom, height } = CHART;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const last = curves.steps.at(-1);
  const shown = key === "loss" ? levels : [];
  const [low, high] = rangeOf([...lines.flatMap(([name]) => curves[name]), ...shown.map(([, loss]) => loss)], limits);
  const x = (step) => left + alongOf(step, last) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
  const flat = (value, look) => shape("line", { class: look, x1: left, x2: width - right, y1: y(value), y2: y(value) });
  const say = (where, words, end) => shape("text", { ...where, "text-anchor": end }, words);
  const parts = ticksBetween(low, high, 4).flatMap((tick) => [
    flat(tick, "grid"),
    say({ x: left - 5, y: y(tick) + 4 }, short(tick).replace("-", "−"), "end"),
  ]);
  for (const step of stepTicks(last, width - left - right)) {
    parts.push(say({ x: x(step), y: height - 4 }, step.toLocaleString("en"), "middle"));
  }
  for (const [name, loss] of shown) parts.push(flat(loss, "level"), say({ x: width - right, y: y(loss) - 4 }, name, "end"));
  parts.push(shape("line", { class: "at", x1: x(steps[at]), x2: x(steps[at]), y1: top, y2: height - bottom }));
  lines.forEach(([name], n) => {
    const values = curves[name];
    const look = { class: `line-${n}`, "stroke-dasharray": STROKES[n] };
    parts.push(shape("path", { ...look, d: pathOf(curves.steps.map(x), values.map(y)) }));
    const spot = (step) => ({ cx: x(step), cy: y(values[curves.steps.indexOf(step)]) });
    if (!n) parts.push(...steps.map((step) => shape("circle", { class: "kept", ...spot(step), r: 2.5 })));
    parts.push(shape("circle", { class: `now line-${n}`, ...spot(steps[at]), r: 5 }));
  });
  svg.replaceChildren(...parts);
}

/** The charts; a click goes to the nearest snapshot. */
function makeCharts(get, go) {
  const best = shortName(get("best"), get("shape")[1]);
  const charts = CHARTS.map((chart) => {
    const click = ({ offsetX }) => {
      const { left, right } = CHART;
      const [steps, last] = [get("steps"), get("curves").steps.at(-1)];
      go(nearestTo(steps, (offsetX - left) / (svg.parentNode.clientWidth - left - right), last));
    };
    const svg = shape("svg", { role: "img", "aria-label": chart.name, height: CHART.height, click });
    const sign = (n) => shape("path", { class: `line-${n}`, "stroke-dasharray": STROKES[n], d: "M1,6L25,6" });
    const signs = chart.lines.map(([, name], n) => {
      return element("li", {}, shape("svg", { width: 26, height: 12, "aria-hidden": "true" }, sign(n)), name.replace("%", best));
    });
    const legend = chart.lines.length > 1 ? [element("ul", {}, ...signs)] : [];
    const caption = element("figcaption", {}, element("span", {}, chart.name), ...legend);
    return { ...chart, svg, root: element("figure", {}, caption, svg) };
  });
  const draw = () => {
    const state = Object.fromEntries(["curves", "levels", "steps", "at"].map((name) => [name, get(name)]));
    charts.forEach((chart) => drawChart(chart, state));
  };
  return { root: element("div", { class: "charts" }, ...charts.map(({ root }) => root)), draw };
}

/** One head drawn large: the pointer and the arrow keys choose the token whose row is said in words. */
function makeLarge() {
  const title = element("strong");
  const canvas = element("canvas", { tabindex: 0, role: "application" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const root = element("div", { class: "large" }, title, canvas, words);
  let [now, place, row] = [null, null, -1];
  const drawNow = () => {
    const { data, shape: sizes, n, tokens, colours, causal, score } = now;
    const H = sizes[1];
    const name = `Layer ${Math.floor(n / H)}, head ${n % H}`;
    title.textContent = `${name}: induction score ${score.toFixed(2)}`;
    canvas.setAttribute("aria-label", `${name}: up and down choose a token`);
    if (row < 0 || row >= tokens.length) row = tokens.length - 1;
    const masked = maskedRuns(sizes, causal);
    const opacities = opacitiesOf(data, sizes, causal, n);
    place = drawHead(canvas, Math.min(root.clientWidth, 460), opacities, tokens, tokens, [row, -1], colours, { masked });
    words.textContent = sentence(tokens, tokens, row, rowOf(data, sizes, causal, n, row));
  };
  const look = (to) => {
    if (to === row) return;
    row = to;
    drawNow();
  };
  canvas.addEventListener("mousemove", ({ offsetX, offsetY }) => {
    const cell = cellAt(place, offsetX, offsetY, now.tokens.length, now.tokens.length);
    if (cell?.[0] >= 0) look(cell[0]);
  });
  canvas.addEventListener("keydown", (event) => {
    const to = moved(event.key, [row, 0], now.tokens.length, 1);
    if (!to) return;
    look(to[0]);
    event.preventDefault();
  });
  const draw = (state) => {
    now = state;
    if (root.clientWidth) drawNow();
  };
  return { root, draw };
}

/** A line to type another prompt in. */
function makePrompt(model, wish) {
  const submit = () => {
    state.textContent = "All snapshots are reading it…";
    wish(input.value);
  };
  const keydown = (event) => event.key === "Enter" && submit();
  const input = element("input", { type: "text", "aria-label": "The text that all snapshots read", keydown });
  const button = element("button", { type: "button", click: submit }, "Read this");
  const state = element("p", { class: "soft", role: "status" });
  const root = element("div", { class: "row ask" }, input, button, state);
  const answered = () => (state.textContent = "");
  const draw = () => {
    if (document.activeElement !== input) input.value = model.get("prompt");
  };
  const disable = () => {
    input.disabled = button.disabled = true;
    answered();
  };
  return { root, draw, answered, disable };
}

function render({ model, el }) {
  const root = rootOf("time_machine", "The time machine: a model along its training");
  const get = (name) => model.get(name);
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const go = (at) => set({ at });
  const last = () => get("steps").length - 1;
  const inWords = (k) => `${get("steps")[k].toLocaleString("en")} of ${get("steps").at(-1).toLocaleString("en")}`;
  const controls = makeSteps({ at: () => get("at"), last, go, words: inWords });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const charts = makeCharts(get, go);
  const ask = makePrompt(model, (text) => set({ wish: [get("version"), text] }));
  const kernel = kernelLine(model, ask.disable);
  const error = element("p", { class: "error", role: "status" });
  const text = element("div", { class: "text", tabindex: "0", role: "region", "aria-label": "What the model writes" });
  const grid = element("div", { role: "group", "aria-label": "All heads, with their induction scores" });
  const thumbs = makeGrid(grid, (n) => set({ head: n }));
  const large = makeLarge();
  const note = element("p", { class: "soft" });
  const heads = element("div", { class: "heads" }, element("div", {}, grid, note), large.root);
  root.append(controls.root, words, charts.root, ask.root, kernel.root, error, text, heads);
  el.append(root);

  function drawHeads() {
    const [sizes, steps, at, head, tokens] = ["shape", "steps", "at", "head", "tokens"].map(get);
    const scores = get("scores")[at];
    const data = weightsAt(bytesOf(get("data")), steps.length, at);
    const colours = coloursOf(root);
    thumbs.draw(data, sizes, true, rgbOf(colours.heat));
    thumbs.arrange(null, scores.map((score) => score.toFixed(2)));
    thumbs.press(head);
    large.draw({ data, shape: sizes, n: head, tokens, colours, causal: true, score: scores[head] });
  }
  function draw() {
    const [steps, at, scores] = [get("steps"), get("at"), get("scores")];
    controls.draw();
    words.textContent = measuredInWords(get("curves"), steps[at], scores[at], get("shape")[1]);
    charts.draw();
    ask.root.hidden = !get("live");
    ask.draw();
    error.textContent = get("error");
    text.replaceChildren(element("span", { class: "soft" }, get("prompt")), get("written")[at]);
    note.textContent = aboutHeads(get("best"), get("shape")[1], get("scores")[get("steps").length - 1]);
    drawHeads();
  }
  const redraw = () => {
    ask.answered();
    draw();
  };
  const stops = [
    onChange(model, ["at", "head"], draw),
    onChange(model, ["version", "error"], redraw),
    keepDrawn(root, draw),
    kernel.stop,
    controls.stop,
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
