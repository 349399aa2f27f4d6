import { pathOf, short, ticksBetween } from "./axes.js";
import { element, inDigits, keepDrawn, kernelLine, onChange, rootOf, shape, slider } from "./common.js";

const SMOOTH = 0.9; // the running mean keeps so much of what it was; as in dashboard_figure.py
const DASHES = ["none", "7 4", "2 3", "9 3 2 3"]; // runs differ by more than colour
const [LEFT, BOTTOM, TOP] = [52, 20, 8]; // of a panel, around its curves
const PANELS = [
  { key: "loss", name: "loss, nats per token", says: "loss", height: 260 },
  { key: "learning_rate", name: "learning rate", says: "learning rate", height: 130 },
  { key: "grad_norm", name: "gradient norm, before clipping", says: "gradient norm", height: 130 },
  { key: "tokens_per_second", name: "tokens per second", says: "tokens per second", height: 130 },
];
const STATE = {
  waiting: "waiting for the first step",
  running: "running",
  paused: "paused",
  stopped: "stopped",
  finished: "finished",
  failed: "failed: what was measured before stays, and so does the model",
};

/** A running mean that forgets, without the pull of a beginning at 0; null where nothing was measured yet. */
export function smoothed(values, share = SMOOTH) {
  let [total, weight] = [0, 0];
  return values.map((value) => {
    if (value !== null) [total, weight] = [share * total + (1 - share) * value, share * weight + 1 - share];
    return weight ? total / weight : null;
  });
}

/** Seconds in words: "about 3 minutes". */
export function duration(seconds) {
  if (seconds < 1) return "less than a second";
  const [value, unit] =
    seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  const shown = unit === "hour" ? Number(value.toFixed(1)) : Math.round(value);
  return `about ${shown} ${unit}${shown === 1 ? "" : "s"}`;
}

/** The point of a run that holds this step: the last that begins at it or before; -1 before the first. */
export function pointAt(steps, step) {
  let [low, high] = [-1, steps.length - 1];
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (steps[middle] <= step) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What stands at a step, in words, for each run. */
export function wordsAt(runs, step) {
  const one = (run) => {
    const k = pointAt(run.steps, step);
    if (k < 0) return `${run.name}: nothing yet`;
    const parts = PANELS.filter(({ key }) => run[key][k] !== null).map(
      ({ key, says }) => `${says} ${short(run[key][k])}`,
    );
    if (run.loss[k] !== null) parts.splice(1, 0, `smoothed ${short(smoothed(run.loss.slice(0, k + 1))[k])}`);
    const valid = run.valid.filter(([at]) => at <= step).at(-1);
    if (valid) parts.push(`held-out loss ${short(valid[1])} at step ${valid[0].toLocaleString("en")}`);
    return `${run.name}, step ${run.steps[k].toLocaleString("en")}: ${parts.join(", ")}`;
  };
  return runs.map(one).join(". ") + ".";
}

/** Where the numbers of a panel lie: the least and the largest of each axis; null where there is nothing to draw. */
export function limitsOf(runs, key, { floor = null, band = {} } = {}) {
  const xs = runs.flatMap((run) => run.steps);
  const ys = runs.flatMap((run) => run[key].filter((value) => value !== null));
  if (!ys.length) return null;
  if (key === "loss") {
    ys.push(...runs.flatMap((run) => run.valid.map(([, loss]) => loss)), ...(band.low ?? []), ...(band.high ?? []));
    if (floor !== null) ys.push(floor);
  } else ys.push(0);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return { x: [Math.min(...xs), Math.max(...xs, 1)], y: [low === 0 ? 0 : low - room, high + room] };
}

function drawPanel({ svg, root, key, height }, runs, level, step) {
  const limits = limitsOf(runs, key, level);
  root.hidden = limits === null;
  const width = root.clientWidth;
  if (limits === null || width === 0) return;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const scale = ([low, high], from, to) => (value) =>
    value === null ? null : from + ((to - from) * (value - low)) / (high - low || 1);
  const [x, y] = [scale(limits.x, LEFT, width - 6), scale(limits.y, height - BOTTOM, TOP)];
  const dash = (k) => ({ class: `run-${k % DASHES.length}`, "stroke-dasharray": DASHES[k % DASHES.length] });
  const parts = ticksBetween(...limits.y, height > 200 ? 5 : 3).flatMap((tick) => [
    shape("line", { class: "grid", x1: LEFT, x2: width, y1: y(tick), y2: y(tick) }),
    shape("text", { x: LEFT - 4, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
  ]);
  for (const tick of ticksBetween(...limits.x, width / 90)) {
    const anchor = x(tick) > width - 30 ? "end" : "middle";
    parts.push(shape("text", { x: x(tick), y: height - 4, "text-anchor": anchor }, tick.toLocaleString("en")));
  }
  if (key === "loss" && level.band.steps) {
    const { steps, low, high } = level.band;
    const edge = [...steps.map((at, k) => [x(at), y(high[k])]), ...steps.map((at, k) => [x(at), y(low[k])]).reverse()];
    parts.push(shape("polygon", { class: "band", points: edge.map((point) => point.join()).join(" ") }));
  }
  runs.forEach((run, k) => {
    const xs = run.steps.map(x);
    const isRaw = key !== "loss";
    if (!isRaw && k === 0) parts.push(shape("path", { class: "run-0 raw", d: pathOf(xs, run.loss.map(y)) }));
    parts.push(shape("path", { ...dash(k), d: pathOf(xs, (isRaw ? run[key] : smoothed(run.loss)).map(y)) }));
    if (isRaw) return;
    for (const [at, loss] of run.valid) {
      parts.push(shape("rect", { class: `run-${k % 4} valid`, x: x(at) - 3, y: y(loss) - 3, width: 6, height: 6 }));
    }
  });
  if (key === "loss" && level.floor !== null) {
    const at = y(level.floor);
    parts.push(shape("line", { class: "floor", x1: LEFT, x2: width, y1: at, y2: at }));
    parts.push(shape("text", { x: width, y: at + 13, "text-anchor": "end" }, `floor ${inDigits(level.floor)}`));
  }
  if (step !== null) parts.push(shape("line", { class: "at", x1: x(step), x2: x(step), y1: TOP, y2: height - BOTTOM }));
  svg.replaceChildren(...parts);
}

function drawLegend(list, runs, band) {
  const sign = (...shapes) => shape("svg", { width: 30, height: 12, "aria-hidden": "true" }, ...shapes);
  const line = (k) => ({ class: `run-${k % 4}`, "stroke-dasharray": DASHES[k % 4], d: "M1,6L29,6" });
  const items = runs.map((run, k) => element("li", {}, sign(shape("path", line(k))), run.name));
  if (runs.some((run) => run.valid.length)) {
    const square = shape("rect", { class: "run-0 valid", x: 12, y: 3, width: 6, height: 6 });
    items.push(element("li", {}, sign(square), "held-out text"));
  }
  if (band.steps) {
    const box = shape("rect", { class: "band", x: 0, y: 0, width: 30, height: 12 });
    items.push(element("li", {}, sign(box), "band of reference runs"));
  }
  list.replaceChildren(...items);
}

function render({ model, el }) {
  const root = rootOf("dashboard", `Training: ${model.get("title")}`);
  const head = element("strong", {}, model.get("title"));
  const badge = model.get("is_recording") ? [element("span", { class: "badge" }, "Recording")] : [];
  const state = element("span", { role: "status" });
  const pause = element("button", { type: "button", click: () => ask(pause.dataset.wish) });
  const stop = element("button", { type: "button", click: () => ask("stop") }, "Stop");
  const kernel = kernelLine(model, () => (pause.disabled = stop.disabled = true));
  const error = element("p", { class: "error", role: "alert" });
  const numbers = element("dl");
  const legend = element("ul", { class: "legend" });
  const panels = PANELS.map((panel) => {
    const svg = shape("svg", { role: "img", "aria-label": panel.name, height: panel.height });
    return { ...panel, svg, root: element("figure", { class: panel.key }, element("figcaption", {}, panel.name), svg) };
  });
  let at = null; // the point that the reader looks at; null: the newest
  const look = slider("Look at", { min: 0, max: 0, step: 1, value: 0 }, (k) => lookAt(k), stepOf);
  const words = element("p", { class: "words" });
  const thin = element("p", { class: "soft" });
  let nth = null; // of the samples; null: the newest
  const sample = element("pre", { tabindex: "0", "aria-label": "What the model writes" });
  const samples = slider("Sample", { min: 0, max: 0, step: 1, value: 0 }, (k) => showSample(k), sampleAt);
  const written = element("div", { class: "written" }, samples.root, sample);
  root.append(element("div", { class: "row" }, ...badge, head, state, pause, stop), kernel.root, error, numbers, legend);
  root.append(element("div", { class: "panels" }, ...panels.map((panel) => panel.root)));
  root.append(look.root, words, thin, written);
  el.append(root);

  function stepOf(k) {
    const step = model.get("runs")[0].steps[k];
    return step === undefined ? "no step" : `step ${step.toLocaleString("en")}`;
  }
  function sampleAt(k) {
    const one = model.get("samples")[k];
    return one ? `step ${one[0].toLocaleString("en")}` : "";
  }
  function ask(wish) {
    model.send({ request: wish });
  }
  function lookAt(k) {
    at = k >= Number(look.input.max) ? null : k;
    draw();
  }
  function showSample(k) {
    nth = k >= Number(samples.input.max) ? null : k;
    sample.textContent = model.get("samples")[k]?.[1] ?? "";
  }
  function drawState() {
    const [now, controls] = [model.get("state"), model.get("controls")];
    state.textContent = [STATE[now], model.get("note")].filter(Boolean).join(". ");
    const isOver = !["waiting", "running", "paused"].includes(now) || !model.get("live");
    [pause.hidden, stop.hidden] = [isOver || !controls.includes("pause"), isOver || !controls.includes("stop")];
    pause.dataset.wish = now === "paused" ? "resume" : "pause";
    pause.textContent = now === "paused" ? "Resume" : "Pause";
    error.textContent = model.get("error");
  }
  function drawNumbers() {
    const { step, n_steps, tokens_per_second, seconds_left, memory_gb } = model.get("numbers");
    const isOver = ["stopped", "finished", "failed"].includes(model.get("state"));
    const pairs = [["step", step.toLocaleString("en") + (n_steps ? ` of ${n_steps.toLocaleString("en")}` : "")]];
    if (tokens_per_second) pairs.push(["tokens per second", short(tokens_per_second)]);
    if (memory_gb) pairs.push(["memory", `${memory_gb.toFixed(1)} GB`]);
    if (seconds_left !== undefined && !isOver) pairs.push(["time left", duration(seconds_left)]);
    numbers.replaceChildren(
      ...pairs.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    );
  }
  function draw() {
    const [runs, band] = [model.get("runs"), model.get("band")];
    const last = Math.max(0, runs[0].steps.length - 1);
    look.input.max = last;
    look.input.disabled = last === 0;
    look.set(at ?? last);
    const step = runs[0].steps[at ?? last] ?? null;
    for (const panel of panels) {
      drawPanel(panel, runs, { floor: model.get("floor"), band }, at === null ? null : step);
    }
    words.textContent = step === null ? "" : wordsAt(runs, step);
    const each = Math.max(...runs.map((run) => run.each));
    thin.textContent =
      each > 1 ? `One point stands for up to ${each} steps: their mean, of the gradient norm their largest.` : "";
    drawLegend(legend, runs, band);
    drawNumbers();
    const texts = model.get("samples");
    written.hidden = texts.length === 0;
    samples.input.max = Math.max(0, texts.length - 1);
    samples.set(nth ?? texts.length - 1);
    sample.textContent = texts[nth ?? texts.length - 1]?.[1] ?? "";
    drawState();
  }

  let asked = 0; // several traits change at once: one picture is enough
  const later = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(draw);
  };
  const names = ["runs", "numbers", "samples", "state", "note", "error", "controls"];
  const stops = [onChange(model, names, later), keepDrawn(root, later), kernel.stop, () => cancelAnimationFrame(asked)];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
