import { pathOf, short, ticksBetween } from "./axes.js";
import { cssValue, element, inDigits, keepDrawn, onChange, rootOf, shape } from "./common.js";
import { showShapes } from "./shapes.js";
import { makeSteps } from "./steps.js";

// Two triangles side by side: a row is a step that writes one token, a column a position.

const [LEFT, TOP, BOTTOM] = [16, 20, 18]; // of a triangle, around its rows
const [GAP_BETWEEN, NARROW] = [24, 480]; // pixels between the triangles, and below which they stand one upon the other
const [CELL, LEAST] = [15, 110]; // the largest side of a cell, and how high a picture of few rows may grow
const AXIS = 52; // left of the curves of seconds
const HIGH = 170; // of their picture

/** How many positions this step computes, steps counted from 1: all so far, or with the cache only what is new. */
export function positionsAt(nPrompt, step, cached) {
  if (step === 0) return 0;
  return cached && step > 1 ? 1 : nPrompt + step - 1;
}

/** How many positions all steps up to this one compute. */
export function totalAt(nPrompt, step, cached) {
  if (step === 0) return 0;
  return cached ? nPrompt + step - 1 : step * nPrompt + (step * (step - 1)) / 2;
}

const whole = (n) => n.toLocaleString("en");

/** The total as a sum over steps: "40 + 41 + … + 139 = 8,950". */
export function sumInWords(nPrompt, step, cached) {
  const parts = Array.from({ length: step }, (_, k) => whole(positionsAt(nPrompt, k + 1, cached)));
  if (step > 4 && cached) parts.splice(1, step - 1, `${whole(step - 1)} · 1`);
  if (step > 4 && !cached) parts.splice(2, step - 3, "…");
  const total = whole(totalAt(nPrompt, step, cached));
  return step > 1 ? `${parts.join(" + ")} = ${total}` : total;
}

/** A size in memory: 387072 -> "378.0 KiB". */
export function inBytes(n) {
  if (n < 1024) return `${n} bytes`;
  const power = Math.min(Math.floor(Math.log2(n) / 10), 3);
  const size = (n / 1024 ** power).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return `${size} ${"KMG"[power - 1]}iB`;
}

export function inTime(seconds) {
  return seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(1000 * seconds).toFixed(1)} ms`;
}

/** What the cache holds after a step: the token that the step writes is not read yet. */
export function memoryInWords({ nPrompt, bytesPerToken }, step) {
  if (step === 0) return "The cache is empty.";
  const n = totalAt(nPrompt, step, true);
  const exact = n * bytesPerToken;
  const product = `${whole(n)} position${n === 1 ? "" : "s"} × ${whole(bytesPerToken)} bytes`;
  return `The cache holds ${product} = ${exact < 1024 ? inBytes(exact) : `${whole(exact)} bytes, ${inBytes(exact)}`}.`;
}

/** A step in a sentence, for whoever does not see the table. */
export function stepInWords({ nPrompt, nNew }, step) {
  const prompt = `the prompt of ${whole(nPrompt)} token${nPrompt === 1 ? "" : "s"}`;
  if (step === 0) return `Nothing is written yet: ${prompt} waits.`;
  if (step === 1) return `Token 1 of ${whole(nNew)}: both ways compute ${prompt}, and the cache keeps it.`;
  const n = whole(nPrompt + step - 1);
  return (
    `Token ${whole(step)} of ${whole(nNew)}: without a cache all ${n} positions are computed anew, with it one. ` +
    `That one looks at the keys and values of all ${n}.`
  );
}

const sumOf = (values, n) => values.slice(0, n).reduce((sum, value) => sum + value, 0);

/** Rows of a table for one step: what is counted or measured, without a cache, with it, and their ratio. */
export function rowsOf(state, step) {
  const { nPrompt, seconds } = state;
  const ways = [false, true];
  const now = ways.map((cached) => positionsAt(nPrompt, step, cached));
  const times = ([a, b]) => (b > 0 ? `${inDigits(a / b)} times` : "");
  const rows = [
    ["positions, this step", ...now.map(whole), times(now)],
    [
      "positions, all steps so far",
      ...ways.map((cached) => sumInWords(nPrompt, step, cached)),
      times(ways.map((cached) => totalAt(nPrompt, step, cached))),
    ],
  ];
  if (!seconds.length) return rows;
  const [took, sofar] = [seconds.map((way) => way[step - 1] ?? 0), seconds.map((way) => sumOf(way, step))];
  rows.push(["time measured, this step", ...took.map(inTime), times(took)]);
  rows.push(["time measured, all steps so far", ...sofar.map(inTime), times(sofar)]);
  return rows;
}

/** All steps as rows: positions both ways now and in all, bytes, and the seconds so far. */
export function tableOf({ nPrompt, nNew, bytesPerToken, seconds }) {
  const steps = Array.from({ length: nNew }, (_, k) => k + 1);
  return steps.map((step) => [
    whole(step),
    ...[false, true].flatMap((cached) => [positionsAt(nPrompt, step, cached), totalAt(nPrompt, step, cached)].map(whole)),
    whole(totalAt(nPrompt, step, true) * bytesPerToken),
    ...seconds.map((way) => inTime(sumOf(way, step))),
  ]);
}

/** Where rows and columns of one triangle stand in a picture of this width. */
export function layoutOf(width, nPrompt, nNew) {
  const columns = nPrompt + nNew - 1;
  const wide = Math.min((width - LEFT - 2) / columns, CELL);
  const high = Math.min(CELL, Math.max(wide, LEAST / nNew));
  return { wide, high, nPrompt, nNew, columns, size: [width, TOP + high * nNew + BOTTOM] };
}

/** The step whose row is at this height of the picture: 1 to nNew. */
export function stepAt({ high, nNew }, y) {
  return Math.min(nNew, Math.max(1, Math.ceil((y - TOP) / high)));
}

/** One triangle after so many steps, as shapes: what is computed is full, what is kept is hatched. */
export function triangleOf(layout, step, cached, colours) {
  const { wide, high, nPrompt, nNew, columns } = layout;
  const boxOf = (row, from, to) => [LEFT + from * wide, TOP + (row - 1) * high, (to - from) * wide, high];
  const rows = Array.from({ length: step }, (_, k) => k + 1);
  const newOf = (row) => positionsAt(nPrompt, row, cached);
  const endOf = (row) => nPrompt + row - 1;
  // Half a pixel higher when painted: rows of a fraction of a pixel would leave seams between them.
  const full = rows.map((row) => boxOf(row, endOf(row) - newOf(row), endOf(row)));
  const kept = rows.filter((row) => newOf(row) < endOf(row)).map((row) => boxOf(row, 0, endOf(row) - newOf(row)));
  const [right, bottom] = [LEFT + columns * wide, TOP + nNew * high];
  const line = (x1, y1, x2, y2, opacity = 1) => [x1, y1, x2, y2, opacity];
  const label = (text, x, y, end = false) => ({ kind: "text", text, x, y, size: 12, colour: colours.ink, end });
  const grid = [];
  if (Math.min(wide, high) >= 5) {
    for (let k = 1; k < columns; k++) grid.push(line(LEFT + k * wide, TOP, LEFT + k * wide, bottom));
    for (let k = 1; k < nNew; k++) grid.push(line(LEFT, TOP + k * high, right, TOP + k * high));
  }
  const edge = LEFT + nPrompt * wide;
  const shapes = [
    { kind: "hatch", boxes: kept, colour: colours.soft, up: true },
    ...full.map(([x, y, w, h]) => ({ kind: "box", box: [x, y, w, h + 0.5], fill: colours.heat })),
    { kind: "lines", lines: grid, colour: colours.ground, thick: 1 },
    { kind: "box", box: [LEFT, TOP, right - LEFT, bottom - TOP], stroke: colours.line, thick: 1 },
    { kind: "lines", lines: [line(edge, TOP - 14, edge, bottom)], colour: colours.soft, thick: 1 },
    label("prompt", Math.max(edge - 4, LEFT + 40), TOP - 8, true),
  ];
  if (right - edge > 50) shapes.push(label("written", Math.max(edge, LEFT + 44) + 4, TOP - 8));
  shapes.push(label(`${whole(columns)} position${columns === 1 ? "" : "s"}`, Math.max(right, LEFT + 72), bottom + 10, true));
  if (step === 0) return shapes;
  const [x, y, , height] = boxOf(step, 0, 1);
  const thick = Math.max(height, 4);
  const now = [x, y + height / 2 - thick / 2, endOf(step) * wide, thick];
  shapes.push({ kind: "box", box: now, stroke: colours.mark, thick: 2 });
  shapes.push({ kind: "text", text: "▶", x: LEFT - 3, y: y + height / 2, size: 12, colour: colours.mark, end: true });
  return shapes;
}

function drawSeconds(svg, seconds, step, width) {
  const sums = seconds.map((way) => way.map(((sum) => (value) => (sum += value))(0)));
  const [last, most] = [sums[0].length, Math.max(...sums.map((way) => way.at(-1)))];
  const x = (n) => AXIS + ((width - AXIS - 8) * n) / last;
  const y = (value) => 8 + (HIGH - 44) * (1 - value / most);
  svg.setAttribute("viewBox", `0 0 ${width} ${HIGH}`);
  const parts = ticksBetween(0, most, 4).flatMap((tick) => [
    shape("line", { class: "grid", x1: AXIS, x2: width - 8, y1: y(tick), y2: y(tick) }),
    shape("text", { x: AXIS - 6, y: y(tick) + 4, "text-anchor": "end" }, `${short(tick)} s`),
  ]);
  for (const tick of ticksBetween(0, last, Math.max(2, width / 110)).filter(Number.isInteger)) {
    parts.push(shape("text", { x: x(tick), y: HIGH - 20, "text-anchor": "middle" }, whole(tick)));
  }
  parts.push(shape("text", { x: (AXIS + width) / 2, y: HIGH - 4, "text-anchor": "middle" }, "tokens written"));
  parts.push(shape("line", { class: "at", x1: x(step), x2: x(step), y1: 4, y2: y(0) }));
  sums.forEach((way, k) => {
    const points = [0, ...way];
    const [xs, ys] = [points.map((_, n) => x(n)), points.map(y)];
    const look = k ? "with" : "without";
    parts.push(shape("path", { class: look, d: pathOf(xs, ys) }), shape("circle", { class: look, cx: x(step), cy: ys[step], r: 4.5 }));
  });
  svg.replaceChildren(...parts);
}

/** Items with a sample of each look. */
function legendOf(looks) {
  const item = ([look, words]) => element("li", {}, element("span", { class: `sample ${look}`, "aria-hidden": true }), words);
  return element("ul", { class: "legend soft" }, ...Object.entries(looks).map(item));
}

function render({ model, el }) {
  const root = rootOf("kv_cache", "Writing with and without a key-value cache");
  const [nPrompt, nNew, bytesPerToken, seconds] = ["n_prompt", "n_new", "bytes_per_token", "seconds"].map((name) => model.get(name));
  const state = { nPrompt, nNew, bytesPerToken, seconds };
  const names = ["Without a cache", "With a cache"];
  const at = () => model.get("step");
  const go = (step) => {
    model.set("step", Math.min(Math.max(step, 0), nNew));
    model.save_changes();
  };
  const pause = Math.max(60, Math.min(900, 12_000 / nNew)); // so that all of it plays in some ten seconds
  const controls = makeSteps({ at, last: () => nNew, go, pause });
  const words = element("p", { class: "words", "aria-live": "polite" });
  let layout = null;
  const canvases = names.map(() => element("canvas", { role: "img", click: (event) => go(stepAt(layout, event.offsetY)) }));
  const figures = canvases.map((canvas, k) => element("figure", {}, element("figcaption", {}, names[k]), canvas));
  const board = element("div", { class: "board", tabindex: 0, role: "application" }, ...figures);
  const looks = { computed: "computed in its step", kept: "kept, read from the cache", now: "this step" };
  const memory = element("p", { class: "memory" });
  const counts = element("table", { class: "counts" });
  const chart = shape("svg", { role: "img", height: HIGH });
  const below = element("div", { class: "seconds" }, element("p", {}, "Time measured, summed over the steps"), chart);
  below.append(legendOf({ without: "without a cache", with: "with a cache" }));
  const body = element("table", { class: "numbers" });
  const numbers = element("details", { toggle: drawNumbers }, element("summary", {}, "All steps, as a table"), element("div", { class: "scroll" }, body));
  const help = "A row is a step, a column a position. Click a row, or walk with the arrow keys; Page Up and Page Down go ten steps, Space plays.";
  root.append(controls.root, words, legendOf(looks), board, memory, element("div", { class: "scroll" }, counts));
  root.append(...(seconds.length ? [below] : []), numbers, element("p", { class: "soft" }, help));
  el.append(root);

  const lineOf = (tag, cells) => element("tr", {}, ...cells.map((cell, k) => element(k ? tag : "th", {}, cell)));
  function drawNumbers() {
    if (!numbers.open) return body.replaceChildren();
    const ways = ["without", "with"];
    const head = ["token", ...ways.flatMap((way) => [`positions ${way}`, `so far ${way}`]), "bytes in the cache"];
    head.push(...(seconds.length ? ways.map((way) => `time so far ${way}`) : []));
    body.replaceChildren(lineOf("th", head), ...tableOf(state).map((cells) => lineOf("td", cells)));
  }
  function drawBoard() {
    const room = board.clientWidth;
    if (!room) return;
    const isNarrow = room < NARROW;
    layout = layoutOf(isNarrow ? room : (room - GAP_BETWEEN) / 2, nPrompt, nNew);
    const names = { heat: "--mg-heat", mark: "--mg-mark", line: "--mg-line", ground: "--mg-ground", ink: "--mg-ink", soft: "--mg-soft" };
    const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, cssValue(root, name)]));
    canvases.forEach((canvas, k) => {
      showShapes(canvas, triangleOf(layout, at(), k === 1, colours), layout.size, getComputedStyle(root).fontFamily);
    });
    if (seconds.length) drawSeconds(chart, seconds, at(), Math.min(room, 900));
  }
  function draw() {
    const step = at();
    controls.draw();
    words.textContent = stepInWords(state, step);
    memory.textContent = memoryInWords(state, step);
    counts.replaceChildren(
      lineOf("th", ["", ...names, "ratio"]),
      ...rowsOf(state, step).map((cells) => lineOf("td", cells)),
    );
    canvases.forEach((canvas, k) => {
      canvas.setAttribute("aria-label", `${names[k]}: ${whole(totalAt(nPrompt, step, k === 1))} positions computed in ${whole(step)} steps`);
    });
    board.setAttribute("aria-label", `Step ${step} of ${nNew}; arrow keys go on and back`);
    chart.setAttribute("aria-label", seconds.map((way, k) => `${names[k]} ${inTime(sumOf(way, step))}`).join(", "));
    drawBoard();
  }
  board.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -nNew, End: nNew };
    if (event.key === " ") controls.play();
    else if (event.key in by) go(at() + by[event.key]);
    else return;
    event.preventDefault();
  });

  draw();
  const stops = [onChange(model, ["step"], draw), keepDrawn(board, drawBoard), controls.stop];
  return () => stops.forEach((stop) => stop());
}

export default { render };
