import assert from "node:assert/strict";
import test from "node:test";
import {
  SHAPES,
  boundsOf,
  colourName,
  cut,
  keptIn,
  makeRoom,
  outline,
  panned,
  placeLabels,
  pointAt,
  pointTowards,
  roundTicks,
  scaleOf,
  spotsOf,
  zoomedAt,
} from "../../minigpt/views/scatter.js";

const SIZE = [400, 200];
const near = (a, b) => a.forEach((value, k) => assert.ok(Math.abs(value - b[k]) < 1e-9, `${a} is not ${b}`));

test("all points are in the picture, y upwards, with one scale for both axes", () => {
  const points = [-1, 0, 3, 0, 1, 2];
  const bounds = boundsOf(points);
  assert.deepEqual(bounds, { middle: [1, 1], half: [2, 1] });
  const scale = scaleOf(bounds, SIZE, 20);
  assert.equal(scale, 80); // the height decides: 200 / 2 - 20
  assert.deepEqual([...spotsOf(points, { at: bounds.middle, zoom: 1 }, scale, SIZE)], [40, 180, 360, 180, 200, 20]);
});

test("points at one place lie in the middle, and a picture without room has a scale", () => {
  const bounds = boundsOf([5, 5, 5, 5]);
  const scale = scaleOf(bounds, SIZE, 20);
  assert.deepEqual([...spotsOf([5, 5], { at: bounds.middle, zoom: 1 }, scale, SIZE)], [200, 100]);
  assert.ok(scaleOf({ middle: [0, 0], half: [1, 1] }, [10, 10], 20) > 0);
});

test("zooming leaves in its place what lies under the pointer", () => {
  const [scale, pointer] = [80, [310, 35]];
  const before = { at: [1, 1], zoom: 2 };
  const under = [1 + (310 - 200) / 160, 1 - (35 - 100) / 160];
  const after = zoomedAt(before, 3, pointer, scale, SIZE);
  assert.equal(after.zoom, 6);
  near([...spotsOf(under, after, scale, SIZE)], pointer);
});

test("zooming stays between all and a limit", () => {
  const camera = { at: [0, 0], zoom: 1 };
  assert.equal(zoomedAt(camera, 0.5, [0, 0], 1, SIZE).zoom, 1);
  assert.equal(zoomedAt(camera, 1e9, [0, 0], 1, SIZE).zoom, 80);
});

test("a dragged picture follows the pointer, and cannot be dragged out of sight", () => {
  const camera = { at: [1, 1], zoom: 2 };
  const [from, to] = [camera, panned(camera, [8, -16], 80)].map((one) => spotsOf([0, 0], one, 80, SIZE));
  near([to[0] - from[0], to[1] - from[1]], [8, -16]);
  const bounds = { middle: [1, 1], half: [2, 1] };
  assert.deepEqual(keptIn({ at: [99, -99], zoom: 2 }, bounds).at, [2, 0.5]);
  assert.deepEqual(keptIn({ at: [99, -99], zoom: 1 }, bounds).at, [1, 1]);
});

test("the nearest point within reach is meant", () => {
  const spots = [10, 10, 20, 10, 100, 100];
  assert.equal(pointAt(spots, [16, 10], 14), 1);
  assert.equal(pointAt(spots, [60, 60], 14), -1);
  assert.equal(pointAt(spots, [60, 60], Infinity), 2);
  assert.equal(pointAt([], [0, 0], 14), -1);
});

test("an arrow key leads to the nearest point in its quarter", () => {
  const spots = [50, 50, 60, 55, 55, 20, 10, 50, 50, 90];
  assert.equal(pointTowards(spots, 0, "ArrowRight"), 1);
  assert.equal(pointTowards(spots, 0, "ArrowUp"), 2);
  assert.equal(pointTowards(spots, 0, "ArrowLeft"), 3);
  assert.equal(pointTowards(spots, 0, "ArrowDown"), 4);
  assert.equal(pointTowards(spots, 4, "ArrowDown"), -1);
  assert.equal(pointTowards(spots, 0, "a"), null);
});

test("points at one place are walked by right and left, then on to the next place", () => {
  const spots = [50, 50, 50, 50, 50, 50, 90, 50];
  const right = [0, 1, 2].map((n) => pointTowards(spots, n, "ArrowRight"));
  assert.deepEqual(right, [1, 2, 3]);
  assert.deepEqual([2, 1, 0].map((n) => pointTowards(spots, n, "ArrowLeft")), [1, 0, -1]);
  assert.equal(pointTowards(spots, 1, "ArrowUp"), -1);
});

test("boxes that touch no other are free, also across the grid of cells", () => {
  const { isFree, take } = makeRoom();
  take([-10, -10, 100, 10]);
  assert.equal(isFree([90, 0, 120, 20]), false);
  assert.equal(isFree([100, 0, 120, 20]), true); // they share an edge
  assert.equal(isFree([-40, -10, -12, 10]), true);
});

const boxOf = ({ n, left, middle }, widths) => [left, middle - 8, left + widths[n], middle + 8];
const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

test("of a crowd only labels with room are drawn, over no point and no other label", () => {
  const n = 300;
  const spots = Array.from({ length: 2 * n }, (_, k) => (k % 2 ? 100 + 60 * Math.sin(k * k) : 200 + 150 * Math.cos(k * 7)));
  const widths = Array.from({ length: n }, (_, k) => 20 + (k % 5) * 8);
  const labels = placeLabels(spots, widths, [...Array(n).keys()], 0, 5, SIZE);
  assert.ok(labels.length > 3 && labels.length < n / 3);
  const points = Array.from({ length: n }, (_, k) => [spots[2 * k] - 5, spots[2 * k + 1] - 5, spots[2 * k] + 5, spots[2 * k + 1] + 5]);
  labels.forEach((label, k) => {
    const box = boxOf(label, widths);
    assert.ok(box[0] >= 0 && box[2] <= 400 && box[1] >= 0 && box[3] <= 200);
    assert.ok(!points.some((point) => meet(box, point)));
    assert.ok(!labels.some((other, m) => m !== k && meet(box, boxOf(other, widths))));
  });
});

test("the first labels get a place in any case, further away where it is crowded", () => {
  const n = 12;
  const spots = Array.from({ length: 2 * n }, (_, k) => (k % 2 ? 100 + (k % 3) : 200 + (k % 5)));
  const widths = Array.from({ length: n }, () => 50);
  const labels = placeLabels(spots, widths, [...Array(n).keys()], 9, 5, SIZE);
  assert.deepEqual(labels.map((label) => label.n), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.ok(labels.some((label) => label.apart) && !labels[0].apart);
  labels.forEach((a, k) => labels.slice(k + 1).forEach((b) => assert.ok(!meet(boxOf(a, widths), boxOf(b, widths)))));
});

test("a point out of sight has no label, and one label wider than the picture is drawn all the same", () => {
  assert.deepEqual(placeLabels([500, 50], [40], [0], 1, 5, SIZE), []);
  assert.equal(placeLabels([200, 100], [999], [0], 1, 5, SIZE).length, 1);
  assert.equal(placeLabels([200, 100], [999], [0], 0, 5, SIZE).length, 0);
});

test("every group has a shape of its own, and none is a small circle", () => {
  const outlines = Array.from({ length: SHAPES }, (_, group) => outline(group, 5));
  assert.equal(new Set(outlines).size, 8);
  assert.equal(outline(-1, 10), outline(0, 7));
  assert.ok(outlines.every((path) => /^M[-\d. LMAZ]+Z$/.test(path) && !path.includes("NaN")));
  assert.equal(colourName(-1), "--mg-soft");
  assert.equal(colourName(7), "--mg-group-1");
});

test("a long text is cut, and no emoji in two", () => {
  assert.equal(cut("drank", 5), "drank");
  assert.equal(cut("x".repeat(10_000), 4), "xxx…");
  assert.equal(cut("😀".repeat(20), 4), "😀😀😀…");
});

test("ticks are round numbers and hold 0", () => {
  assert.deepEqual(roundTicks(0, 0.071), [0, 0.02, 0.04, 0.06]);
  assert.deepEqual(roundTicks(-0.1, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(roundTicks(0, 0), [0]);
});
