import { element, isolated } from "./common.js";
import { asTabbed, framed } from "./enlarged.js";
import { makeSaving } from "./saving.js";
import { copyText, saveShapes } from "./shapes.js";

// What the reader takes away: a picture as PNG or SVG, and numbers as a table.

/** A matrix of numbers as text that a spreadsheet and pandas.read_clipboard take. */
export function tabbed(cells, tokens) {
  const T = tokens.length;
  const line = (label, i) => [label, ...Array.from(cells.subarray(i * T, (i + 1) * T), (x) => x.toFixed(3))].join("\t");
  return [["", ...tokens].join("\t"), ...tokens.map(line)].join("\n");
}

/**
 * Buttons that save and copy, in a saved page too: its frame allows downloads. `facts()` says what is drawn (as
 * enlarged.js knows it) with its `file` name, and, where it is no head, its `cells`; `picture()` gives its shapes and
 * their size.
 */
export function makeSaver(facts, picture) {
  const save = (kind) => saveShapes(kind, facts().file, framed(facts(), picture()), facts().colours.font);
  const copy = async () => {
    const { heads, tokens, cells } = facts();
    const text = cells ? tabbed(cells, tokens) : asTabbed(heads[0].head, tokens, tokens);
    const done = await copyText(text);
    return done ? `Copied: ${heads[0].name}, ${tokens.length} rows.` : "The browser keeps its clipboard to itself.";
  };
  const saving = makeSaving("the numbers as a table", save, copy);
  const root = element("div", { class: "row saver" }, ...saving.nodes);
  const draw = () => saving.say(""); // what was copied is no longer what is drawn
  return { root, draw };
}

/** Numbers as a table that is folded away, and filled only while it is open. */
export function makeTable(summary) {
  const table = element("table", { class: "numbers" });
  const scroll = element("div", { class: "scroll" }, table);
  const root = element("details", {}, element("summary", {}, summary), scroll);
  let fill = () => {};
  const show = (caption, header, rows) => {
    fill = () => {
      if (!root.open) return;
      const row = ([name, ...cells]) => {
        const tds = cells.map((text) => element("td", {}, text));
        return element("tr", {}, element("th", { scope: "row" }, ...isolated(name)), ...tds);
      };
      const heads = header.map((text) => element("th", { scope: "col" }, text));
      const body = element("tbody", {}, ...rows().map(row));
      const title = element("caption", {}, ...isolated(caption));
      table.replaceChildren(title, element("thead", {}, element("tr", {}, ...heads)), body);
    };
    fill();
  };
  root.addEventListener("toggle", () => fill());
  return { root, show };
}
