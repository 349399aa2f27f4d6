import { checkbox, element, onChange, rootOf, shape } from "./common.js";

const SIZE = 240; // of a plane, in its own units

/** One query over all keys: scores q·k, the same divided by √D if `scaled`, softmax weights, the weighted sum. */
export function attend(query, keys, values, scaled) {
  const dot = (a, b) => a.reduce((sum, x, d) => sum + x * b[d], 0);
  const scores = keys.map((key) => dot(query, key));
  const logits = scores.map((score) => (scaled ? score / Math.sqrt(query.length) : score));
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  const weights = powers.map((power) => power / sum);
  const output = query.map((_, d) => dot(weights, values.map((value) => value[d])));
  return { scores, logits, weights, output };
}

/** A point of the plane (y upwards, from -reach to reach) on the picture (y downwards, from 0 to SIZE). */
export function onPicture([x, y], reach) {
  return [((x / reach + 1) * SIZE) / 2, ((1 - y / reach) * SIZE) / 2];
}

/** And back, kept inside the plane and rounded to hundredths. */
export function onPlane([x, y], reach) {
  return [(2 * x) / SIZE - 1, 1 - (2 * y) / SIZE].map((share) => inside(share * reach, reach));
}

/** Where an arrow key moves a point; null for any other key. */
export function stepped(key, [x, y], step, reach) {
  const by = { ArrowUp: [0, step], ArrowDown: [0, -step], ArrowLeft: [-step, 0], ArrowRight: [step, 0] }[key];
  return by ? [inside(x + by[0], reach), inside(y + by[1], reach)] : null;
}

function inside(value, reach) {
  return Math.round(100 * Math.min(Math.max(value, -reach), reach)) / 100;
}

const two = (value) => value.toFixed(2).replace("-", "−");
const pair = (point) => `(${point.map(two).join(", ")})`;

/** An empty plane with its axes. */
function makePlane(title) {
  const middle = SIZE / 2;
  const across = shape("line", { class: "axis", x1: 0, x2: SIZE, y1: middle, y2: middle });
  const up = shape("line", { class: "axis", x1: middle, x2: middle, y1: 0, y2: SIZE });
  const svg = shape("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group", "aria-label": title }, across, up);
  return { svg, root: element("figure", {}, element("figcaption", {}, title), svg) };
}

/** A vector in a plane: `place` draws it, and where `onMove` is given, pointer and arrow keys call it. */
function makeVector(plane, kind, name, reach, onMove) {
  const line = shape("line", { x1: SIZE / 2, y1: SIZE / 2 });
  const halo = shape("circle", { class: "halo", r: 0 });
  const tip = shape("circle", { r: 7, tabindex: onMove ? 0 : -1, role: onMove ? "application" : "img" });
  const text = shape("text", {}, name);
  plane.svg.append(shape("g", { class: `vector ${kind} ${onMove ? "movable" : ""}` }, line, halo, tip, text));
  let at = [0, 0];
  const place = (point, size = 0) => {
    at = point;
    const [x, y] = onPicture(point, reach);
    text.setAttribute("text-anchor", x > 0.75 * SIZE ? "end" : "start"); // not beyond the edge
    for (const [node, attributes] of [
      [line, { x2: x, y2: y }],
      [halo, { cx: x, cy: y, r: size }],
      [tip, { cx: x, cy: y, "aria-label": `${kind} ${name} ${pair(point)}${onMove ? "; arrow keys move it" : ""}` }],
      [text, { x: x > 0.75 * SIZE ? x - 10 : x + 10, y: y < 20 ? y + 18 : y - 8 }],
    ]) {
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    }
  };
  if (onMove) {
    tip.addEventListener("pointerdown", (event) => tip.setPointerCapture(event.pointerId));
    tip.addEventListener("pointermove", (event) => {
      if (!tip.hasPointerCapture(event.pointerId)) return;
      const box = plane.svg.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      onMove(onPlane([share[0] * SIZE, share[1] * SIZE], reach), false);
    });
    tip.addEventListener("pointerup", () => onMove(at, true));
    tip.addEventListener("keydown", (event) => {
      const to = stepped(event.key, at, event.shiftKey ? 0.5 : 0.1, reach);
      if (!to) return;
      event.preventDefault();
      onMove(to, true);
    });
  }
  return place;
}

function tableOf(labels, keys, values, scaled, { scores, logits, weights }) {
  const cells = (tag, texts) => texts.map((text) => element(tag, {}, text));
  const bar = (weight) => element("span", { class: "bar", style: `width: ${60 * weight}px` });
  const names = ["token", "key", "q·k", ...(scaled ? ["q·k / √2"] : []), "weight", "value"];
  const rows = labels.map((label, s) => {
    const numbers = cells("td", [pair(keys[s]), two(scores[s]), ...(scaled ? [two(logits[s])] : [])]);
    const weight = element("td", {}, bar(weights[s]), two(weights[s]));
    return element("tr", {}, element("th", {}, label), ...numbers, weight, element("td", {}, pair(values[s])));
  });
  const head = element("thead", {}, element("tr", {}, ...cells("th", names)));
  return element("table", {}, head, element("tbody", {}, ...rows));
}

function render({ model, el }) {
  const root = rootOf("query_key", "Query, keys and values in a plane");
  const board = element("div", { class: "planes" });
  const box = checkbox("Divide the scores by √D (here D = 2)", model.get("scaled"), (checked) => {
    model.set("scaled", checked);
    model.save_changes();
  });
  const help = element("span", { class: "soft" }, "Drag a tip, or reach it with Tab and move it with the arrow keys.");
  const numbers = element("div");
  const output = element("p", { "aria-live": "polite" });
  root.append(element("div", { class: "row" }, box.root, help), board, numbers, output);
  el.append(root);

  let now; // the vectors while they are dragged; the model hears of them at the end
  let places;
  let built; // for which labels and reach
  const read = () => ({
    query: model.get("query"),
    keys: model.get("key_vectors"),
    values: model.get("value_vectors"),
  });
  const save = () => {
    const { query, keys, values } = now;
    model.set("query", query);
    model.set("key_vectors", keys);
    model.set("value_vectors", values);
    model.save_changes();
  };
  const moving = (name, index) => (point, done) => {
    if (index === undefined) now = { ...now, [name]: point };
    else now = { ...now, [name]: now[name].with(index, point) };
    drawVectors();
    if (done) save();
  };

  function build() {
    const [labels, reach] = [model.get("labels"), model.get("reach")];
    const [left, right] = [makePlane("Query and keys"), makePlane("Values and output")];
    places = {
      keys: labels.map((label, s) => makeVector(left, "key", label, reach, moving("keys", s))),
      query: makeVector(left, "query", "query", reach, moving("query")),
      values: labels.map((label, s) => makeVector(right, "value", label, reach, moving("values", s))),
      output: makeVector(right, "output", "output", reach),
    };
    board.replaceChildren(left.root, right.root);
  }
  function drawVectors() {
    const scaled = model.get("scaled");
    const result = attend(now.query, now.keys, now.values, scaled);
    places.query(now.query);
    now.keys.forEach((key, s) => places.keys[s](key, 24 * result.weights[s]));
    now.values.forEach((value, s) => places.values[s](value, 24 * result.weights[s]));
    places.output(result.output);
    numbers.replaceChildren(tableOf(model.get("labels"), now.keys, now.values, scaled, result));
    output.textContent = `Query ${pair(now.query)}. Output = sum of weight × value = ${pair(result.output)}`;
  }
  function draw() {
    now = read();
    box.input.checked = model.get("scaled");
    const wanted = JSON.stringify([model.get("labels"), model.get("reach")]);
    if (wanted !== built) build();
    built = wanted;
    drawVectors();
  }

  const stop = onChange(model, ["query", "key_vectors", "value_vectors", "scaled", "labels", "reach"], draw);
  draw();
  return stop;
}

export default { render };
