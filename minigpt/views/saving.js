import { element } from "./common.js";

/**
 * Buttons that save a picture, by `save("png")` and `save("svg")`, and copy numbers: `copy()` says in words what came of
 * it, `what` is copied. `nodes` are the buttons and the place of these words, which `say` changes.
 */
export function makeSaving(what, save, copy) {
  const said = element("span", { role: "status", class: "soft" });
  const say = (text) => {
    said.textContent = text;
  };
  const button = (text, title, click) => element("button", { type: "button", title, click }, text);
  const nodes = [
    button("PNG", "Save the picture as PNG", () => save("png")),
    button("SVG", "Save the picture as SVG", () => save("svg")),
    button("Copy", `Copy ${what}, to within 0.004`, async () => say(await copy())),
    said,
  ];
  return { nodes, say };
}
