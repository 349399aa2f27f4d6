import { drawBars, element, inDigits, kernelLine, onChange, rootOf, shape, slider } from "./common.js";
import { logAxis, ticksOf } from "./log_axis.js";

const [WIDTH, HEIGHT, LEFT] = [360, 180, 44]; // of the picture with the curves
const PATIENCE = 300; // milliseconds without a key before the context is sent

/** How the perplexities at n compare, in words. */
export function comparison(curves, n) {
  const k = curves.n.indexOf(n);
  const [train, held] = [curves.train[k], curves.held_out[k]];
  const gap = `${inDigits(held / train)} times as high`;
  return `n = ${n}: perplexity ${inDigits(train)} on the training text, ${inDigits(held)} on held-out text, ${gap}.`;
}

function drawCurves(svg, curves, n) {
  const all = [...curves.train, ...curves.held_out, ...(curves.floor === null ? [] : [curves.floor])];
  const [low, high] = [Math.min(...all) * 0.9, Math.max(...all) * 1.1];
  const y = logAxis(low, high, HEIGHT);
  const step = (WIDTH - LEFT) / curves.n.length;
  const x = (k) => LEFT + (k + 0.5) * step;
  const grid = ticksOf(low, high).flatMap((tick) => [
    shape("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(tick), y2: y(tick) }),
    shape("text", { x: LEFT - 4, y: y(tick) + 4, "text-anchor": "end" }, tick.toLocaleString("en")),
  ]);
  const now = shape("rect", { class: "now", x: x(curves.n.indexOf(n)) - step / 2, y: 0, width: step, height: HEIGHT });
  const name = (one, k) => shape("text", { x: x(k), y: HEIGHT + 16, "text-anchor": "middle" }, String(one));
  const line = (kind) => {
    const points = curves[kind].map((value, k) => [x(k), y(value)]);
    const dot = ([cx, cy]) =>
      kind === "train"
        ? shape("circle", { class: kind, cx, cy, r: 4 })
        : shape("rect", { class: kind, x: cx - 4, y: cy - 4, width: 8, height: 8 });
    const path = points.map((point) => point.join()).join(" ");
    return [shape("polyline", { class: kind, points: path }), ...points.map(dot)];
  };
  const legend = [
    shape("circle", { class: "train", cx: LEFT + 10, cy: HEIGHT + 36, r: 4 }),
    shape("text", { x: LEFT + 20, y: HEIGHT + 40 }, "training text"),
    shape("rect", { class: "held_out", x: LEFT + 126, y: HEIGHT + 32, width: 8, height: 8 }),
    shape("text", { x: LEFT + 140, y: HEIGHT + 40 }, "held-out text"),
  ];
  const floor = [];
  if (curves.floor !== null) {
    const at = y(curves.floor);
    floor.push(shape("line", { class: "floor", x1: LEFT, x2: WIDTH, y1: at, y2: at }));
    floor.push(shape("text", { x: WIDTH, y: at - 4, "text-anchor": "end" }, `floor ${inDigits(curves.floor)}`));
  }
  svg.replaceChildren(now, ...grid, ...floor, ...curves.n.map(name), ...line("held_out"), ...line("train"), ...legend);
}

function render({ model, el }) {
  const root = rootOf("ngrams", "N-gram language model");
  const [live, curves] = [model.get("live"), model.get("curves")];
  const limits = { min: 0, max: curves.n.length - 1, step: 1, value: curves.n.indexOf(model.get("n")) };
  const track = slider("n", limits, (k) => setN(curves.n[k]), (k) => `n = ${curves.n[k]}`);
  const context = element("input", { type: "text", disabled: !live, maxlength: 500, spellcheck: "false" });
  const again = element("button", { type: "button", disabled: !live, click: drawAgain }, "Another sample");
  const kernel = kernelLine(model, () => {
    for (const input of [track.input, context, again]) input.disabled = true;
  });
  const needs = live ? "" : "Another context or sample needs a running kernel.";
  const used = element("p", {});
  const bars = element("ol", { "aria-label": "Likeliest next tokens" });
  const more = element("p", { class: "soft" });
  const sample = element("div", { class: "sample" });
  const words = element("p", { "aria-live": "polite" });
  const error = element("p", { class: "error", role: "alert" });
  const viewBox = `0 -8 ${WIDTH} ${HEIGHT + 56}`;
  const svg = shape("svg", { viewBox, role: "img", "aria-label": "Perplexity for each n, on a logarithmic scale" });
  const left = element("div", {}, used, bars, more, element("div", { class: "row" }, again), sample);
  const right = element("div", {}, svg, words);
  root.append(track.root, element("label", { class: "context" }, "Context", context), kernel.root, error);
  root.append(element("div", { class: "halves" }, left, right), element("p", { class: "soft" }, needs));
  el.append(root);

  let timer;
  context.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      model.set("context", context.value);
      model.save_changes();
    }, PATIENCE);
  });
  function setN(n) {
    model.set("n", n);
    if (!live) model.set("result", model.get("answers")[n]);
    model.save_changes();
  }
  function drawAgain() {
    model.set("draws", model.get("draws") + 1);
    model.save_changes();
  }
  function draw() {
    const [n, result] = [model.get("n"), model.get("result")];
    track.set(curves.n.indexOf(n));
    if (document.activeElement !== context) context.value = model.get("context");
    const seen = result.used ? `It looks at “${result.used}”. ` : "";
    used.textContent = `${seen}${result.note}`;
    drawBars(bars, result.next.map(([label, share]) => ({ label, share })));
    more.textContent = result.more > 0 ? `and ${result.more.toLocaleString("en")} more` : "";
    sample.textContent = result.sample;
    again.hidden = result.sample === "";
    words.textContent = comparison(curves, n);
    error.textContent = model.get("error");
    drawCurves(svg, curves, n);
  }

  const stops = [onChange(model, ["n", "context", "result", "error"], draw), kernel.stop, () => clearTimeout(timer)];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
