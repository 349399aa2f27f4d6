import { element, inDigits, inPercent, isolated, shape } from "./common.js";
import { makeTable } from "./lab_save.js";

// One dot product, number by number: query and key of two tokens, their products, the score, the weight, the value.

const STRIP = { height: 44, name: 18 }; // pixels of one row of bars

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

function drawStrips(svg, across, named, chosen) {
  const width = across / named[0][1].length;
  const height = named.length * (STRIP.height + STRIP.name);
  svg.setAttribute("viewBox", `0 0 ${across} ${height}`);
  const strip = ([name, values], at) => {
    const top = at * (STRIP.height + STRIP.name) + STRIP.name;
    const middle = top + STRIP.height / 2;
    const axis = shape("line", { class: "axis", x1: 0, x2: across, y1: middle, y2: middle });
    const bar = ({ y, size, less }, d) => {
      const box = { x: (d + 0.1) * width, y: top + y, width: 0.8 * width, height: size };
      return shape("rect", { class: less ? "less" : "more", ...box });
    };
    return [shape("text", { x: 0, y: top - 4 }, name), axis, ...barsOf(values, STRIP.height).map(bar)];
  };
  const mark = shape("rect", { class: "now", x: chosen * width, y: 0, width, height });
  svg.replaceChildren(...(chosen < 0 ? [] : [mark]), ...named.flatMap(strip));
}

/** Layer 0, head 0: “sat” (2) looks at “cat” (1) */
export function pairInWords({ layer, head, row, column }, tokens) {
  const [looks, at] = [row, column].map((place) => `“${tokens[place]}” (${place})`);
  return `Layer ${layer}, head ${head}: ${looks} looks at ${at}`;
}

/** From the products to the weight, in words. */
export function sumInWords({ query, key, row, column, weights }, causal) {
  const { score, scaled } = productsOf(query, key);
  const isMasked = causal && column > row;
  const weight = `after softmax over the row: ${inPercent(weights[column])}`;
  const end = isMasked ? "masked, for it comes later: weight 0" : weight;
  const D = query.length;
  return `The ${D} products sum to q·k = ${inDigits(score)}; divided by √${D}: ${inDigits(scaled)}; ${end}.`;
}

/** The numbers as rows of a table. */
export function rowsOfPair({ query, key, value }) {
  const { products } = productsOf(query, key);
  return query.map((q, d) => [String(d), ...[q, key[d], products[d], value[d]].map(inDigits)]);
}

/** The panel. */
export function makePair() {
  const title = element("p");
  const note = element("p", { class: "soft" });
  const help = "Bars of the D numbers; move over them, or use the left and right arrow keys";
  const svg = shape("svg", { tabindex: 0, role: "application", "aria-label": help });
  const sum = element("p", { class: "sum" });
  const words = element("p", { class: "soft", "aria-live": "polite" });
  const numbers = makeTable("All numbers");
  const root = element("div", { class: "panel pair" }, element("strong", {}, "One dot product"), title, note, svg);
  root.append(sum, words, numbers.root);
  let now = {};
  let chosen = -1; // the marked number; -1: none
  let width = 0; // of the strips, in pixels

  const drawProducts = () => {
    const { query, key, value } = now;
    const { products } = productsOf(query, key);
    const named = [
      ["query q of the token that looks", query],
      ["key k of the token looked at", key],
      ["products q × k", products],
      ["value v, handed on", value],
    ];
    drawStrips(svg, width || 480, named, chosen);
    words.textContent = chosen < 0 ? `${help}.` : numberInWords(now, chosen);
  };
  const choose = (d) => {
    const to = Math.min(Math.max(d, 0), now.query.length - 1);
    if (to === chosen) return;
    chosen = to;
    drawProducts();
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
  const draw = (pair, { tokens, side, request }, live, force) => {
    root.hidden = !pair.query;
    if (!pair.query) return;
    now = pair;
    if (force || !(width > 0)) width = svg.clientWidth; // to ask costs a layout
    chosen = Math.min(chosen, pair.query.length - 1);
    const text = pairInWords(pair, tokens);
    title.replaceChildren(...isolated(text));
    const isOther = pair.layer !== request.layer || pair.head !== request.head;
    note.textContent = isOther && !live ? "The numbers of another head need a running kernel." : "";
    sum.textContent = sumInWords(pair, side.causal);
    drawProducts();
    numbers.show(text, ["number", "q", "k", "q × k", "v"], () => rowsOfPair(pair));
  };
  return { root, draw };
}
