import { element, inDigits, inPercent, shape } from "./common.js";

// One dot product, number by number: query and key of two tokens, their products, the score, the weight, the value.

const STRIP = { height: 44, name: 18, width: 480 }; // of one row of bars, in its own units

/** The D products, their sum, and the same divided by √D. */
export function productsOf(query, key) {
  const products = query.map((q, d) => q * key[d]);
  const score = products.reduce((sum, x) => sum + x, 0);
  return { products, score, scaled: score / Math.sqrt(query.length) };
}

/** A strip of signed bars, upwards where positive, the largest to its edge: for each value y, size and sign. */
export function barsOf(values, height) {
  const reach = Math.max(...values.map(Math.abs)) || 1;
  return values.map((value) => {
    const size = (Math.abs(value) / reach) * (height / 2);
    return { y: value < 0 ? height / 2 : height / 2 - size, size, less: value < 0 };
  });
}

/** Number d in words: d = 3: q 0.41 × k −1.20 = −0.49 */
export function numberInWords({ query, key, value }, d) {
  const [q, k, v] = [query, key, value].map((vector) => inDigits(vector[d]));
  return `Number ${d}: q ${q} × k ${k} = ${inDigits(query[d] * key[d])}; v ${v}`;
}

function drawStrips(svg, names, strips, chosen) {
  const width = STRIP.width / strips[0].length;
  const height = names.length * (STRIP.height + STRIP.name);
  svg.setAttribute("viewBox", `0 0 ${STRIP.width} ${height}`);
  const mark = shape("rect", { class: "now", x: chosen * width, y: 0, width, height });
  const strip = (values, at) => {
    const top = at * (STRIP.height + STRIP.name) + STRIP.name;
    const middle = top + STRIP.height / 2;
    const axis = shape("line", { class: "axis", x1: 0, x2: STRIP.width, y1: middle, y2: middle });
    const bar = ({ y, size, less }, d) =>
      shape("rect", { class: less ? "less" : "more", x: (d + 0.1) * width, y: top + y, width: 0.8 * width, height: size });
    return [shape("text", { x: 0, y: top - 4 }, names[at]), axis, ...barsOf(values, STRIP.height).map(bar)];
  };
  svg.replaceChildren(...(chosen < 0 ? [] : [mark]), ...strips.flatMap(strip));
}

/** The panel. */
export function makePair() {
  const title = element("p");
  const help = "Bars of the D numbers; move over them, or use the left and right arrow keys";
  const svg = shape("svg", { tabindex: 0, role: "application", "aria-label": help });
  const sum = element("p", { class: "sum" });
  const words = element("p", { class: "soft", "aria-live": "polite" });
  const body = element("tbody");
  const head = element("tr", {}, ...["number", "q", "k", "q × k", "v"].map((text) => element("th", { scope: "col" }, text)));
  const table = element("table", {}, element("thead", {}, head), body);
  const all = element("details", {}, element("summary", {}, "All numbers"), element("div", { class: "scroll" }, table));
  const root = element("div", { class: "panel pair" }, element("strong", {}, "One dot product"), title, svg, sum, words, all);
  let now = {};
  let chosen = -1;

  function drawNumbers() {
    const { query, key, value } = now;
    const { products } = productsOf(query, key);
    const names = ["query q of the token that looks", "key k of the token looked at", "products q × k", "value v, handed on"];
    drawStrips(svg, names, [query, key, products, value], chosen);
    words.textContent = chosen < 0 ? `${help}.` : numberInWords(now, chosen);
    if (!all.open) return;
    const row = (_, d) => {
      const numbers = [query[d], key[d], products[d], value[d]].map((x) => element("td", {}, inDigits(x)));
      return element("tr", {}, element("th", { scope: "row" }, String(d)), ...numbers);
    };
    body.replaceChildren(...query.map(row));
  }
  const choose = (d) => {
    const to = Math.min(Math.max(d, 0), now.query.length - 1);
    if (to === chosen) return;
    chosen = to;
    drawNumbers();
  };
  svg.addEventListener("mousemove", (event) => {
    const box = svg.getBoundingClientRect();
    choose(Math.floor(((event.clientX - box.left) / box.width) * now.query.length));
  });
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    choose(chosen + by);
  });
  all.addEventListener("toggle", drawNumbers);

  const draw = (pair, tokens, causal) => {
    root.hidden = !pair.query;
    if (!pair.query) return;
    now = pair;
    chosen = Math.min(chosen, pair.query.length - 1);
    const [looks, at] = [pair.row, pair.column].map((place) => `“${tokens[place]}” (${place})`);
    title.textContent = `Layer ${pair.layer}, head ${pair.head}: ${looks} looks at ${at}`;
    const { score, scaled } = productsOf(pair.query, pair.key);
    const D = pair.query.length;
    const end = causal && pair.column > pair.row
      ? "masked, for it comes later: weight 0"
      : `after softmax over the row: ${inPercent(pair.weights[pair.column])}`;
    sum.textContent = `The ${D} products sum to q·k = ${inDigits(score)}; divided by √${D}: ${inDigits(scaled)}; ${end}.`;
    drawNumbers();
  };
  return { root, draw };
}
