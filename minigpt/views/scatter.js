import { element, shape } from "./common.js";

// Points of a plane on a canvas, for all views that show some: where they fall, which one is meant, which labels have
// room, and the shapes of groups. Points come as one list [x, y, x, y, …], y upwards; spots are where they fall in
// the picture, in pixels, y downwards.

export const LIMIT = 80; // as far as zooming goes

/** The middle of the points and half of their extent. */
export function boundsOf(points) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  points.forEach((value, k) => {
    low[k % 2] = Math.min(low[k % 2], value);
    high[k % 2] = Math.max(high[k % 2], value);
  });
  return { middle: [0, 1].map((k) => (low[k] + high[k]) / 2), half: [0, 1].map((k) => (high[k] - low[k]) / 2) };
}

/** Pixels for a unit, the same on both axes: otherwise distances would lie. All points have room within the margin. */
export function scaleOf({ half }, [width, height], margin) {
  const room = [width, height].map((side) => Math.max(side / 2 - margin, 1));
  const scale = Math.min(room[0] / half[0], room[1] / half[1]);
  return Number.isFinite(scale) ? scale : 1; // all points at one place
}

/** Where points fall when the camera { at, zoom } looks at them; `scale` is that of zoom 1. */
export function spotsOf(points, { at, zoom }, scale, [width, height]) {
  const spots = new Float64Array(points.length);
  for (let k = 0; k < points.length; k += 2) {
    spots[k] = width / 2 + (points[k] - at[0]) * scale * zoom;
    spots[k + 1] = height / 2 - (points[k + 1] - at[1]) * scale * zoom;
  }
  return spots;
}

/** The camera after zooming by a factor; what lies under [x, y] stays there. */
export function zoomedAt({ at, zoom }, factor, [x, y], scale, [width, height]) {
  const to = Math.min(Math.max(zoom * factor, 1), LIMIT);
  const by = 1 / (scale * zoom) - 1 / (scale * to);
  return { at: [at[0] + (x - width / 2) * by, at[1] - (y - height / 2) * by], zoom: to };
}

/** The camera after the picture was dragged by so many pixels. */
export function panned({ at, zoom }, [dx, dy], scale) {
  return { at: [at[0] - dx / (scale * zoom), at[1] + dy / (scale * zoom)], zoom };
}

/** The camera with some of the points in sight: at zoom 1 all of them. */
export function keptIn({ at, zoom }, { middle, half }) {
  const inside = (k) => {
    const free = half[k] * (1 - 1 / zoom);
    return Math.min(Math.max(at[k], middle[k] - free), middle[k] + free);
  };
  return { at: [inside(0), inside(1)], zoom };
}

/** The point at [x, y], or the nearest within `reach` pixels; -1 for none. */
export function pointAt(spots, [x, y], reach) {
  let [best, least] = [-1, reach * reach];
  for (let k = 0; k < spots.length; k += 2) {
    const away = (spots[k] - x) ** 2 + (spots[k + 1] - y) ** 2;
    if (away <= least) [best, least] = [k / 2, away];
  }
  return best;
}

export const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * The point to which an arrow key leads: the nearest in the quarter that the arrow points to, -1 if there is none.
 * Points at one and the same place are walked by right and left. Another key gives null.
 */
export function pointTowards(spots, from, key) {
  const way = WAYS[key];
  if (!way) return null;
  let [best, least] = [-1, Infinity];
  for (let k = 0; k < spots.length; k += 2) {
    const [dx, dy] = [spots[k] - spots[2 * from], spots[k + 1] - spots[2 * from + 1]];
    const along = dx * way[0] + dy * way[1];
    const across = Math.abs(dx * way[1] + dy * way[0]);
    const isSame = dx === 0 && dy === 0;
    if (isSame ? (k / 2 - from) * way[0] <= 0 : along < across || along <= 0) continue;
    const away = dx * dx + dy * dy || Math.abs(k / 2 - from) * 1e-9;
    if (away < least) [best, least] = [k / 2, away];
  }
  return best;
}

const CELL = 32; // pixels; only boxes that share a cell can meet

/** Boxes [left, top, right, bottom] that are taken, and whether another one has room. */
export function makeRoom() {
  const cells = new Map();
  const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  /** Whether `test` holds for all cells that the box touches. */
  const everyCell = ([left, top, right, bottom], test) => {
    for (let x = Math.floor(left / CELL); x <= right / CELL; x++) {
      for (let y = Math.floor(top / CELL); y <= bottom / CELL; y++) if (!test(x * 4096 + y)) return false;
    }
    return true;
  };
  const isFree = (box) => everyCell(box, (cell) => !cells.get(cell)?.some((other) => meet(box, other)));
  const take = (box) => {
    everyCell(box, (cell) => (cells.has(cell) ? cells.get(cell).push(box) : cells.set(cell, [box])));
  };
  return { isFree, take };
}

const LINE = 16; // pixels that a label is high
// Where a label may stand: across -1 is left of its point, 0 in its middle, 1 right; then down.
const SIDES = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [1, 1], [-1, -1], [-1, 1]];
const AROUND = [...SIDES, [1, -0.5], [1, 0.5], [-1, -0.5], [-1, 0.5], [0.5, -1], [0.5, 1], [-0.5, -1], [-0.5, 1]];
const NEAR = 3; // pixels between a point and its label
const STEPS = [NEAR, 10, 18, 28, 40, 54, 70, 88, 108, 130]; // and for those that have to find a place

/** The box [left, top, right, bottom] of a label so wide, on a side of the spot [x, y] and so far from it. */
function labelBox([x, y], wide, [across, down], away) {
  const left = x + across * away + ((across - 1) / 2) * wide;
  const middle = y + down * (away + (1 - Math.abs(across)) * (LINE / 2));
  return [left, middle - LINE / 2, left + wide, middle + LINE / 2];
}

/**
 * Labels that have room, as { n, left, middle, apart }. `order` says who is asked first. The first `must` of them get
 * a place in any case, if need be apart from their point, or at last over something; the others only beside their
 * point, covering neither a point nor a label. `radius` is that of a point.
 */
export function placeLabels(spots, widths, order, must, radius, [width, height]) {
  const { isFree, take } = makeRoom();
  const spot = (n) => [spots[2 * n], spots[2 * n + 1]];
  const isInside = ([left, top, right, bottom]) => left >= 0 && top >= 0 && right <= width && bottom <= height;
  const isSeen = (n) => isInside([...spot(n), ...spot(n)]);
  const takePoint = (n) => take([0, 1, 2, 3].map((k) => spots[2 * n + (k % 2)] + (k < 2 ? -radius : radius)));
  const boxes = (n, sides, steps) => {
    return steps.flatMap((step) => sides.map((side) => [...labelBox(spot(n), widths[n], side, radius + step), step]));
  };
  const placed = [];
  const put = (n, [left, top, right, bottom, step = NEAR]) => {
    take([left, top, right, bottom]);
    placed.push({ n, left, middle: top + LINE / 2, apart: step > STEPS[1] });
  };
  const [first, others] = [order.slice(0, must).filter(isSeen), order.slice(must).filter(isSeen)];
  first.forEach(takePoint);
  for (const n of first) {
    const all = boxes(n, AROUND, STEPS);
    const inside = all.filter(isInside);
    put(n, inside.find(isFree) ?? inside[0] ?? all[0]);
  }
  others.forEach(takePoint);
  for (const n of others) {
    for (let side = 0; side < 4; side++) {
      const box = labelBox(spot(n), widths[n], SIDES[side], radius + NEAR);
      if (!isInside(box) || !isFree(box)) continue;
      put(n, box);
      break;
    }
  }
  return placed;
}

/** A text as short as a picture has room for; no emoji is cut. */
export function cut(text, most) {
  const letters = Array.from(text.slice(0, 4 * most));
  return letters.length > most || text.length > 4 * most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

/** Round numbers from low to high, at most about six. */
export function roundTicks(low, high) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 5));
  const step = [1, 2, 5, 10].map((by) => by * power).find((by) => span / by <= 6);
  const first = Math.ceil(low / step - 1e-9);
  const n = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: n }, (_, k) => Number(((first + k) * step).toFixed(9)));
}

// Corners of the shapes, for a circle of radius 1 that they look as large as: square, diamond, triangles, plus, cross,
// star. What colour says, shape says too.
const turned = (corners, turns) => {
  const [c, s] = [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
  return corners.map(([x, y]) => [x * c - y * s, x * s + y * c]);
};
const SQUARE = [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]];
const TRIANGLE = [[0, -1.25], [1.2, 0.85], [-1.2, 0.85]];
const ARM = [[-0.45, -1.3], [0.45, -1.3], [0.45, -0.45]];
const PLUS = [0, 0.25, 0.5, 0.75].flatMap((turns) => turned(ARM, turns));
const STAR = Array.from({ length: 10 }, (_, k) => turned([[0, k % 2 ? -0.6 : -1.45]], k / 10)[0]);
const [DIAMOND, DOWN, CROSS] = [turned(SQUARE, 1 / 8), turned(TRIANGLE, 1 / 2), turned(PLUS, 1 / 8)];
const CORNERS = [null, SQUARE, DIAMOND, TRIANGLE, DOWN, PLUS, CROSS, STAR]; // null: a circle
export const SHAPES = CORNERS.length;

/** The outline of a group's shape as an SVG path around (0, 0); group -1, none, is a small circle. */
export function outline(group, radius) {
  const corners = CORNERS[group < 0 ? 0 : group % SHAPES];
  const r = group < 0 ? 0.7 * radius : radius;
  if (!corners) return `M${r} 0A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0Z`;
  return `M${corners.map((corner) => corner.map((part) => (part * r).toFixed(2)).join(" ")).join("L")}Z`;
}

const COLOURS = 6; // in scatter.css

/** The CSS variable with the colour of a group. */
export function colourName(group) {
  return group < 0 ? "--mg-soft" : `--mg-group-${group % COLOURS}`;
}

/** Draw the points that are in sight: `groupOf(n)` and `colourOf(group)`, `faded(n)` steps back. */
export function drawPoints(pen, spots, [width, height], { groupOf, colourOf, radius, faded, ground }) {
  const paths = new Map();
  const pathOf = (group) => {
    if (!paths.has(group)) paths.set(group, new Path2D(outline(group, radius)));
    return paths.get(group);
  };
  const rim = spots.length < 1000; // many rims take time and hide more than they part
  pen.strokeStyle = ground;
  for (let k = 0; k < spots.length; k += 2) {
    const [x, y, group] = [spots[k], spots[k + 1], groupOf(k / 2)];
    if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
    pen.globalAlpha = faded(k / 2) ? 0.3 : 1;
    pen.fillStyle = colourOf(group);
    pen.translate(x, y);
    pen.fill(pathOf(group));
    if (rim) pen.stroke(pathOf(group));
    pen.translate(-x, -y);
  }
  pen.globalAlpha = 1;
}

/** A ring around the point that is meant. */
export function drawRing(pen, spots, n, radius, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 3;
  pen.beginPath();
  pen.arc(spots[2 * n], spots[2 * n + 1], radius + 4, 0, 2 * Math.PI);
  pen.stroke();
}

/** A line between two places of the picture, drawn through or in dashes. */
export function drawLine(pen, [x1, y1], [x2, y2], colour, dashes = []) {
  pen.strokeStyle = colour;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
  pen.setLineDash([]);
}

/** Text with a rim of the ground around it, so that it can be read over points and lines. */
export function drawLabel(pen, text, left, middle, ink, ground) {
  pen.textBaseline = "middle";
  pen.direction = "ltr"; // where it stands; letters that are read from the right still are
  pen.textAlign = "left";
  pen.lineJoin = "round";
  pen.lineWidth = 4;
  pen.strokeStyle = ground;
  pen.strokeText(text, left, middle);
  pen.fillStyle = ink;
  pen.fillText(text, left, middle);
}

/** Names of groups with their shapes; `rest` names the points in none. */
export function legendOf(names, rest) {
  const item = (name, group) => {
    const sign = shape("path", { d: outline(group, 6), style: `fill: var(${colourName(group)})` });
    const svg = shape("svg", { width: 18, height: 18, viewBox: "-9 -9 18 18", "aria-hidden": "true" }, sign);
    return element("li", {}, svg, element("bdi", {}, cut(name, 40)));
  };
  const items = names.map(item);
  return element("ul", { class: "legend", "aria-label": "Groups" }, ...items, ...(rest ? [item(rest, -1)] : []));
}
