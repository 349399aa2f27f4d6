import { element, keepDrawn, kernelLine, onChange, rootOf, shape, slider } from "./common.js";
import { makeSteps } from "./steps.js";

// The tree of beam search, from left to right: a column for each step, and in it the likeliest on top.

const [WIDE, HIGH] = [124, 46]; // of a place in the tree
const [BOX, TALL] = [92, 36]; // of the box in it
const ROOT = -1; // the beginning, where nothing is written

/** "−0.31", and of large numbers fewer digits. */
export function inFigures(value) {
  const text = value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
  return text.replace("-", Number(text) === 0 ? "" : "−");
}

/** A word as short as a box has room for. */
export function inBox(word) {
  const letters = Array.from(word.slice(0, 60)); // not within an emoji
  return letters.length > 11 ? `${letters.slice(0, 10).join("")}…` : word;
}

/** The nodes from the first word to this one. */
export function wayTo(nodes, place) {
  const way = [];
  for (let at = place; at !== ROOT; at = nodes[at].parent) way.unshift(at);
  return way;
}

export function textOf(nodes, place) {
  return wayTo(nodes, place).map((at) => nodes[at].word).join(" ");
}

/** The places of the hypotheses that are in the beam after this step: its own, and those that had finished before. */
export function beamAt(nodes, step) {
  const isIn = ({ kept, finished, step: at }) => kept && (at === step || (finished && at < step));
  return nodes.flatMap((node, place) => (isIn(node) ? [place] : []));
}

/**
 * What has become of each node once this step is done: "dropped" at once, "lost" as no continuation of it is in the
 * beam any more, "kept", or "finished"; "" for one of a later step.
 */
export function fates(nodes, step) {
  const alive = new Set(beamAt(nodes, step).flatMap((place) => wayTo(nodes, place)));
  return nodes.map(({ kept, finished, step: at }, place) => {
    if (at > step) return "";
    if (!kept) return "dropped";
    return finished ? "finished" : alive.has(place) ? "kept" : "lost";
  });
}

/**
 * Where an arrow key leads from a node: to its parent, its first child, or its neighbour in the column; from nowhere to
 * the likeliest of this step.
 */
export function walked(nodes, key, place, step) {
  const near = (test) => nodes.findIndex((node) => node.step <= step && test(node));
  if (place === ROOT) return near((node) => node.step === step);
  const { parent, step: column, row } = nodes[place];
  const to = {
    ArrowLeft: () => (parent === ROOT ? place : parent),
    ArrowRight: () => near((node) => node.parent === place),
    ArrowUp: () => near((node) => node.step === column && node.row === row - 1),
    ArrowDown: () => near((node) => node.step === column && node.row === row + 1),
  }[key]();
  return to < 0 ? place : to;
}

const FATES = {
  dropped: ({ step }) => `Dropped at step ${step}: it found no place in the beam.`,
  lost: ({ step }) => `Kept at step ${step}, but none of its continuations is in the beam any more.`,
  finished: () => "Finished: it is not continued, and keeps its place in the beam.",
  kept: ({ step }, now) => (step === now ? "Kept: it is in the beam." : "Kept: what is in the beam goes on from it."),
};

/** A hypothesis and its scores, in words. */
export function inWords(nodes, place, step, wins) {
  const { total, score } = nodes[place];
  const each = wayTo(nodes, place).map((at) => inFigures(nodes[at].log_prob));
  const sum = each.length > 1 ? `${each.join(" ")} = ${inFigures(total)}` : inFigures(total);
  const penalty = inFigures(score === 0 ? 1 : total / score);
  const fate = wins ? "It has the best score of the last beam: it wins." : FATES[fates(nodes, step)[place]](nodes[place], step);
  return `log-probability ${sum}; divided by the length penalty ${penalty}: score ${inFigures(score)}. ${fate}`;
}

/** What a step has done, in words. */
export function stepInWords(nodes, step, last) {
  if (step === 0) return "Nothing is written yet: each word of the language may be the first.";
  const beam = beamAt(nodes, step);
  const n = beam.filter((place) => nodes[place].finished).length;
  const goOn = beam.length - n;
  const [go, were] = goOn === 1 ? ["goes", "was"] : ["go", "were"];
  const rest = step < last ? `${goOn} ${go} on` : goOn ? `${goOn} ${were} cut off` : "the search is over";
  return `In the beam ${beam.length}: ${n} finished, ${rest}.`;
}

/** Rows of a table: the beam of this step, the best score first, then what this step dropped. */
export function tableOf(nodes, step, winner) {
  const known = fates(nodes, step);
  const beam = beamAt(nodes, step).sort((a, b) => nodes[b].score - nodes[a].score);
  const dropped = nodes.flatMap((node, place) => (node.step === step && !node.kept ? [place] : []));
  return [...beam, ...dropped].map((place) => {
    const { total, score } = nodes[place];
    return [textOf(nodes, place), inFigures(total), inFigures(score), place === winner ? "wins" : known[place]];
  });
}

const middleOf = ({ step, row }) => [step * WIDE + WIDE / 2, row * HIGH + HIGH / 2];
const START = { step: 0, row: 0 };

function edgeOf(from, to, look) {
  const [[x1, y1], [x2, y2]] = [middleOf(from), middleOf(to)];
  const [start, end] = [x1 + BOX / 2, x2 - BOX / 2];
  const half = (start + end) / 2;
  return shape("path", { class: `edge ${look}`, d: `M${start} ${y1}C${half} ${y1} ${half} ${y2} ${end} ${y2}` });
}

function boxOf(node, look, lines, click) {
  const [x, y] = middleOf(node);
  const [left, top] = [x - BOX / 2, y - TALL / 2];
  const box = shape("rect", { x: left, y: top, width: BOX, height: TALL, rx: 5 });
  const inner = shape("rect", { class: "inner", x: left + 3, y: top + 3, width: BOX - 6, height: TALL - 6, rx: 3 });
  const texts = lines.map((text, k) => shape("text", { class: k ? "figures" : "word", x, y: y - 3 + 14 * k }, text));
  return shape("g", { class: `node ${look}`, click }, box, ...(look.includes("finished") ? [inner] : []), ...texts);
}

/** Squeeze the words that are wider than their box, such as those of emoji. */
function fitWords(svg) {
  for (const text of svg.querySelectorAll(".word")) {
    if (text.getComputedTextLength() <= BOX - 10) continue;
    text.setAttribute("textLength", BOX - 10);
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

function legend() {
  const looks = { kept: "in the beam", lost: "beaten later", dropped: "dropped at once", finished: "finished", won: "wins" };
  const item = ([look, words]) => element("li", {}, element("span", { class: `sample ${look}`, "aria-hidden": true }), words);
  return element("ul", { class: "legend soft" }, ...Object.entries(looks).map(item));
}

function render({ model, el }) {
  const root = rootOf("beam_tree", "Beam search as a tree");
  const title = element("p", { class: "source" });
  const svg = shape("svg", { tabindex: 0, role: "application" });
  const scroll = element("div", { class: "scroll" }, svg);
  const words = element("p", { class: "words", "aria-live": "polite" });
  const body = element("table", { class: "numbers" });
  const summary = element("summary", {}, "The hypotheses of this step, as a table");
  const numbers = element("details", { toggle: () => drawNumbers() }, summary, element("div", { class: "scroll" }, body));
  const help =
    "In each box: the word; its log-probability, and behind the bar the score so far. Choose a box by a click, or walk " +
    "over the tree with the arrow keys; Page Up and Page Down go a step, Space plays, Escape frees the choice.";
  const get = (name) => model.get(name);
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const last = () => get("nodes").at(-1)?.step ?? 0;
  const go = (step) => set({ step: Math.min(Math.max(step, 0), last()) });
  const controls = makeSteps({ at: () => get("step"), last, go });
  const beam = slider("Beam", { min: 1, max: 5, value: get("beam") }, (value) => set({ beam: value }));
  const shareOf = (value) => value.toFixed(1);
  const alpha = slider("Length penalty α", { min: 0, max: 2, step: 0.1 }, (value) => set({ alpha: value }), shareOf);
  const kernel = kernelLine(model, () => [beam, alpha].forEach(({ input }) => (input.disabled = true)));
  const error = element("p", { class: "error", role: "status" });
  const search = element("div", {}, beam.root, alpha.root, kernel.root, error);
  root.append(search, title, controls.root, legend(), scroll, words, numbers, element("p", { class: "soft" }, help));
  el.append(root);

  /** The chosen node, if the step that is shown has it. */
  const chosen = () => (get("nodes")[get("chosen")]?.step <= get("step") ? get("chosen") : ROOT);
  const wins = (place) => place === get("winner") && get("step") === last();

  function drawTree() {
    const [nodes, step] = [get("nodes"), get("step")];
    const known = fates(nodes, step);
    const way = new Set(step === last() ? wayTo(nodes, get("winner")) : []);
    const seen = nodes.flatMap((node, place) => (node.step <= step ? [place] : []));
    const look = (place) => {
      const isFaint = known[place] === "dropped" || known[place] === "lost";
      const more = { faint: isFaint, won: way.has(place), chosen: place === chosen() };
      return [known[place], ...Object.keys(more).filter((name) => more[name])].join(" ");
    };
    const figures = ({ log_prob, score }) => `${inFigures(log_prob)} | ${inFigures(score)}`;
    const edges = seen.map((place) => edgeOf(nodes[nodes[place].parent] ?? START, nodes[place], look(place)));
    const boxes = seen.map((place) => {
      const lines = [inBox(nodes[place].word), figures(nodes[place])];
      return boxOf(nodes[place], look(place), lines, () => set({ chosen: place === get("chosen") ? ROOT : place }));
    });
    const start = boxOf(START, "kept", ["start", "0.00 | 0.00"], () => set({ chosen: ROOT }));
    const size = [(last() + 1) * WIDE, (1 + Math.max(...nodes.map(({ row }) => row))) * HIGH];
    for (const [name, value] of Object.entries({ width: size[0], height: size[1], viewBox: `0 0 ${size.join(" ")}` })) {
      svg.setAttribute(name, value);
    }
    svg.replaceChildren(...edges.sort((a, b) => a.matches(".won") - b.matches(".won")), start, ...boxes);
    fitWords(svg);
  }
  /** Scroll so far that this column is in sight; the page around stays where it is. */
  function bringIntoSight(column) {
    const room = scroll.clientWidth;
    if ((column + 1) * WIDE > scroll.scrollLeft + room) scroll.scrollLeft = (column + 1) * WIDE - room;
    if (column * WIDE < scroll.scrollLeft) scroll.scrollLeft = column * WIDE;
  }
  function say() {
    const [nodes, step, place] = [get("nodes"), get("step"), chosen()];
    const name = place === ROOT ? "" : textOf(nodes, place);
    const said = place === ROOT ? stepInWords(nodes, step, last()) : inWords(nodes, place, step, wins(place));
    words.replaceChildren(...(name ? [element("bdi", {}, `“${name}”: `)] : []), said);
    svg.setAttribute("aria-label", `The tree of beam search after step ${step} of ${last()}; arrow keys walk over it`);
  }
  function drawNumbers() {
    if (!numbers.open) return body.replaceChildren();
    const line = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell)));
    const rows = tableOf(get("nodes"), get("step"), get("step") === last() ? get("winner") : ROOT);
    const head = line("th", ["hypothesis", "log-probability", "score", "what becomes of it"]);
    body.replaceChildren(head, ...rows.map((cells) => line("td", cells)));
  }
  function draw() {
    if (!get("nodes").length) return;
    search.hidden = !(get("searches") && get("live"));
    beam.set(get("beam"));
    alpha.set(get("alpha"));
    error.textContent = get("error");
    title.textContent = get("source") ? `Source: ${get("source")}` : "";
    controls.draw();
    drawTree();
    say();
    drawNumbers();
    bringIntoSight(chosen() === ROOT ? get("step") : get("nodes")[chosen()].step);
  }
  svg.addEventListener("keydown", (event) => {
    const { key } = event;
    const step = get("step");
    const steps = { PageUp: step - 1, PageDown: step + 1, Home: 0, End: last() };
    if (key in steps) go(steps[key]);
    else if (key === " ") controls.play();
    else if (key === "Escape") set({ chosen: ROOT });
    else if (key.startsWith("Arrow")) set({ chosen: walked(get("nodes"), key, chosen(), step) });
    else return;
    event.preventDefault();
  });

  const stops = [onChange(model, ["version", "step", "chosen", "error"], draw), keepDrawn(scroll, draw), controls.stop, kernel.stop];
  return () => stops.forEach((stop) => stop());
}

export default { render };
