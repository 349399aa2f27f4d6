import { element } from "./common.js";
import { asTabbed, framed } from "./enlarged.js";
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
  const said = element("span", { role: "status", class: "soft" });
  const save = (kind) => saveShapes(kind, facts().file, framed(facts(), picture()), facts().colours.font);
  const copy = async () => {
    const { heads, tokens, cells } = facts();
    const text = cells ? tabbed(cells, tokens) : asTabbed(heads[0].head, tokens, tokens);
    const done = await copyText(text);
    said.textContent = done ? `Copied: ${heads[0].name}, ${tokens.length} rows.` : "The browser keeps its clipboard.";
  };
  const button = (text, title, click) => element("button", { type: "button", title, click }, text);
  const files = [
    button("PNG", "Save the picture as PNG", () => save("png")),
    button("SVG", "Save the picture as SVG", () => save("svg")),
  ];
  const numbers = button("Copy", "Copy the numbers as a table, to within 0.004", copy);
  const root = element("div", { class: "row saver" }, ...files, numbers, said);
  const draw = () => {
    said.textContent = ""; // what was copied is no longer what is drawn
  };
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
        return element("tr", {}, element("th", { scope: "row" }, name), ...tds);
      };
      const heads = header.map((text) => element("th", { scope: "col" }, text));
      const body = element("tbody", {}, ...rows().map(row));
      table.replaceChildren(element("caption", {}, caption), element("thead", {}, element("tr", {}, ...heads)), body);
    };
    fill();
  };
  root.addEventListener("toggle", () => fill());
  return { root, show };
}
