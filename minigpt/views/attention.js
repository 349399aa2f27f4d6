import { element, inPercent, moved, paint, pixelsOf, rgbOf } from "./common.js";

// What the views of attention share: how weights arrive, the grid of all heads, one head drawn large.

// One byte a weight: 255 times its square root (a small weight keeps a visible shade). A causal head holds its lower
// triangle only, so its row i has i + 1 bytes. shape = [L, H, T, S]; head n of all is layer * H + head.

/** The bytes of one row: what query i of head n gives to each key. A window on the data, not a copy. */
export function rowOf(data, [, , T, S], causal, n, i) {
  const start = causal ? (n * T * (T + 1)) / 2 + (i * (i + 1)) / 2 : (n * T + i) * S;
  return data.subarray(start, start + (causal ? i + 1 : S));
}

/** The weight that a byte stands for. */
export function weightOf(byte) {
  return (byte / 255) ** 2;
}

/** Opacities of head n in at most size × size cells, each the largest of what falls into it; masked cells stay 0. */
export function opacitiesOf(data, shape, causal, n, size = Infinity) {
  const [, , T, S] = shape;
  const rows = Math.min(T, size);
  const columns = Math.min(S, size);
  const opacities = new Uint8Array(rows * columns);
  for (let i = 0; i < T; i++) {
    const start = Math.floor((i * rows) / T) * columns;
    const row = rowOf(data, shape, causal, n, i);
    for (let j = 0; j < row.length; j++) {
      const at = start + Math.floor((j * columns) / S);
      const opacity = 16 + Math.floor((row[j] * 239) / 255); // a visible weight of 0 is no masked one
      if (opacity > opacities[at]) opacities[at] = opacity;
    }
  }
  return opacities;
}

/** The k largest weights of a row, as [key, weight], largest first. */
export function strongest(row, k) {
  const keys = Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b);
  return keys.slice(0, k).map((key) => [key, weightOf(row[key])]);
}

/** “sat” (3) looks at “cat” (2): 61 %, “The” (0): 20 % */
export function sentence(tokens, sources, i, row) {
  const named = (list, at) => `“${list[at]}” (${at})`;
  const parts = strongest(row, 4).map(([key, weight]) => `${named(sources, key)}: ${inPercent(weight)}`);
  return `${named(tokens, i)} looks at ${parts.join(", ")}`;
}

const THUMB = 48; // pixels of a thumbnail, at most

/** The grid of all heads: buttons with small pictures. */
export function makeGrid(root, choose) {
  let buttons = [];
  let H = 0;
  const press = (n) => {
    buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", k === n);
      button.tabIndex = k === n ? 0 : -1; // Tab enters the grid once, arrows walk in it
    });
  };
  const build = (layers, heads) => {
    H = heads;
    root.classList.add("heads-grid");
    root.style.gridTemplateColumns = `auto repeat(${H}, minmax(0, 72px))`;
    buttons = Array.from({ length: layers * H }, (_, n) => {
      const name = `layer ${Math.floor(n / H)}, head ${n % H}`;
      return element("button", { type: "button", class: "thumb", "aria-label": name, title: name }, element("canvas"));
    });
    const edge = (text) => element("span", { class: "edge", "aria-hidden": "true" }, String(text));
    const rows = Array.from({ length: layers }, (_, l) => [edge(l), ...buttons.slice(l * H, (l + 1) * H)]);
    root.replaceChildren(edge(""), ...Array.from({ length: H }, (_, h) => edge(h)), ...rows.flat());
  };
  root.addEventListener("click", (event) => {
    const n = buttons.indexOf(event.target.closest("button"));
    if (n >= 0) choose(n);
  });
  root.addEventListener("keydown", (event) => {
    const n = buttons.indexOf(event.target);
    const to = n < 0 ? null : moved(event.key, [Math.floor(n / H), n % H], buttons.length / H, H);
    if (!to) return;
    event.preventDefault();
    buttons[to[0] * H + to[1]].focus();
  });
  const draw = (data, shape, causal, rgb) => {
    const [L, heads, , S] = shape;
    if (buttons.length !== L * heads || H !== heads) build(L, heads);
    buttons.forEach((button, n) => {
      const opacities = opacitiesOf(data, shape, causal, n, THUMB);
      paint(button.firstChild, pixelsOf(opacities, rgb), Math.min(S, THUMB));
    });
  };
  return { draw, press };
}

/** Draw one head with its token labels; the chosen row and column stand out. Returns where its cells are. */
export function drawHead(canvas, width, opacities, tokens, sources, [row, column], colours) {
  const gutter = Math.min(96, Math.max(40, width / 6));
  const cell = Math.max(1, Math.min(28, (width - gutter) / sources.length));
  const ratio = window.devicePixelRatio || 1;
  const height = gutter + cell * tokens.length;
  canvas.width = Math.ceil((gutter + cell * sources.length + 2) * ratio);
  canvas.height = Math.ceil((height + 2) * ratio);
  canvas.style.width = `${canvas.width / ratio}px`;
  canvas.style.height = `${canvas.height / ratio}px`;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);

  const picture = document.createElement("canvas");
  paint(picture, pixelsOf(opacities, rgbOf(colours.heat)), sources.length);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, gutter, gutter, cell * sources.length, cell * tokens.length);

  const write = (text, at, chosen, turn) => {
    if (cell < 9 && !chosen) return; // labels would lie on each other
    pen.save();
    pen.font = `${chosen ? "bold " : ""}${cell < 9 ? 11 : Math.min(12, cell)}px ${colours.font}`;
    pen.fillStyle = chosen ? colours.mark : colours.ink;
    pen.textBaseline = "middle";
    pen.textAlign = turn ? "left" : "right";
    if (turn) {
      pen.translate(gutter + (at + 0.5) * cell, gutter - 4);
      pen.rotate(-Math.PI / 2);
    } else pen.translate(gutter - 4, gutter + (at + 0.5) * cell);
    const letters = Array.from(text);
    while (letters.length > 1 && pen.measureText(letters.join("")).width > gutter - 8) letters.splice(-2, 2, "…");
    pen.fillText(letters.join(""), 0, 0);
    pen.restore();
  };
  tokens.forEach((token, i) => write(token, i, i === row, false));
  sources.forEach((source, j) => write(source, j, j === column, true));
  pen.strokeStyle = colours.mark;
  pen.lineWidth = 2;
  pen.strokeRect(gutter, gutter + row * cell, cell * sources.length, cell);
  if (column >= 0) pen.strokeRect(gutter + column * cell, gutter + row * cell, cell, cell);
  return { gutter, cell };
}
