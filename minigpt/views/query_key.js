import { checkbox, element, kernelLine, onChange, rootOf, shape } from "./common.js";

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

// Sides of a tip on which its label may stand, the usual one first.
const SIDES = [[1, -1], [1, 0], [1, 1], [-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1]];
const DISTANCES = [9, 24, 40, 56, 72, 88, 104, 120, 136];
const HEIGHT = 15; // of a label

/**
 * Where labels stand, as [middle x, middle y, is it apart from its tip?]: each at the nearest place in the picture where
 * it covers no tip and no other label. Where all is taken, it covers something.
 */
export function labelPlaces(tips, widths) {
  const taken = tips.map(([x, y]) => [x, y, 16, 16]); // middle and size
  const meet = (a, b) => 2 * Math.abs(a[0] - b[0]) < a[2] + b[2] && 2 * Math.abs(a[1] - b[1]) < a[3] + b[3];
  const within = (at, size) => at >= size / 2 && at <= SIZE - size / 2;
  const inPicture = (box) => within(box[0], box[2]) && within(box[1], box[3]);
  const free = (box) => inPicture(box) && !taken.some((other) => meet(box, other));
  return tips.map(([x, y], n) => {
    const beside = (away) => ([right, down]) => {
      const gap = right ? away : 0;
      const [dx, dy] = [right * (gap + widths[n] / 2), down * (away + HEIGHT / 2 - (right ? 4 : 0))];
      return [x + dx, y + dy, widths[n], HEIGHT, away > DISTANCES[0]];
    };
    const places = DISTANCES.flatMap((away) => SIDES.map(beside(away)));
    const box = places.find(free) ?? places.find(inPicture) ?? places[0];
    taken.push(box);
    return [box[0], box[1], box[4]];
  });
}

/** A name as short as a plane has room for. */
export function shortened(name) {
  const letters = Array.from(name.slice(0, 60)); // not within an emoji
  return letters.length > 12 ? `${letters.slice(0, 11).join("")}…` : name;
}

const two = (value) => value.toFixed(2).replace("-", "−");
const pair = (point) => `(${point.map(two).join(", ")})`;

/** An empty plane with its axes. */
function makePlane(title) {
  const middle = SIZE / 2;
  const across = shape("line", { class: "axis", x1: 0, x2: SIZE, y1: middle, y2: middle });
  const up = shape("line", { class: "axis", x1: middle, x2: middle, y1: 0, y2: SIZE });
  const arrows = shape("g", { class: "arrows" });
  const names = shape("g", { class: "names" }); // above all arrows
  const frame = { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group", "aria-label": title };
  const svg = shape("svg", frame, across, up, arrows, names);
  return { svg, arrows, names, root: element("figure", {}, element("figcaption", {}, title), svg), vectors: [] };
}

/** Give the labels of a plane room, and lead a line to each that stands apart from its tip. */
function placeLabels({ vectors }) {
  const tips = vectors.map(({ point }) => point());
  // A view that is not in sight yet measures nothing.
  const widths = vectors.map(({ text }) => text.getComputedTextLength() || 7 * text.textContent.length);
  labelPlaces(tips, widths).forEach(([x, y, apart], n) => {
    const { text, leader } = vectors[n];
    const [tipX, tipY] = tips[n];
    set(text, { x, y });
    set(leader, { x1: tipX, y1: tipY, x2: apart ? x : tipX, y2: apart ? y : tipY });
  });
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

/** A vector in a plane: `place` draws it, and where `onMove` is given, pointer and arrow keys call it. */
function makeVector(plane, kind, name, reach, onMove) {
  const line = shape("line", { x1: SIZE / 2, y1: SIZE / 2 });
  const halo = shape("circle", { class: "halo", r: 0 });
  const tip = shape("circle", { r: 7, tabindex: onMove ? 0 : -1, role: onMove ? "application" : "img" });
  const text = shape("text", {}, shortened(name));
  const leader = shape("line");
  plane.arrows.append(shape("g", { class: `vector ${kind} ${onMove ? "movable" : ""}` }, line, halo, tip));
  plane.arrows.prepend(leader);
  plane.names.append(text);
  plane.vectors.push({ text, leader, point: () => onPicture(at, reach) });
  let at = [0, 0];
  const place = (point, size = 0) => {
    at = point;
    const [x, y] = onPicture(point, reach);
    set(line, { x2: x, y2: y });
    set(halo, { cx: x, cy: y, r: size });
    const what = `${kind} ${name} ${pair(point)}${onMove ? "; arrow keys move it" : ""}`;
    set(tip, { cx: x, cy: y, "aria-label": what });
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
  const bar = (weight) => element("span", { class: "bar", style: `--share: ${weight}` });
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
  const numbers = element("div", { class: "sums" });
  const output = element("p", { "aria-live": "polite" });
  const kernel = kernelLine(model);
  root.append(kernel.root, element("div", { class: "row" }, box.root, help), board, numbers, output);
  el.append(root);

  let now; // the vectors while they are dragged; the model hears of them at the end
  let places;
  let planes;
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
    planes = [left, right];
    board.replaceChildren(left.root, right.root);
  }
  function drawVectors() {
    const scaled = model.get("scaled");
    const result = attend(now.query, now.keys, now.values, scaled);
    places.query(now.query);
    now.keys.forEach((key, s) => places.keys[s](key, 24 * result.weights[s]));
    now.values.forEach((value, s) => places.values[s](value, 24 * result.weights[s]));
    places.output(result.output);
    planes.forEach(placeLabels);
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

  const traits = ["query", "key_vectors", "value_vectors", "scaled", "labels", "reach"];
  const stops = [onChange(model, traits, draw), kernel.stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
