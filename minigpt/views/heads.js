import { makeGrid } from "./attention.js";
import { bytesOf, cssValue, element, keepDrawn, kernelLine, onChange, rgbOf, rootOf } from "./common.js";
import { MOST, bitsOf, factsOf } from "./enlarged.js";
import { makePanel } from "./panel.js";
import { makeSorter } from "./sorting.js";

function render({ model, el }) {
  const root = rootOf("heads", "Attention of all heads");
  const warning = element("p", { class: "error", role: "status" });
  const kernel = kernelLine(model);
  const grid = element("div", { role: "group", "aria-label": "All heads" });
  const said = element("p", { class: "soft" });
  const panel = makePanel(model, root);
  const H = () => model.get("shape")[1];
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const toggle = (n) => {
    const [overlay, pair] = [model.get("overlay"), [Math.floor(n / H()), n % H()]];
    const rest = overlay.filter((one) => String(one) !== String(pair));
    if (rest.length < overlay.length) set({ overlay: rest });
    else if (rest.length + 1 < MOST) set({ overlay: [...rest, pair], lines: true });
  };
  const thumbs = makeGrid(grid, (n) => set({ layer: Math.floor(n / H()), head: n % H() }), toggle);
  const press = () => {
    const { heads } = factsOf(model, root);
    thumbs.press(heads[0].n, new Map(heads.length > 1 ? heads.map(({ n, colour }) => [n, colour]) : []));
  };
  const sorter = makeSorter(model, (order, notes) => {
    thumbs.arrange(order, notes);
    press();
  });
  const left = element("div", { class: "all" }, sorter.root, grid, said);
  root.append(warning, kernel.root, left, panel.node);
  el.append(root);

  function draw() {
    const [shape, pool, causal] = [model.get("shape"), model.get("pool"), model.get("causal")];
    const drawn = pool.length ? [...shape.slice(0, 2), ...pool] : shape;
    const hidden = pool.length ? null : bitsOf(model);
    thumbs.draw(bytesOf(model.get("data")), drawn, causal, rgbOf(cssValue(root, "--mg-heat")), hidden);
    warning.textContent = model.get("warning");
    said.textContent = pool.length
      ? `Pooled: each picture is ${pool.join(" × ")} cells, each the largest weight of what falls into it.`
      : "";
    sorter.draw();
    panel.redraw();
  }
  const redrawPanel = () => {
    press();
    panel.redraw();
  };
  const stops = [
    onChange(model, ["version"], draw),
    onChange(model, ["scores", "score", "smallest", "threshold"], sorter.draw),
    onChange(model, ["layer", "head", "overlay", "lines", "quantity", "whole_heads", "whole_of"], redrawPanel),
    onChange(model, ["row", "column"], panel.draw),
    keepDrawn(panel.node, draw),
    kernel.stop,
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
