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

/** The panel; `change` is called with what the reader sets. */
export function makeNext(change) {
  const sliders = makeSliders(change);
  const body = element("tbody");
  const heads = ["token", "probability", "change, in points"].map((text) => element("th", { scope: "col" }, text));
  const table = element("table", { class: "next" }, element("thead", {}, element("tr", {}, ...heads)), body);
  const note = element("p", { class: "soft" });
  const root = element("div", { class: "panel" }, element("strong", {}, "Next token"), table, note);
  root.append(...Object.values(sliders).map((one) => one.root));

  const row = ([label, before, now], top, reach) => {
    const bar = element("span", { class: "bar", style: `width: ${top > 0 ? (100 * now) / top : 0}%` });
    const { left, width } = signedBar(now - before, reach);
    const kind = now < before ? "bar less" : "bar";
    const moved = element("span", { class: kind, style: `margin-left: ${left}%; width: ${width}%` });
    const cell = (inside, text) =>
      element("td", {}, element("span", { class: "track" }, inside), element("span", {}, text));
    const name = element("th", { scope: "row" }, element("span", { class: "chip" }, label));
    const changed = cell(moved, inPoints(now - before));
    changed.firstChild.classList.add("signed");
    return element("tr", {}, name, cell(bar, inPercent(now)), changed);
  };
  const draw = ({ rows = [], kept, of }, request) => {
    root.hidden = rows.length === 0;
    sliders.temperature.set(request.temperature);
    sliders.top_k.set(placeOfK(request.top_k));
    sliders.top_p.set(request.top_p ?? 1);
    const top = Math.max(...rows.map(([, , now]) => now));
    const reach = Math.max(0.01, ...rows.map(([, before, now]) => Math.abs(now - before)));
    body.replaceChildren(...rows.map((one) => row(one, top, reach)));
    const count = rows.length && `${kept.toLocaleString("en")} of ${of.toLocaleString("en")} tokens can be drawn. `;
    const switched = request.factors.length
      ? "The change is that against the untouched model, with the same sliders."
      : "No head is switched: nothing changes.";
    note.textContent = `${count}${switched}`;
  };
  return { root, draw, inputs: Object.values(sliders).map((one) => one.input) };
}
