import { checkbox, element, keepDrawn, onChange, rootOf, shape } from "./common.js";
import { logAxis, ticksOf } from "./log_axis.js";
import { colourName, cut, legendOf, outline, placeLabels, pointAt, pointTowards } from "./scatter.js";

// Operations per byte against operations a second, under the roof of a machine.

const [LEFT, BOTTOM, TOP, RIGHT] = [64, 40, 12, 12]; // around the picture
const RADIUS = 6; // of a point
const REACH = 24; // pixels from a point that still mean it
const LETTER = 6.6; // pixels, of a label at 12 pixels, on average
const UNITS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [0, ""]];

/** 1.2e12 -> "1.2 T" */
export function withLetter(value) {
  const [size, letter] = UNITS.find(([least]) => value >= least);
  return `${Number((value / (size || 1)).toPrecision(3))} ${letter}`.trim();
}

/** What the axes have to hold: [lowest, highest] intensity, and the same for speed, with some room around. */
export function rangesOf(points, roofs) {
  const places = roofs.flatMap(({ peaks, bandwidth }) => Object.values(peaks).map((peak) => peak / bandwidth));
  const x = [...points.map((one) => one.intensity), ...places];
  const [low, high] = [Math.min(...x) / 2, Math.max(...x) * 4];
  const tops = roofs.flatMap(({ peaks }) => Object.values(peaks));
  const feet = roofs.map(({ bandwidth }) => low * bandwidth);
  const y = [...points.map((one) => one.speed), ...tops, ...feet];
  return [[low, high], [Math.min(...y) / 1.5, Math.max(...y) * 2]];
}

/** A roof as corners [intensity, speed]: up with the bandwidth, then level at the peak. */
export function cornersOf(peak, bandwidth, [low, high]) {
  const ridge = Math.min(Math.max(peak / bandwidth, low), high);
  return [[low, Math.min(peak, low * bandwidth)], [ridge, Math.min(peak, ridge * bandwidth)], [high, Math.min(peak, high * bandwidth)]];
}

/** The labels that cover none of the boxes [left, top, right, bottom]; `widths` are those of all labels. */
export function clearOf(placed, widths, boxes) {
  const meets = ({ n, left, middle }, box) =>
    left < box[2] && left + widths[n] > box[0] && middle - 8 < box[3] && middle + 8 > box[1];
  return placed.filter((label) => !boxes.some((box) => meets(label, box)));
}

/** Places in the picture: x and y from numbers. */
export function scalesOf([x, y], width, height) {
  const across = logAxis(x[0], x[1], width - LEFT - RIGHT);
  const up = logAxis(y[0], y[1], height - TOP - BOTTOM);
  return { x: (value) => width - RIGHT - across(value), y: (value) => TOP + up(value) };
}

function gridOf(ranges, scales, width, height) {
  const [right, floor] = [width - RIGHT, height - BOTTOM];
  const decades = (ticks) => ticks.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9 || ticks.length < 4);
  const upright = decades(ticksOf(...ranges[0])).flatMap((tick) => [
    shape("line", { class: "grid", x1: scales.x(tick), x2: scales.x(tick), y1: TOP, y2: floor }),
    shape("text", { x: scales.x(tick), y: floor + 16, "text-anchor": "middle" }, tick.toLocaleString("en")),
  ]);
  const level = decades(ticksOf(...ranges[1])).flatMap((tick) => [
    shape("line", { class: "grid", x1: LEFT, x2: right, y1: scales.y(tick), y2: scales.y(tick) }),
    shape("text", { x: LEFT - 6, y: scales.y(tick) + 4, "text-anchor": "end" }, withLetter(tick)),
  ]);
  const names = [
    shape("text", { x: (LEFT + right) / 2, y: height - 6, "text-anchor": "middle" }, "operations per byte"),
    shape("text", { transform: `translate(13 ${(TOP + floor) / 2}) rotate(-90)`, "text-anchor": "middle" }, "operations a second (FLOP/s)"),
  ];
  return [...upright, ...level, ...names];
}

const nameOf = (name, format, peak) => `${name ? `${name}, ` : ""}${format}: ${withLetter(peak)}FLOP/s`;

/** The boxes of the names at the right ends of a machine's lines. */
function namesOf({ name, peaks }, scales, width) {
  return Object.entries(peaks).map(([format, peak]) => {
    const [right, foot] = [width - RIGHT - 4, scales.y(peak) - 2];
    return [right - LETTER * nameOf(name, format, peak).length, foot - 16, right, foot];
  });
}

/** The lines of a machine, and names at their right ends. */
function roofOf({ name, peaks, bandwidth }, kind, ranges, scales, width) {
  return Object.entries(peaks).flatMap(([format, peak], k) => {
    const corners = cornersOf(peak, bandwidth, ranges[0]);
    const points = corners.map(([x, y]) => `${scales.x(x).toFixed(1)},${scales.y(y).toFixed(1)}`).join(" ");
    const line = shape("polyline", { class: `${kind}${k ? " second" : ""}`, points });
    const at = { x: width - RIGHT - 4, y: scales.y(corners[2][1]) - 6, "text-anchor": "end" };
    return [line, shape("text", { ...at, class: kind === "other" ? "other" : "name" }, nameOf(name, format, peak))];
  });
}

function render({ model, el }) {
  const root = rootOf("roofline", "Roofline: operations per byte against operations a second");
  const get = (name) => model.get(name);
  const svg = shape("svg", { class: "picture", tabindex: 0, role: "application" });
  const holder = element("div", {}, svg);
  const words = element("p", { class: "words", "aria-live": "polite" });
  const legend = element("div");
  const others = element("fieldset", { hidden: true });
  const formats = element("span");
  const help = "Click a point, or walk with the arrow keys; Home and End lead to the first and the last, Escape to none.";
  root.append(holder, legend, words, others, element("p", { class: "soft" }, help, formats));
  el.append(root);
  let spots = [];

  const choose = (n) => {
    model.set("chosen", n);
    model.save_changes();
    draw();
  };
  const own = () => ({ name: "", peaks: get("peaks"), bandwidth: get("bandwidth")[0] });
  const sheets = () => get("others").filter((_, n) => get("shown").includes(n));

  function pointOf(one, n, kinds) {
    const [group, hollow] = [kinds.indexOf(one.kind), one.format !== Object.keys(get("peaks"))[0]];
    const colour = `var(${colourName(group)})`;
    const style = hollow ? `fill: var(--mg-ground); stroke: ${colour}` : `fill: ${colour}`;
    const at = `translate(${spots[2 * n].toFixed(1)} ${spots[2 * n + 1].toFixed(1)})`;
    return shape("path", { class: `point${hollow ? " hollow" : ""}`, d: outline(group, RADIUS), transform: at, style });
  }
  function labelsOf(points, names, width, height) {
    const texts = points.map((one) => cut(one.name, 30));
    const widths = texts.map((text) => LETTER * text.length);
    const order = [...points.keys()].sort((a, b) => (b === get("chosen")) - (a === get("chosen")));
    const placed = placeLabels(spots, widths, order, get("chosen") < 0 ? 0 : 1, RADIUS + 1, [width, height - BOTTOM]);
    return clearOf(placed, widths, names).map(({ n, left, middle }) => shape("text", { x: left, y: middle + 4 }, texts[n]));
  }
  function chosenOf(one, scales) {
    const [x, y, top] = [scales.x(one.intensity), scales.y(one.speed), scales.y(one.bound)];
    return [
      shape("line", { class: "gap", x1: x, x2: x, y1: y, y2: top }),
      shape("line", { class: "chosen", x1: x - 9, x2: x + 9, y1: top, y2: top }),
      shape("circle", { class: "chosen", cx: x, cy: y, r: RADIUS + 4 }),
    ];
  }
  function draw() {
    const width = Math.max(holder.clientWidth, 280);
    const height = Math.round(Math.min(Math.max(0.58 * width, 300), 480));
    const [points, roofs] = [get("points"), [own(), ...sheets()]];
    const ranges = rangesOf(points, roofs);
    const scales = scalesOf(ranges, width, height);
    spots = points.flatMap((one) => [scales.x(one.intensity), scales.y(one.speed)]);
    const kinds = [...new Set(points.map((one) => one.kind))];
    const one = points[get("chosen")];
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) svg.setAttribute(name, value);
    svg.setAttribute("aria-label", `Roofline of ${get("machine")}: ${points.length} operations; arrow keys lead from one to the next`);
    svg.replaceChildren(
      ...gridOf(ranges, scales, width, height),
      ...roofs.slice(1).flatMap((roof) => roofOf(roof, "other", ranges, scales, width)),
      ...roofOf(own(), "roof", ranges, scales, width),
      ...(one ? chosenOf(one, scales) : []),
      ...points.map((each, n) => pointOf(each, n, kinds)),
      ...labelsOf(points, roofs.flatMap((roof) => namesOf(roof, scales, width)), width, height),
    );
    legend.replaceChildren(legendOf(kinds, ""));
    const [first, second] = Object.keys(get("peaks"));
    formats.textContent = second ? ` Full points and the full line are ${first}, hollow points and dashes ${second}.` : "";
    words.textContent = one ? one.words : `Measured on ${get("machine")}. Choose an operation to see what limits it.`;
    drawOthers();
  }
  function drawOthers() {
    const list = get("others");
    others.hidden = !list.length;
    if (others.childElementCount !== list.length + 1 && list.length) {
      const boxes = list.map(({ name, source }, n) => {
        const box = checkbox(name, false, (checked) => {
          model.set("shown", checked ? [...get("shown"), n] : get("shown").filter((other) => other !== n));
          model.save_changes();
          draw();
        });
        return element("div", { class: "row" }, box.root, element("span", { class: "soft" }, source));
      });
      others.replaceChildren(element("legend", {}, "From data sheets, not measured"), ...boxes);
    }
    others.querySelectorAll("input").forEach((input, n) => (input.checked = get("shown").includes(n)));
  }
  svg.addEventListener("click", (event) => {
    const { left, top } = svg.getBoundingClientRect();
    choose(pointAt(spots, [event.clientX - left, event.clientY - top], REACH));
  });
  svg.addEventListener("keydown", (event) => {
    const [n, last] = [get("chosen"), get("points").length - 1];
    const ends = { Home: 0, End: last, Escape: -1 };
    if (!(event.key in ends) && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (event.key in ends) return choose(ends[event.key]);
    const to = n < 0 ? 0 : pointTowards(spots, n, event.key);
    if (to >= 0 && last >= 0) choose(to);
  });
  const stops = [onChange(model, ["points", "peaks", "bandwidth", "others", "shown", "chosen", "machine"], draw), keepDrawn(holder, draw)];
  return () => stops.forEach((stop) => stop());
}

export default { render };
