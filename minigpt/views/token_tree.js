import { element, inPercent, keepDrawn, kernelLine, onChange, rootOf, shape, slider } from "./common.js";

// The tree of next tokens, from left to right: the path so far, each of its tokens among those that it was chosen from,
// and at its end the branches that are open, with the first of what follows each.

const [WIDE, HIGH] = [172, 27]; // of a place in the tree
const [BOX, TALL] = [128, 22]; // of the box in it
const [ROOT, GAP] = [28, 44]; // the box of the beginning, and what is between it and the first branches
const AHEAD = 3; // branches of an open branch
const STOPS = [1, 2, 3, 5, 10, 20, 40, 100, 200, 500, 0]; // of the top-k slider; 0: all

export const keyOf = (way) => way.join(",");

/** A label as it is drawn: a space is seen, for it tells “ a” from “a”. */
export function seen(label) {
  return label.replaceAll(" ", "␣");
}

/** The same, as short as a box has room for. */
export function inBox(label) {
  const letters = Array.from(seen(label.slice(0, 40))); // not within an emoji
  return letters.length > 10 ? `${letters.slice(0, 9).join("")}…` : letters.join("");
}

/** The row of the last token of a way: [token, label, p, q]; undefined where nobody has asked. */
export function rowOf(answers, way) {
  return answers[keyOf(way.slice(0, -1))]?.rows.find(([token]) => token === way.at(-1));
}

/** As much of a path as has answers: the rest is still on its way. */
export function knownOf(answers, path) {
  let n = 0;
  while (n < path.length && rowOf(answers, path.slice(0, n + 1)) && answers[keyOf(path.slice(0, n + 1))]) n++;
  return path.slice(0, n);
}

/** The likeliest way of n tokens, as far as it has answers. */
export function greedyOf(answers, n) {
  const way = [];
  while (way.length < n && answers[keyOf(way)]?.rows.length) way.push(answers[keyOf(way)].rows[0][0]);
  return way;
}

/** log P of a way in the model, in nats: the sum over its tokens. */
export function logProbOf(answers, way) {
  return way.reduce((sum, _, n) => sum + Math.log(rowOf(answers, way.slice(0, n + 1))[2]), 0);
}

/** The labels of a way's tokens. */
export function labelsOf(answers, way) {
  return way.map((_, n) => rowOf(answers, way.slice(0, n + 1))[1]);
}

/**
 * All boxes: { way, label, p, q, column, y, kind }, parents first, and the height of all in rows. The kind is "path",
 * "past" (not taken), "open" (may be taken) or "ahead" (follows an open one). The root has an empty way.
 */
export function layoutOf(answers, path) {
  const rowsAt = (way) => answers[keyOf(way)]?.rows ?? [];
  const open = rowsAt(path).map(([token]) => rowsAt([...path, token]).slice(0, AHEAD));
  const sizes = open.map((rows) => Math.max(rows.length, 1));
  const past = path.map((_, n) => rowsAt(path.slice(0, n)).length);
  const height = Math.max(1, ...past, sizes.reduce((sum, size) => sum + size, 0));
  const boxes = [{ way: [], label: "", p: 1, q: 1, column: 0, y: (height - 1) / 2, kind: "path" }];
  const add = (way, [token, label, p, q], y, kind) =>
    boxes.push({ way: [...way, token], label, p, q, column: way.length + 1, y, kind });
  path.forEach((token, n) => {
    const way = path.slice(0, n);
    rowsAt(way).forEach((row, k) => add(way, row, (height - past[n]) / 2 + k, row[0] === token ? "path" : "past"));
  });
  let top = (height - sizes.reduce((sum, size) => sum + size, 0)) / 2;
  rowsAt(path).forEach((row, k) => {
    add(path, row, top + (sizes[k] - 1) / 2, "open");
    open[k].forEach((one, j) => add([...path, row[0]], one, top + j, "ahead"));
    top += sizes[k];
  });
  return { boxes, height };
}

/** Where an arrow key leads from the box of a way; from none to the first open branch. */
export function walked(boxes, key, way, path) {
  const isAt = (box, other) => keyOf(box.way) === keyOf(other);
  const childOf = (parent) => boxes.find((box) => box.way.length === parent.length + 1 && isAt({ way: box.way.slice(0, -1) }, parent));
  if (!way) return childOf(path)?.way ?? path;
  if (key === "ArrowLeft") return way.length ? way.slice(0, -1) : way;
  if (key === "ArrowRight") {
    const onPath = path.length > way.length && isAt({ way: path.slice(0, way.length) }, way);
    return onPath ? path.slice(0, way.length + 1) : (childOf(way)?.way ?? way);
  }
  const column = boxes.filter((box) => box.way.length === way.length).sort((a, b) => a.y - b.y);
  const at = column.findIndex((box) => isAt(box, way)) + (key === "ArrowDown" ? 1 : -1);
  return (column[at] ?? { way }).way;
}

const minus = (value) => value.toFixed(2).replace("-", "−");

/** What one branch is, in words. */
export function branchInWords({ p, q }, isChanged) {
  const before = `${inPercent(p)} in the model`;
  if (!isChanged) return `${before}, log-probability ${minus(Math.log(p))}.`;
  return q > 0 ? `${before}, ${inPercent(q)} with temperature and cuts.` : `${before}, cut: it cannot be drawn.`;
}

/** How likely the path is, beside the greedy one of the same length. */
export function pathInWords(answers, path) {
  if (!path.length) return "Nothing is chosen yet: pick a branch.";
  const total = logProbOf(answers, path);
  const mine = `Your path: log-probability ${minus(total)}, ${minus(total / path.length)} a token.`;
  const greedy = greedyOf(answers, path.length);
  if (keyOf(greedy) === keyOf(path)) return `${mine} It is the greedy path.`;
  const best = logProbOf(answers, greedy);
  const length = greedy.length < path.length ? `, which ends after ${greedy.length}` : "";
  return `${mine} The greedy path${length}, “${labelsOf(answers, greedy).join("")}”: ${minus(best)}, ${minus(best / greedy.length)} a token.`;
}

/** What can be drawn at the end of the path, in words. */
export function cutInWords({ rows, kept, of, held, note }) {
  if (!rows.length) return note || "Nothing follows here.";
  if (kept === of) return `All ${of.toLocaleString("en")} tokens can be drawn here.`;
  const count = `${kept.toLocaleString("en")} of ${of.toLocaleString("en")} tokens can be drawn here`;
  return `${count}; in the model ${kept === 1 ? "it has" : "they have"} ${inPercent(held)}.`;
}

const leftOf = (column) => (column ? ROOT + GAP + (column - 1) * WIDE : 0) + 4;
const placeOf = ({ column, y }) => [leftOf(column), y * HIGH + HIGH / 2];

function edgeOf(from, to) {
  const [[x1, y1], [x2, y2]] = [placeOf(from), placeOf(to)];
  const start = x1 + (from.column ? BOX : ROOT);
  const half = (start + x2) / 2;
  const d = `M${start} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}`;
  const look = to.q > 0 ? to.kind : `${to.kind} cut`;
  return shape("path", { class: `edge ${look}`, d, style: `stroke-width: ${to.q > 0 ? 0.8 + 9 * to.q : 1}` });
}

function boxOf(box, isChosen, click) {
  const [x, y] = placeOf(box);
  const look = `node ${box.kind}${box.q > 0 ? "" : " cut"}${isChosen ? " chosen" : ""}`;
  const isRoot = !box.way.length;
  const rect = shape("rect", { x, y: y - TALL / 2, width: isRoot ? ROOT : BOX, height: TALL, rx: 5 });
  if (isRoot) return shape("g", { class: look, click }, rect, shape("text", { x: x + 9, y: y + 4 }, "…"));
  const label = shape("text", { class: "label", x: x + 7, y: y + 4 }, inBox(box.label));
  const share = shape("text", { class: "share", x: x + BOX - 7, y: y + 4 }, box.q > 0 ? inPercent(box.q) : "cut");
  return shape("g", { class: look, click }, rect, label, share);
}

/** Squeeze labels that are wider than their place, such as emoji. */
function fitLabels(svg) {
  for (const text of svg.querySelectorAll(".label")) {
    if (text.getComputedTextLength() <= BOX - 62) continue;
    text.setAttribute("textLength", BOX - 62);
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

/** Sliders for temperature, top-k and top-p. */
function makeRule(get, set) {
  const kWords = (place) => (STOPS[place] ? String(STOPS[place]) : "all");
  const near = (k) => (k === 0 ? STOPS.length - 1 : STOPS.findIndex((stop) => stop >= k || stop === 0));
  const all = {
    temperature: slider("temperature", { min: 0, max: 2, step: 0.1 }, (t) => set({ temperature: t }), (t) => t.toFixed(1)),
    top_k: slider("top-k", { min: 0, max: STOPS.length - 1 }, (at) => set({ top_k: STOPS[at] }), kWords),
    top_p: slider("top-p", { min: 0.05, max: 1, step: 0.05 }, (p) => set({ top_p: p }), (p) => (p >= 1 ? "all" : p.toFixed(2))),
  };
  const sliders = Object.values(all);
  const root = element("div", { class: "rule" }, ...sliders.map((one) => one.root));
  const draw = () => Object.entries(all).forEach(([name, one]) => one.set(name === "top_k" ? near(get(name)) : get(name)));
  return { root, draw, disable: () => sliders.forEach(({ input }) => (input.disabled = true)) };
}

function render({ model, el }) {
  const root = rootOf("token_tree", "The tree of next tokens");
  const get = (name) => model.get(name);
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  let alive = get("live");
  let cursor = null; // the way of the box that keys walk from
  const rule = makeRule(get, set);
  const kernel = kernelLine(model, () => {
    alive = false;
    rule.disable();
  });
  const error = element("p", { class: "error", role: "status" });
  const text = element("p", { class: "written", dir: "auto", "aria-label": "The text so far" });
  const button = (name, click) => element("button", { type: "button", click }, name);
  const back = button("Back", () => goTo(path().slice(0, -1)));
  const start = button("To the beginning", () => goTo([]));
  const likeliest = button("Take the likeliest", () => goTo([...path(), get("answers")[keyOf(path())].rows[0][0]]));
  const buttons = element("div", { class: "row" }, likeliest, back, start);
  const svg = shape("svg", { tabindex: 0, role: "application" });
  const scroll = element("div", { class: "scroll" }, svg);
  const words = element("p", { class: "words", "aria-live": "polite" });
  const likely = element("p", { class: "likely" });
  const help =
    "Click a branch to go there, or walk with the arrow keys and press Enter; Backspace goes back, Home to the beginning. " +
    "A line is as thick as its token is likely; ␣ is a space, ⏎ a new line, \\x… a byte that is no letter by itself.";
  root.append(rule.root, kernel.root, error, text, buttons, scroll, words, likely, element("p", { class: "soft" }, help));
  el.append(root);

  const path = () => knownOf(get("answers"), get("path"));
  function goTo(way) {
    cursor = null;
    const isKnown = keyOf(way) in get("answers");
    if (!isKnown && !alive) return say("Here the stored tree ends: with a running kernel it goes on.");
    set({ path: way });
    draw();
  }
  function say(what) {
    words.textContent = what;
  }
  function drawTree({ boxes, height }) {
    const byKey = new Map(boxes.map((box) => [keyOf(box.way), box]));
    const parents = boxes.filter((box) => box.way.length).map((box) => [byKey.get(keyOf(box.way.slice(0, -1))), box]);
    const isChosen = (box) => cursor !== null && keyOf(box.way) === keyOf(cursor);
    const width = leftOf(Math.max(...boxes.map(({ column }) => column))) + BOX + 8;
    svg.setAttribute("width", width);
    svg.setAttribute("height", height * HIGH);
    svg.setAttribute("aria-label", `The tree of next tokens after ${path().length} chosen ones; arrow keys walk over it, Enter chooses`);
    svg.replaceChildren(...parents.map((pair) => edgeOf(...pair)));
    svg.append(...boxes.map((box) => boxOf(box, isChosen(box), () => goTo(box.way))));
    fitLabels(svg);
  }
  function drawText(answers, way) {
    const chips = labelsOf(answers, way).map((label) => element("span", { class: "chip" }, label));
    text.replaceChildren(get("prompt"), ...chips);
  }
  function bringIntoSight(column) {
    const [left, right, room] = [leftOf(column) - 4, leftOf(column) + BOX + 8, scroll.clientWidth];
    if (right > scroll.scrollLeft + room) scroll.scrollLeft = right - room;
    if (left < scroll.scrollLeft) scroll.scrollLeft = left;
  }
  function draw() {
    const [answers, way] = [get("answers"), path()];
    if (!answers[""]) return;
    rule.root.hidden = !get("live");
    rule.draw();
    error.textContent = get("error");
    const tree = layoutOf(answers, way);
    const here = answers[keyOf(way)];
    drawText(answers, way);
    back.disabled = start.disabled = !way.length;
    likeliest.disabled = !here.rows.length;
    drawTree(tree);
    const box = cursor && tree.boxes.find((one) => keyOf(one.way) === keyOf(cursor));
    const isChanged = get("temperature") !== 1 || get("top_k") > 0 || get("top_p") < 1;
    if (box?.way.length) words.replaceChildren(element("bdi", {}, `“${seen(box.label)}”: `), branchInWords(box, isChanged));
    else say(cutInWords(here));
    likely.textContent = pathInWords(answers, way);
    bringIntoSight(box ? box.column : Math.max(...tree.boxes.map(({ column }) => column)));
  }
  svg.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key.startsWith("Arrow")) {
      cursor = walked(layoutOf(get("answers"), path()).boxes, key, cursor, path());
      draw();
    } else if (key === "Enter" || key === " ") {
      if (cursor) goTo(cursor);
    } else if (key === "Backspace") goTo(path().slice(0, -1));
    else if (key === "Home") goTo([]);
    else if (key === "Escape") {
      cursor = null;
      draw();
    } else return;
    event.preventDefault();
  });

  const stops = [onChange(model, ["version", "path", "error"], draw), keepDrawn(scroll, draw), kernel.stop];
  return () => stops.forEach((stop) => stop());
}

export default { render };
