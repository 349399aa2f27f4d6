import assert from "node:assert/strict";
import test from "node:test";
import { clearOf, cornersOf, rangesOf, scalesOf, withLetter } from "../../minigpt/views/roofline.js";

test("speeds are said with three digits and a letter", () => {
  assert.deepEqual([989e12, 1.234e9, 950, 1e15].map(withLetter), ["989 T", "1.23 G", "950", "1 P"]);
});

test("a roof climbs with the bandwidth, then is level at the peak", () => {
  assert.deepEqual(cornersOf(100, 10, [1, 1000]), [[1, 10], [10, 100], [1000, 100]]);
});

test("a ridge outside the picture leaves a line that only climbs, or only is level", () => {
  assert.deepEqual(cornersOf(100, 10, [1, 5]), [[1, 10], [5, 50], [5, 50]]);
  assert.deepEqual(cornersOf(100, 10, [20, 40]), [[20, 100], [20, 100], [40, 100]]);
});

test("all points, ridges and peaks lie within the axes", () => {
  const roofs = [{ peaks: { a: 100, b: 400 }, bandwidth: 10 }, { peaks: { a: 9000 }, bandwidth: 30 }];
  const points = [{ intensity: 0.5, speed: 0.1 }, { intensity: 50, speed: 90 }];
  const [[left, right], [low, high]] = rangesOf(points, roofs);
  assert.ok(left < 0.5 && right > 300 && low < 0.1 && high > 9000);
});

test("the picture grows to the right and upwards", () => {
  const { x, y } = scalesOf([[1, 100], [10, 1000]], 400, 300);
  assert.ok(x(1) < x(10) && x(10) < x(100));
  assert.ok(y(10) > y(1000));
  assert.ok(Math.abs(x(10) - (x(1) + x(100)) / 2) < 1e-9); // as far apart, for the factor is the same
});

test("a label that would cover the name of a roof is left out", () => {
  const placed = [{ n: 0, left: 0, middle: 50 }, { n: 1, left: 100, middle: 50 }];
  assert.deepEqual(clearOf(placed, [40, 40], [[120, 40, 200, 55]]), [placed[0]]);
});
