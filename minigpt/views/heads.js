import { drawHead, makeGrid, opacitiesOf, rowOf, sentence, weightOf } from "./attention.js";
import { bytesOf, cssValue, element, inPercent, keepDrawn, moved, onChange, rgbOf, rootOf } from "./common.js";

function render({ model, el }) {
  const root = rootOf("heads", "Attention of all heads");
  const grid = element("div", { role: "group", "aria-label": "All heads: a row is a layer" });
  const title = element("strong");
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": "Enlarged head" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const help = "Choose a head on the grid. Each row is a token that looks; move over a row, or use the arrow keys.";
  const panel = element("div", { class: "panel" }, title, canvas, words, element("p", { class: "soft" }, help));
  root.append(grid, panel);
  el.append(root);

  let place = { gutter: 0, cell: 1 };
  let row = -1; // -1: the last token
  let column = -1; // -1: none
  const facts = () => {
    const shape = model.get("shape");
    const n = model.get("layer") * shape[1] + model.get("head");
    return { data: bytesOf(model.get("data")), shape, causal: model.get("causal"), n };
  };
  const thumbs = makeGrid(grid, (n) => {
    const H = model.get("shape")[1];
    model.set("layer", Math.floor(n / H));
    model.set("head", n % H);
    model.save_changes();
  });

  function drawPanel() {
    const { data, shape, causal, n } = facts();
    const tokens = model.get("tokens");
    const sources = model.get("source_tokens");
    if (row < 0 || row >= shape[2]) row = shape[2] - 1;
    if (column >= shape[3]) column = -1;
    const weights = rowOf(data, shape, causal, n, row);
    const colours = {
      heat: cssValue(root, "--mg-heat"),
      mark: cssValue(root, "--mg-mark"),
      ink: getComputedStyle(root).color,
      font: getComputedStyle(root).fontFamily,
    };
    thumbs.press(n);
    title.textContent = `Layer ${model.get("layer")}, head ${model.get("head")}`;
    const opacities = opacitiesOf(data, shape, causal, n);
    place = drawHead(canvas, panel.clientWidth - 4, opacities, tokens, sources, [row, column], colours);
    const marked = `“${sources[column]}” (${column})`;
    let text = sentence(tokens, sources, row, weights);
    if (column >= weights.length) text += `. It may not look at ${marked}: that comes later.`;
    else if (column >= 0) text += `. Marked: ${marked}: ${inPercent(weightOf(weights[column]))}`;
    words.textContent = text;
  }
  function draw() {
    const { data, shape, causal } = facts();
    thumbs.draw(data, shape, causal, rgbOf(cssValue(root, "--mg-heat")));
    drawPanel();
  }

  const lookAt = (newRow, newColumn) => {
    if (newRow === row && newColumn === column) return;
    [row, column] = [newRow, newColumn];
    drawPanel();
  };
  canvas.addEventListener("mousemove", (event) => {
    const [, , T, S] = model.get("shape");
    const [i, j] = [event.offsetY, event.offsetX].map((at) => Math.floor((at - place.gutter) / place.cell));
    if (i >= 0 && i < T) lookAt(i, j >= 0 && j < S ? j : -1);
  });
  canvas.addEventListener("keydown", (event) => {
    const [, , T, S] = model.get("shape");
    const to = moved(event.key, [row, column], T, S);
    if (!to) return;
    event.preventDefault();
    lookAt(...to);
  });

  const stops = [
    onChange(model, ["version"], draw),
    onChange(model, ["layer", "head"], drawPanel),
    keepDrawn(panel, draw),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
