import { makeBoard } from "./board.js";
import {
  bytesOf,
  cssValue,
  element,
  inDigits,
  inPercent,
  keepDrawn,
  onChange,
  rootOf,
  shape,
  slider,
} from "./common.js";
import { colourName, cut, drawPoints, drawRing, legendOf, roundTicks } from "./scatter.js";

const [WIDTH, HEIGHT, LEFT] = [360, 170, 48]; // of the picture with the curve
const RADIUS = 7; // of a point
const WIDEST = 30; // radius of a ring of points that share a spot
const TIME = 350; // milliseconds from one layer to the next

/** Points between two pictures: share 0 is the first, 1 the second. */
export function between(from, to, share) {
  return to.map((value, k) => from[k] + share * (value - from[k]));
}

/** The points on each spot of a picture, by number, those of one sense together. */
export function spotsIn(points, senseOf) {
  const spots = [];
  for (let n = 0; n < points.length / 2; n++) {
    const away = (other) => Math.hypot(points[2 * n] - points[2 * other], points[2 * n + 1] - points[2 * other + 1]);
    const spot = spots.find(([first]) => away(first) < 1e-4); // the points' distances from their middle are about 1
    if (spot) spot.push(n);
    else spots.push([n]);
  }
  return spots.map((spot) => spot.sort((a, b) => senseOf[a] - senseOf[b] || a - b));
}

/** Radius of the ring in which n points of one spot stand side by side, in pixels; 0 for one. */
export function ringRadius(n) {
  return n < 2 ? 0 : Math.min((1.1 * RADIUS) / Math.sin(Math.PI / n), WIDEST);
}

/** By how many pixels each point steps aside into the ring of its spot: [x, y, x, y, …]. */
export function shiftsOf(spots, n) {
  const shifts = new Float64Array(2 * n);
  for (const spot of spots.filter((members) => members.length > 1)) {
    spot.forEach((point, k) => {
      const [radius, turn] = [ringRadius(spot.length), (2 * Math.PI * k) / spot.length];
      shifts[2 * point] = radius * Math.sin(turn);
      shifts[2 * point + 1] = -radius * Math.cos(turn);
    });
  }
  return shifts;
}

/** How many points share a spot, in words; "" where each has its own. */
export function sharedInWords(spots, senseOf) {
  const n = spots.flat().length;
  if (spots.length === n) return "";
  const mixed = spots.filter((spot) => new Set(spot.map((point) => senseOf[point])).size > 1).length;
  const [few, holds] = [spots.length === 1 ? "spot" : "spots", mixed > 1 ? "hold" : "holds"];
  return ` The ${n} sentences lie on ${spots.length} ${few}; ${mixed || "none"} of them ${holds} more than one sense.`;
}

/** What a layer's picture and gap say, in words. */
export function layerInWords({ name, n, isOnePoint, share, gap, shared }) {
  const picture = isOnePoint
    ? `All ${n} vectors are the same here: there is no picture to draw.`
    : `The picture keeps ${inPercent(share)} of the variance.${shared}`;
  return `After ${name}: the gap is ${inDigits(gap)}. ${picture}`;
}

/** The curve of the gap: [x, y] of each layer in the picture, the height of 0, and the ticks as [value, height]. */
export function curveOf(gaps) {
  const [low, high] = [Math.min(0, ...gaps), Math.max(0, ...gaps)];
  const span = high - low || 1;
  const y = (value) => HEIGHT - ((value - low) / span) * HEIGHT;
  const step = (WIDTH - LEFT) / gaps.length;
  const at = gaps.map((gap, layer) => [LEFT + (layer + 0.5) * step, y(gap)]);
  return { at, zero: y(0), step, ticks: roundTicks(low, high).map((tick) => [tick, y(tick)]) };
}

function drawCurve(svg, gaps, layer, choose) {
  const { at, zero, step, ticks } = curveOf(gaps);
  const grid = ticks.flatMap(([tick, y]) => [
    shape("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y }),
    shape("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, String(tick).replace("-", "−")),
  ]);
  const band = (k) => ({ x: LEFT + k * step, y: -8, width: step, height: HEIGHT + 30 });
  const now = shape("rect", { class: "now", ...band(layer) });
  const line = shape("polyline", { points: at.map((point) => point.join()).join(" ") });
  const dot = ([cx, cy], k) => shape("circle", k === layer ? { class: "chosen", cx, cy, r: 7 } : { cx, cy, r: 4 });
  const under = (x, y, text) => shape("text", { x, y, "text-anchor": "middle" }, text);
  const every = Math.ceil(gaps.length / 13);
  const names = at.flatMap(([x], k) => (k % every ? [] : [under(x, HEIGHT + 18, String(k))]));
  const touch = at.map((_, k) => shape("rect", { class: "touch", ...band(k), click: () => choose(k) }));
  const axis = under((LEFT + WIDTH) / 2, HEIGHT + 38, "layer");
  const level = shape("line", { class: "zero", x1: LEFT, x2: WIDTH, y1: zero, y2: zero });
  svg.replaceChildren(now, ...grid, level, line, ...at.map(dot), ...names, axis, ...touch);
}

/** A circle around the points of each spot that several share; the middle of their ring is the spot. */
function drawCircles(pen, at, spots, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  for (const spot of spots.filter((members) => members.length > 1)) {
    const middle = [0, 1].map((k) => spot.reduce((sum, n) => sum + at[2 * n + k], 0) / spot.length);
    pen.beginPath();
    pen.arc(...middle, ringRadius(spot.length) + RADIUS + 4, 0, 2 * Math.PI);
    pen.stroke();
  }
}

/** All numbers as a table, folded away. */
function makeNumbers(model) {
  const cells = (tag, texts) => texts.map((text) => element(tag, {}, text));
  const [shares, gaps, onePoint] = ["shares", "gaps", "one_point"].map((name) => model.get(name));
  const row = (name, k) => {
    const kept = onePoint[k] ? "all the same" : inPercent(shares[k]);
    return element("tr", {}, ...cells("td", [String(k), cut(name, 40), kept, inDigits(gaps[k])]));
  };
  const head = element("tr", {}, ...cells("th", ["layer", "after", "variance kept", "gap"]));
  const rows = model.get("names").map(row);
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("details", {}, element("summary", {}, "The numbers, as a table"), table);
}

/** A sentence with its word marked, and the sense. */
function sentenceOf([before, word, after], sense) {
  const text = element("bdi", { dir: "auto" }, cut(before, 400), element("mark", {}, cut(word, 60)), cut(after, 400));
  return [text, ` (${cut(sense, 40)})`];
}

function render({ model, el }) {
  const word = cut(model.get("word"), 40);
  const root = rootOf("sense_slider", `Senses of ${word} by layer`);
  const traits = ["names", "sentences", "senses", "sense_of", "gaps"];
  const [names, sentences, senses, senseOf, gaps] = traits.map((name) => model.get(name));
  const all = new Float32Array(bytesOf(model.get("positions")).slice().buffer);
  const size = 2 * sentences.length;
  const pictures = names.map((_, layer) => all.subarray(layer * size, (layer + 1) * size));
  const isOnePoint = model.get("one_point");
  const spotsAt = pictures.map((picture, layer) => (isOnePoint[layer] ? [] : spotsIn(picture, senseOf)));
  const shiftsAt = spotsAt.map((spots) => shiftsOf(spots, sentences.length));
  const widest = ringRadius(Math.max(...spotsAt.flat().map((spot) => spot.length), 1));
  const choose = (layer) => {
    model.set("layer", layer);
    model.save_changes();
  };
  const limits = { min: 0, max: names.length - 1, step: 1, value: model.get("layer") };
  const track = slider("layer", limits, choose, (layer) => `${layer}: ${cut(names[layer], 24)}`);
  const words = element("p", { class: "words", "aria-live": "polite" });
  const sentence = element("p", { class: "sentence", "aria-live": "polite" });
  const label =
    `Vectors of ${word}, a point for each sentence. Arrow keys go to the nearest point in that direction, Escape ` +
    "frees it.";
  const pick = (n) => look(n, true);
  const still = { zooms: false, margin: 28 + widest };
  const place = { points: () => points, shifts: () => shifts, isAt: () => looking };
  const board = makeBoard(label, { ...place, paint, look, pick, ...still });
  const legend = legendOf(senses, "");
  const viewBox = `0 -14 ${WIDTH + 8} ${HEIGHT + 60}`;
  const title = "The gap at each layer: mean cosine of pairs of the same sense minus that of pairs of different senses";
  const svg = shape("svg", { viewBox, role: "img", "aria-label": title });
  const left = element("div", { class: "board" }, board.root, legend, sentence);
  const caption = element("figcaption", {}, title);
  const right = element("div", { class: "beside" }, element("figure", {}, caption, svg), makeNumbers(model));
  const help =
    "Each layer is drawn on its own two principal axes, turned to lie as close as may be to the layer before, and to " +
    "its own scale: distances in two pictures cannot be compared. Points on one and the same spot stand side by side " +
    "within a circle. The gap is measured in all dimensions; its size also depends on how alike all uses are there.";
  const halves = element("div", { class: "halves" }, left, right);
  root.append(track.root, words, halves, element("p", { class: "soft" }, help));
  el.append(root);

  let shown = model.get("layer"); // the layer that is drawn, or to which points are on their way
  let points = pictures[shown];
  let shifts = shiftsAt[shown];
  let looking = -1;
  let colours;
  let frame = 0;

  function look(n, byKeys) {
    if (n === looking || (n < 0 && !byKeys)) return; // the last sentence stays while the pointer goes to the slider
    looking = n;
    drawSentence();
    board.soon();
  }
  function drawSentence() {
    if (looking < 0) {
      sentence.textContent = "Point at a point, or walk with the arrow keys, to read its sentence.";
      return;
    }
    const others = (spotsAt[shown].find((spot) => spot.includes(looking))?.length ?? 1) - 1;
    const company = others ? ` On the same spot: ${others} more, in its circle.` : "";
    sentence.replaceChildren(...sentenceOf(sentences[looking], senses[senseOf[looking]]), company);
  }
  function paint(pen, spots, size) {
    if (!colours) return; // the page has not given the view its place yet
    if (isOnePoint[shown]) {
      pen.font = `15px ${colours.font}`;
      pen.fillStyle = colours.ink;
      pen.textAlign = "center";
      pen.fillText("All vectors are the same: no picture to draw.", size[0] / 2, size[1] / 2, size[0] - 20);
      return;
    }
    const { ground, mark } = colours;
    if (points === pictures[shown]) drawCircles(pen, spots, spotsAt[shown], colours.soft);
    pen.lineWidth = 1;
    const look = { groupOf: (n) => senseOf[n], colourOf: (group) => colours[group], radius: RADIUS, ground };
    drawPoints(pen, spots, size, { ...look, faded: () => false });
    if (looking < 0) return;
    drawRing(pen, spots, looking, RADIUS, mark);
  }
  /** Let the points walk to the picture of another layer. */
  function walkTo(layer) {
    const [from, aside, start] = [points, shifts, performance.now()];
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches || isOnePoint[shown];
    shown = layer;
    cancelAnimationFrame(frame);
    const step = (now) => {
      const share = isCalm ? 1 : Math.min(Math.max((now - start) / TIME, 0), 1);
      points = share < 1 ? between(from, pictures[layer], share) : pictures[layer];
      shifts = share < 1 ? between(aside, shiftsAt[layer], share) : shiftsAt[layer];
      board.draw();
      if (share < 1) frame = requestAnimationFrame(step);
    };
    step(start);
  }
  function draw() {
    const layer = model.get("layer");
    track.set(layer);
    const facts = { name: cut(names[layer], 60), n: sentences.length, share: model.get("shares")[layer] };
    const shared = sharedInWords(spotsAt[layer], senseOf);
    words.textContent = layerInWords({ ...facts, isOnePoint: isOnePoint[layer], gap: gaps[layer], shared });
    drawCurve(svg, gaps, layer, choose);
    if (layer !== shown) walkTo(layer);
    drawSentence();
  }
  function dress() {
    const { color, fontFamily } = getComputedStyle(root);
    const [ground, mark, soft] = ["--mg-ground", "--mg-mark", "--mg-soft"].map((name) => cssValue(root, name));
    colours = { ink: color, font: fontFamily, ground, mark, soft };
    senses.forEach((_, group) => (colours[group] = cssValue(root, colourName(group))));
    board.draw();
  }

  const stop = () => cancelAnimationFrame(frame);
  const stops = [onChange(model, ["layer"], draw), keepDrawn(left, dress), board.stop, stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
