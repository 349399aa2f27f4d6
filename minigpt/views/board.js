import { element } from "./common.js";
import { WAYS, boundsOf, keptIn, panned, pointAt, pointTowards, scaleOf, spotsOf, zoomedAt } from "./scatter.js";

/**
 * A canvas of points that is looked at, zoomed and dragged. The view gives `points()`, `paint(pen, spots, size)`,
 * `isAt()`, the point where the keys are, `look(n, byKeys)`, called with the point under the pointer or that the keys
 * lead to, and `pick(n)`, called by click and Enter; -1 for none. `zooms` is false for a picture that stands still.
 * `shifts()`, if given, moves each spot by so many pixels [x, y, x, y, …]; `margin` is the room around all points.
 */
export function makeBoard(label, { points, paint, isAt, look, pick, shifts, zooms = true, margin = 28 }) {
  const canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": label });
  let camera = { at: [0, 0], zoom: 1 };
  let [spots, size, scale, waiting] = [[], [0, 0], 1, 0];
  const pointers = new Map(); // those that are down: where they are
  let dragged = 0; // pixels since the first went down

  function draw() {
    cancelAnimationFrame(waiting);
    waiting = 0;
    const width = canvas.parentElement?.clientWidth ?? 0;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    size = [width, Math.round(Math.min(Math.max(0.62 * width, 260), 520))];
    if (canvas.width !== Math.round(size[0] * ratio) || canvas.height !== Math.round(size[1] * ratio)) {
      [canvas.width, canvas.height] = size.map((side) => Math.round(side * ratio));
      [canvas.style.width, canvas.style.height] = size.map((side) => `${side}px`);
    }
    const bounds = boundsOf(points());
    scale = scaleOf(bounds, size, margin);
    camera = keptIn(camera, bounds);
    spots = spotsOf(points(), camera, scale, size);
    shifts?.().forEach((by, k) => (spots[k] += by));
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, ...size);
    paint(pen, spots, size);
  }
  const soon = () => {
    waiting ||= requestAnimationFrame(draw); // however many events there are, one picture a frame
  };
  const move = (to) => {
    camera = to;
    soon();
  };
  const spotOf = (n) => [spots[2 * n], spots[2 * n + 1]];
  const isInside = (n, margin) => spotOf(n).every((value, k) => value >= margin && value <= size[k] - margin);
  /** Zoom; without a place around the point where the keys are, which so stays in sight, or the middle. */
  const zoomBy = (factor, place) => {
    const n = isAt();
    const around = n >= 0 && isInside(n, 0) ? spotOf(n) : size.map((side) => side / 2);
    move(zoomedAt(camera, factor, place ?? around, scale, size));
  };
  const reset = () => move({ at: [0, 0], zoom: 1 });
  /** Drag the picture so far that a point is in sight. */
  const show = (n) => {
    if (isInside(n, 12)) return soon();
    const by = spotOf(n).map((value, k) => Math.min(Math.max(value, 40), size[k] - 40) - value);
    move(panned(camera, by, scale));
  };
  const at = (event) => [event.offsetX, event.offsetY];
  const apart = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return; // the left one and touch only
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 1) dragged = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return look(pointAt(spots, at(event), 14), false);
    const [by, wide] = [[0, 1].map((k) => at(event)[k] - before[k]), pointers.size === 2 ? apart() : 0];
    pointers.set(event.pointerId, at(event));
    dragged += Math.hypot(...by);
    if (!zooms) return;
    if (wide) zoomBy(apart() / wide, at(event));
    else if (dragged > 4) move(panned(camera, by, scale));
  });
  const lift = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size || event.type !== "pointerup") return;
    if (dragged <= 4) pick(pointAt(spots, at(event), 14));
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => pointers.size || look(-1, false));
  const onWheel = (event) => {
    // Whoever scrolls through the notebook must not be caught: the wheel zooms when the picture has the focus.
    if (!zooms || (document.activeElement !== canvas && !event.ctrlKey)) return; // a pinch comes as wheel and Ctrl
    if (camera.zoom === 1 && event.deltaY > 0 && !event.ctrlKey) return; // all is in sight: the page may go on
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), at(event));
  };
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.metaKey || event.altKey || event.ctrlKey) return;
    const acts = { "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: reset };
    const from = isAt();
    if (WAYS[event.key]) {
      const middle = size.map((side) => side / 2);
      const to = from < 0 ? pointAt(spots, middle, Infinity) : pointTowards(spots, from, event.key);
      if (to >= 0) look(to, true);
    } else if (event.key === "Enter") pick(from);
    else if (event.key === "Escape") pick(-1);
    else if (zooms && acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  });
  return { root: canvas, draw, soon, show, zoomBy, reset, stop: () => cancelAnimationFrame(waiting) };
}
