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
const TIME = 350; // milliseconds from one layer to the next

/** Points between two pictures: share 0 is the first, 1 the second. */
export function between(from, to, share) {
  return to.map((value, k) => from[k] + share * (value - from[k]));
}

/** How many other points lie where point n does. */
export function companyOf(points, n) {
  let others = -1;
  for (let k = 0; k < points.length; k += 2) {
    const away = Math.hypot(points[k] - points[2 * n], points[k + 1] - points[2 * n + 1]);
    if (away < 1e-4) others += 1; // the points' distances from their middle are about 1
  }
  return others;
}

/** What a layer's picture and gap say, in words. */
export function layerInWords({ name, n, isOnePoint, share, gap }) {
  const picture = isOnePoint
    ? `All ${n} vectors are the same here: there is no picture to draw.`
    : `The picture keeps ${inPercent(share)} of the variance.`;
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
  const board = makeBoard(label, { points: () => points, paint, isAt: () => looking, look, pick, zooms: false });
  const legend = legendOf(senses, "");
  const viewBox = `0 -14 ${WIDTH + 8} ${HEIGHT + 60}`;
  const title = "The gap at each layer: mean cosine of pairs of the same sense minus that of pairs of different senses";
  const svg = shape("svg", { viewBox, role: "img", "aria-label": title });
  const left = element("div", { class: "board" }, board.root, legend, sentence);
  const caption = element("figcaption", {}, title);
  const right = element("div", { class: "beside" }, element("figure", {}, caption, svg), makeNumbers(model));
  const help =
    "Each layer is drawn on its own two principal axes, turned to lie as close as may be to the layer before, and to " +
    "its own scale. The gap compares layers; distances in two pictures do not.";
  const halves = element("div", { class: "halves" }, left, right);
  root.append(track.root, words, halves, element("p", { class: "soft" }, help));
  el.append(root);

  let shown = model.get("layer"); // the layer that is drawn, or to which points are on their way
  let points = pictures[shown];
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
    const others = companyOf(pictures[shown], looking);
    const company = others ? ` On the same spot: ${others} more; left and right walk over them.` : "";
    sentence.replaceChildren(...sentenceOf(sentences[looking], senses[senseOf[looking]]), company);
  }
  function paint(pen, spots, size) {
    if (!colours) return; // the page has not given the view its place yet
    if (model.get("one_point")[shown]) {
      pen.font = `15px ${colours.font}`;
      pen.fillStyle = colours.ink;
      pen.textAlign = "center";
      pen.fillText("All vectors are the same: no picture to draw.", size[0] / 2, size[1] / 2, size[0] - 20);
      return;
    }
    const { ground, mark } = colours;
    pen.lineWidth = 1;
    const look = { groupOf: (n) => senseOf[n], colourOf: (group) => colours[group], radius: RADIUS, ground };
    drawPoints(pen, spots, size, { ...look, faded: () => false });
    if (looking < 0) return;
    drawRing(pen, spots, looking, RADIUS, mark);
  }
  /** Let the points walk to the picture of another layer. */
  function walkTo(layer) {
    const [from, start] = [points, performance.now()];
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches || model.get("one_point")[shown];
    shown = layer;
    cancelAnimationFrame(frame);
    const step = (now) => {
      const share = isCalm ? 1 : Math.min(Math.max((now - start) / TIME, 0), 1);
      points = share < 1 ? between(from, pictures[layer], share) : pictures[layer];
      board.draw();
      if (share < 1) frame = requestAnimationFrame(step);
    };
    step(start);
  }
  function draw() {
    const layer = model.get("layer");
    track.set(layer);
    const [share, isOnePoint] = [model.get("shares")[layer], model.get("one_point")[layer]];
    const facts = { name: cut(names[layer], 60), n: sentences.length, isOnePoint, share, gap: gaps[layer] };
    words.textContent = layerInWords(facts);
    drawCurve(svg, gaps, layer, choose);
    if (layer !== shown) walkTo(layer);
    drawSentence();
  }
  function dress() {
    const { color, fontFamily } = getComputedStyle(root);
    const [ground, mark] = ["--mg-ground", "--mg-mark"].map((name) => cssValue(root, name));
    colours = { ink: color, font: fontFamily, ground, mark };
    senses.forEach((_, group) => (colours[group] = cssValue(root, colourName(group))));
    board.draw();
  }

  const stop = () => cancelAnimationFrame(frame);
  const stops = [onChange(model, ["layer"], draw), keepDrawn(left, dress), board.stop, stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
