import { element, paint, pixelsOf, rgbOf } from "./common.js";

// A picture as a list of shapes, for two readers: a canvas, which is fast, and SVG, which is saved. The kinds are
//   cells  { opacities, columns, box: [x, y, width, height], colour }      a matrix, a cell each
//   hatch  { boxes: [[x, y, width, height], …], colour, up }               lines that rise, or fall
//   lines  { lines: [[x1, y1, x2, y2, opacity], …], colour, thick }
//   box    { box, fill or stroke, thick, opacity }
//   text   { text, x, y, size, colour, bold, end, turned }                 y is its middle; `end`: x is its end
//   layer  { shapes, size: [width, height], alpha, x, y }                  drawn once, then kept as a picture

const GAP = 6; // pixels between two lines of a hatch
const pictures = new WeakMap(); // of cells, by their opacities
const layersKept = new WeakMap(); // by their shapes

/** Draw shapes on a canvas of this size in CSS pixels; `ratio` pixels of the canvas are one of these. */
export function showShapes(canvas, shapes, [width, height], font, ratio = window.devicePixelRatio || 1) {
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  canvas.style.width = `${canvas.width / ratio}px`;
  canvas.style.height = `${canvas.height / ratio}px`;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  draw2d(pen, shapes, font);
}

function draw2d(pen, shapes, font) {
  for (const one of shapes) {
    pen.save();
    painters[one.kind](pen, one, font);
    pen.restore();
  }
}

const painters = {
  cells(pen, { opacities, columns, box, colour }) {
    let kept = pictures.get(opacities);
    if (kept?.colour !== colour) {
      kept = { colour, picture: document.createElement("canvas") };
      paint(kept.picture, pixelsOf(opacities, rgbOf(colour)), columns);
      pictures.set(opacities, kept);
    }
    pen.imageSmoothingEnabled = false;
    pen.drawImage(kept.picture, ...box);
  },
  hatch(pen, { boxes, colour, up }) {
    const tile = element("canvas", { width: GAP, height: GAP });
    const tilePen = tile.getContext("2d");
    tilePen.strokeStyle = colour;
    tilePen.stroke(new Path2D(hatchPath(up)));
    pen.fillStyle = pen.createPattern(tile, "repeat");
    for (const box of boxes) pen.fillRect(...box);
  },
  lines(pen, { lines, colour, thick }) {
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    for (const [x1, y1, x2, y2, opacity] of lines) {
      pen.globalAlpha = opacity;
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
      pen.stroke();
    }
  },
  box(pen, { box, fill, stroke, thick, opacity = 1 }) {
    pen.globalAlpha = opacity;
    pen.fillStyle = fill;
    if (fill) pen.fillRect(...box);
    pen.strokeStyle = stroke;
    pen.lineWidth = thick;
    if (stroke) pen.strokeRect(...box);
  },
  text(pen, { text, x, y, size, colour, bold, end, turned }, font) {
    pen.font = fontOf(size, bold, font);
    pen.fillStyle = colour;
    pen.textBaseline = "middle";
    pen.textAlign = end ? "right" : "left";
    pen.translate(x, y);
    if (turned) pen.rotate(-Math.PI / 2);
    pen.fillText(text, 0, 0);
  },
  layer(pen, { shapes, size: [width, height], alpha = 1, x = 0, y = 0 }, font) {
    const ratio = pen.getTransform().a;
    let kept = layersKept.get(shapes);
    if (kept?.ratio !== ratio) {
      const picture = element("canvas", { width: Math.ceil(width * ratio), height: Math.ceil(height * ratio) });
      const layerPen = picture.getContext("2d");
      layerPen.scale(ratio, ratio);
      draw2d(layerPen, shapes, font);
      kept = { ratio, picture };
      layersKept.set(shapes, kept);
    }
    pen.globalAlpha = alpha;
    pen.drawImage(kept.picture, x, y, kept.picture.width / ratio, kept.picture.height / ratio);
  },
};

function fontOf(size, bold, font) {
  return `${bold ? "bold " : ""}${size}px ${font}`;
}

/** One line through a tile and what of its neighbours reaches into it. */
function hatchPath(up) {
  const [from, to] = up ? [GAP, 0] : [0, GAP];
  const over = up ? 1 : -1; // a bit further than the corner
  return [-GAP, 0, GAP].map((by) => `M${by - 1} ${from + over}L${by + GAP + 1} ${to - over}`).join("");
}

/** The same shapes as an SVG document. */
export function svgOf(shapes, [width, height], font) {
  const patterns = new Map();
  const body = svgParts(shapes, patterns);
  const defs = patterns.size ? `<defs>${[...patterns.values()].join("")}</defs>` : "";
  const [w, h] = [width, height].map(inTenths);
  const size = `width="${w}" height="${h}" viewBox="0 0 ${w} ${h}"`;
  const start = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${escaped(font)}">`;
  return `${start}${defs}${body}</svg>`;
}

function svgParts(shapes, patterns) {
  return shapes.map((one) => writers[one.kind](one, patterns)).join("");
}

const writers = {
  cells({ opacities, columns, box: [x, y, width, height], colour }) {
    const scale = `scale(${width / columns} ${height / (opacities.length / columns)})`;
    const paths = [...runsOf(opacities, columns)].map(([opacity, path]) => {
      return `<path fill-opacity="${(opacity / 255).toFixed(3)}" d="${path}"/>`;
    });
    const place = `translate(${inTenths(x)} ${inTenths(y)}) ${scale}`;
    return `<g fill="${colour}" shape-rendering="crispEdges" transform="${place}">${paths.join("")}</g>`;
  },
  hatch({ boxes, colour, up }, patterns) {
    const id = `${up ? "up" : "down"}${colour.replace(/\W/g, "")}`;
    const tile = `<path d="${hatchPath(up)}" stroke="${colour}"/>`;
    const size = `width="${GAP}" height="${GAP}" patternUnits="userSpaceOnUse"`;
    patterns.set(id, `<pattern id="${id}" ${size}>${tile}</pattern>`);
    const path = boxes.map(([x, y, width, height]) => {
      return `M${inTenths(x)} ${inTenths(y)}h${inTenths(width)}v${inTenths(height)}h${inTenths(-width)}z`;
    });
    return `<path fill="url(#${id})" d="${path.join("")}"/>`;
  },
  lines({ lines, colour, thick }) {
    const line = ([x1, y1, x2, y2, opacity]) => {
      const path = `M${inTenths(x1)} ${inTenths(y1)}L${inTenths(x2)} ${inTenths(y2)}`;
      return `<path stroke-opacity="${opacity.toFixed(2)}" d="${path}"/>`;
    };
    return `<g stroke="${colour}" stroke-width="${thick}">${lines.map(line).join("")}</g>`;
  },
  box({ box: [x, y, width, height], fill, stroke, thick, opacity = 1 }) {
    const look = `fill="${fill ?? "none"}"${stroke ? ` stroke="${stroke}" stroke-width="${thick}"` : ""}`;
    const place = `x="${inTenths(x)}" y="${inTenths(y)}" width="${inTenths(width)}" height="${inTenths(height)}"`;
    return `<rect ${place} ${look} opacity="${opacity.toFixed(2)}"/>`;
  },
  text({ text, x, y, size, colour, bold, end, turned }) {
    const place = `translate(${inTenths(x)} ${inTenths(y)})${turned ? " rotate(-90)" : ""}`;
    const look = `fill="${colour}" font-size="${size}"${bold ? ' font-weight="bold"' : ""}`;
    const align = `dominant-baseline="central"${end ? ' text-anchor="end"' : ""} xml:space="preserve"`;
    return `<text transform="${place}" ${look} ${align}>${escaped(text)}</text>`;
  },
  layer({ shapes, alpha = 1, x = 0, y = 0 }, patterns) {
    const place = x || y ? ` transform="translate(${inTenths(x)} ${inTenths(y)})"` : "";
    return `<g${alpha < 1 ? ` opacity="${alpha}"` : ""}${place}>${svgParts(shapes, patterns)}</g>`;
  },
};

/** Cells of the same opacity as one path each, neighbours in a row joined; clear cells are left out. */
export function runsOf(opacities, columns) {
  const paths = new Map();
  for (let k = 0; k < opacities.length; ) {
    const row = Math.floor(k / columns);
    let end = k + 1;
    while (end < (row + 1) * columns && opacities[end] === opacities[k]) end++;
    const run = `M${k % columns} ${row}h${end - k}v1h${k - end}z`;
    if (opacities[k]) paths.set(opacities[k], (paths.get(opacities[k]) ?? "") + run);
    k = end;
  }
  return paths;
}

function inTenths(value) {
  return Math.round(value * 10) / 10;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}

/** A function (text, room, size, bold) -> the text, cut so that it fits into so many pixels. */
export function fitter(measure) {
  const kept = new Map();
  return (text, room, size, bold = false) => {
    const key = `${size} ${bold} ${Math.round(room)} ${text}`;
    if (!kept.has(key)) {
      const letters = Array.from(text.slice(0, 120)); // a token of 10,000 letters would take seconds
      if (text.length > 120) letters.push("…");
      while (letters.length > 1 && measure(letters.join(""), size, bold) > room) letters.splice(-2, 2, "…");
      kept.set(key, letters.join(""));
    }
    return kept.get(key);
  };
}

/** Measures text as a canvas draws it. */
export function measurer(font) {
  const pen = document.createElement("canvas").getContext("2d");
  return (text, size, bold) => {
    pen.font = fontOf(size, bold, font);
    return pen.measureText(text).width;
  };
}

/** Black or white, whichever is read better on this colour. */
export function inkOn(hex) {
  const [red, green, blue] = rgbOf(hex).map((part) => (part / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000000" : "#ffffff";
}

/** Let the reader keep a file. */
function download(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Let the reader keep a picture, given as shapes, as a file of this kind, "svg" or "png". */
export function saveShapes(kind, name, { shapes, size }, font) {
  if (kind === "svg") {
    return download(`${name}.svg`, new Blob([svgOf(shapes, size, font)], { type: "image/svg+xml" }));
  }
  const paper = element("canvas");
  showShapes(paper, shapes, size, font, Math.max(2, window.devicePixelRatio)); // fine enough to print
  paper.toBlob((blob) => download(`${name}.png`, blob));
}

/** Text into the clipboard; true if it is there. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard outside of https and in a sandboxed frame: the old way works there.
    const area = element("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
