import { element, onChange, rootOf, shape } from "./common.js";
import { makeSteps } from "./steps.js";

const LISTED = 8; // merges that stay listed

/** The word with each pair of neighbours (left, right), from left to right, as one symbol. */
export function merged(word, [left, right, symbol]) {
  const result = [];
  for (const next of word) {
    if (next === right && result.at(-1) === left) result[result.length - 1] = symbol;
    else result.push(next);
  }
  return result;
}

/** The text before any merge, after the first, after the second, … Words that stay the same are shared. */
export function statesOf(words, steps) {
  const states = [words];
  for (const step of steps) {
    const contains = (word) => word.some((symbol, k) => symbol === step[0] && word[k + 1] === step[1]);
    states.push(states.at(-1).map((word) => (contains(word) ? merged(word, step) : word)));
  }
  return states;
}

export function countOf(words) {
  return words.reduce((sum, word) => sum + word.length, 0);
}

/** How many times the symbol stands in the text. */
export function timesIn(words, symbol) {
  return countOf(words.map((word) => word.filter((one) => one === symbol)));
}

/** Points of the curve "tokens of this text after each step", in a picture of width × height. */
export function curveOf(counts, width, height) {
  const top = Math.max(...counts);
  return counts.map((count, k) => [(k / Math.max(1, counts.length - 1)) * width, height * (1 - count / top)]);
}

function drawText(root, words, labels, newest, first) {
  const chip = (symbol) => {
    const kind = symbol === newest ? "chip merged new" : first.has(symbol) ? "chip" : "chip merged";
    return element("span", { class: kind }, labels[symbol]);
  };
  root.replaceChildren(...words.map((word) => element("span", { class: "word" }, ...word.map(chip))));
}

function drawCurve(svg, counts, step) {
  const [width, height] = [300, 60];
  const points = curveOf(counts, width, height);
  const [x, y] = points[step];
  svg.setAttribute("viewBox", `-6 -6 ${width + 12} ${height + 26}`);
  svg.setAttribute("aria-label", `Tokens of this text after each step, from ${counts[0]} to ${counts.at(-1)}`);
  svg.replaceChildren(
    shape("polyline", { points: points.map((point) => point.join()).join(" ") }),
    shape("circle", { cx: x, cy: y, r: 5 }),
    shape("text", { x: 0, y: height + 16 }, `tokens of this text: ${counts[0]} at first, ${counts.at(-1)} at last`),
  );
}

function render({ model, el }) {
  const root = rootOf("merges", "Byte-pair encoding, merge by merge");
  const last = model.get("steps").length;
  const words = element("p", { "aria-live": "polite" });
  const text = element("div", { class: "text", role: "group", "aria-label": "The text, cut into tokens" });
  const list = element("ol");
  const curve = shape("svg", { role: "img" });
  const controls = makeSteps({ at: () => model.get("step"), last: () => last, go });
  root.append(controls.root, words, text, element("div", { class: "below" }, curve, list));
  el.append(root);

  const states = statesOf(model.get("words"), model.get("steps"));
  const counts = states.map(countOf);
  const first = new Set(model.get("words").flat());

  function go(step) {
    model.set("step", step);
    model.save_changes();
  }

  const named = (symbol) => `“${model.get("labels")[symbol]}”`;
  const rule = ([left, right, symbol]) => `${named(left)} + ${named(right)} → ${named(symbol)}`;
  function sayStep(step) {
    const sizes = `This text: ${counts[step]} tokens, at first ${counts[0]}. Vocabulary: ${model.get("base") + step}.`;
    if (step === 0) {
      words.textContent = `Nothing is merged yet. ${sizes}`;
      return;
    }
    const merge = model.get("steps")[step - 1];
    const times = `the most frequent pair, ${merge[3].toLocaleString("en")} times in training`;
    const here = `${timesIn(states[step], merge[2])} here`;
    words.textContent = `${rule(merge)}: ${times}, ${here}. ${sizes}`;
  }
  function draw() {
    const step = model.get("step");
    const steps = model.get("steps");
    controls.draw();
    sayStep(step);
    drawText(text, states[step], model.get("labels"), step > 0 ? steps[step - 1][2] : -1, first);
    drawCurve(curve, counts, step);
    list.start = Math.max(0, step - LISTED) + 1;
    const shown = steps.slice(Math.max(0, step - LISTED), step);
    list.replaceChildren(...shown.map((merge) => element("li", {}, rule(merge))));
  }

  const stop = onChange(model, ["step"], draw);
  draw();
  return () => {
    controls.stop();
    stop();
  };
}

export default { render };
