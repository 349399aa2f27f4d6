import { element, inPercent, slider } from "./common.js";

// The next token's probabilities, and how far switched heads have moved them.

const TOP_K = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 0]; // 0: all

/** A change of probability in points of percent, with its sign: "+12.3", "−0.4", "0". */
export function inPoints(change) {
  const points = 100 * change;
  if (Math.abs(points) < 0.05) return "0";
  return `${points > 0 ? "+" : "−"}${Math.abs(points).toFixed(1)}`;
}

/** Where a signed bar begins and how wide it is, in percent of a track whose middle is zero. */
export function signedBar(value, reach) {
  const width = reach > 0 ? Math.min(50, (50 * Math.abs(value)) / reach) : 0;
  return { left: value < 0 ? 50 - width : 50, width };
}

/** The stop of the top-k slider that is nearest to k. */
export function placeOfK(k) {
  if (!k) return TOP_K.length - 1;
  const near = (at) => Math.abs(Math.log(TOP_K[at] / k));
  return TOP_K.slice(0, -1).reduce((best, _, at) => (near(at) < near(best) ? at : best), 0);
}

/** The sliders of the rule by which a token is drawn. */
function makeSliders(change) {
  const [tWords, pWords] = [(t) => t.toFixed(2), (p) => (p >= 1 ? "all" : p.toFixed(2))];
  const kWords = (at) => (TOP_K[at] === 0 ? "all" : String(TOP_K[at]));
  const setT = (temperature) => change({ temperature });
  const setK = (at) => change({ top_k: TOP_K[at] || null });
  const setP = (p) => change({ top_p: p < 1 ? p : null });
  return {
    temperature: slider("temperature", { min: 0, max: 2, step: 0.05 }, setT, tWords),
    top_k: slider("top-k", { min: 0, max: TOP_K.length - 1, step: 1 }, setK, kWords),
    top_p: slider("top-p", { min: 0.05, max: 1, step: 0.05 }, setP, pWords),
  };
}

/** A number with its bar: cells of a table. */
const barCell = (share, top) => {
  const bar = element("span", { class: "bar", style: `width: ${top > 0 ? (100 * share) / top : 0}%` });
  return element("td", {}, element("span", { class: "track" }, bar), element("span", {}, inPercent(share)));
};
const signedCell = (value, reach) => {
  const { left, width } = signedBar(value, reach);
  const look = { class: value < 0 ? "bar less" : "bar", style: `margin-left: ${left}%; width: ${width}%` };
  const track = element("span", { class: "track signed" }, element("span", look));
  return element("td", {}, track, element("span", {}, inPoints(value)));
};
const nameCell = (label) => element("th", { scope: "row" }, element("span", { class: "chip" }, label));

/** A table of tokens with two probabilities each, `rows` of [label, one, other], and a function that draws it. */
function makeShares(name, header, cellsOf) {
  const body = element("tbody");
  const heads = header.map((text) => element("th", { scope: "col" }, text));
  const root = element("table", { class: name }, element("thead", {}, element("tr", {}, ...heads)), body);
  const draw = (rows) => {
    const top = Math.max(...rows.flatMap(([, ...shares]) => shares));
    const reach = Math.max(0.01, ...rows.map(([, one, other]) => Math.abs(one - other)));
    const row = ([label, one, other]) => element("tr", {}, nameCell(label), ...cellsOf(one, other, top, reach));
    body.replaceChildren(...rows.map(row));
  };
  return { root, draw };
}

/** The panel; `change` is called with what the reader sets. */
export function makeNext(change) {
  const sliders = makeSliders(change);
  const table = makeShares("next", ["token", "probability", "change, in points"], (before, now, top, reach) => {
    return [barCell(now, top), signedCell(now - before, reach)];
  });
  const note = element("p", { class: "soft" });
  const root = element("div", { class: "panel" }, element("strong", {}, "Next token"), table.root, note);
  root.append(...Object.values(sliders).map((one) => one.root));

  const draw = ({ rows = [], kept, of }, request) => {
    root.hidden = rows.length === 0;
    sliders.temperature.set(request.temperature);
    sliders.top_k.set(placeOfK(request.top_k));
    sliders.top_p.set(request.top_p ?? 1);
    table.draw(rows);
    const count = rows.length && `${kept.toLocaleString("en")} of ${of.toLocaleString("en")} tokens can be drawn. `;
    const changed = request.changes.length
      ? "The change is that against the untouched model, with the same sliders."
      : "No head is changed, so nothing moves.";
    note.textContent = `${count}${changed}`;
  };
  return { root, draw, inputs: Object.values(sliders).map((one) => one.input) };
}

/** The next tokens of two sides, with their difference. */
export function makeBoth() {
  const header = ["token", "first", "second", "difference, in points"];
  const table = makeShares("both", header, (one, other, top, reach) => {
    return [barCell(one, top), barCell(other, top), signedCell(one - other, reach)];
  });
  const help = "With the sliders above. The difference is first minus second.";
  const title = element("strong", {}, "Next token of both");
  const root = element("div", { class: "panel" }, title, table.root, element("p", { class: "soft" }, help));
  const draw = ({ rows = [] }) => {
    root.hidden = rows.length === 0;
    table.draw(rows);
  };
  return { root, draw };
}
