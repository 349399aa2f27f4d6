import { element, inPercent, slider } from "./common.js";

// The logit lens: what the model would say next if it ended after each block.

/** The panel; `change` is called with the position that the reader sets, null for the last. */
export function makeLens(change) {
  const body = element("tbody");
  const heads = ["after", "likeliest next token", "probability"].map((text) => element("th", { scope: "col" }, text));
  const table = element("table", { class: "lens" }, element("thead", {}, element("tr", {}, ...heads)), body);
  const help = "What the model would say if it ended here: the stream after each part, through the last norm and head.";
  let tokens = [];
  const words = (at) => (tokens.length ? `${at}: “${tokens[at]}”` : "");
  const set = (at) => change({ position: at < tokens.length - 1 ? at : null }); // the last stays the last
  const place = slider("position", { min: 0, max: 0, step: 1 }, set, words);
  const root = element("div", { class: "panel" }, element("strong", {}, "Logit lens"), place.root, table);
  root.append(element("p", { class: "soft" }, help));
  const row = ([name, label, share]) => {
    const chip = element("span", { class: "chip" }, label);
    const bar = element("span", { class: "track" }, element("span", { class: "bar", style: `width: ${100 * share}%` }));
    const cells = [element("td", {}, chip), element("td", {}, bar, element("span", {}, inPercent(share)))];
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  };
  const draw = ({ rows = [], position }, newTokens) => {
    root.hidden = rows.length === 0;
    tokens = newTokens;
    place.input.max = Math.max(0, tokens.length - 1);
    if (rows.length && document.activeElement !== place.input) place.set(position);
    body.replaceChildren(...rows.map(row));
  };
  return { root, draw, inputs: [place.input] };
}
