import assert from "node:assert/strict";
import test from "node:test";
import {
  between,
  curveOf,
  layerInWords,
  ringRadius,
  sharedInWords,
  shiftsOf,
  spotsIn,
} from "../../minigpt/views/sense_slider.js";

test("points walk in a straight line from one picture to the next", () => {
  const [from, to] = [Float32Array.from([0, 2]), Float32Array.from([4, -2])];
  assert.deepEqual([...between(from, to, 0)], [0, 2]);
  assert.deepEqual([...between(from, to, 0.25)], [1, 1]);
  assert.deepEqual([...between(from, to, 1)], [4, -2]);
});

test("the curve has its highest gap on top, its lowest or 0 at the bottom, and a layer's middle for each", () => {
  const { at, zero, step } = curveOf([0, 0.5, 1, -1]);
  assert.deepEqual(at.map(([, y]) => y), [85, 42.5, 0, 170]);
  assert.equal(zero, 85);
  assert.deepEqual(at.map(([x]) => (x - 48) / step), [0.5, 1.5, 2.5, 3.5]);
});

test("gaps that are all 0 are a level line", () => {
  const { at, zero, ticks } = curveOf([0, 0]);
  assert.deepEqual([...at.map(([, y]) => y), zero], [170, 170, 170]);
  assert.deepEqual(ticks, [[0, 170]]);
});

test("a layer is told with its gap and what its picture keeps, or that there is none", () => {
  const facts = { name: "block 0", n: 9, isOnePoint: false, share: 0.42, gap: 0.125, shared: "" };
  assert.equal(layerInWords(facts), "After block 0: the gap is 0.125. The picture keeps 42 % of the variance.");
  const same = layerInWords({ ...facts, isOnePoint: true, gap: 0 });
  assert.equal(same, "After block 0: the gap is 0. All 9 vectors are the same here: there is no picture to draw.");
});

test("points on one spot are found, those of one sense side by side", () => {
  const points = [0.5, 1, -1, 0, 0.5, 1, 0.5, 1.00001, 0.5, 1.001];
  assert.deepEqual(spotsIn(points, [0, 0, 1, 0, 1]), [[0, 3, 2], [1], [4]]);
});

test("points of one spot step aside into a ring around it, and touch no other; a point alone stays", () => {
  const shifts = shiftsOf([[0, 3, 2], [1]], 4);
  assert.deepEqual([...shifts.slice(2, 4)], [0, 0]);
  const at = [0, 2, 3].map((n) => [shifts[2 * n], shifts[2 * n + 1]]);
  for (const k of [0, 1]) assert.ok(Math.abs(at[0][k] + at[1][k] + at[2][k]) < 1e-9);
  for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) assert.ok(Math.hypot(at[a][0] - at[b][0], at[a][1] - at[b][1]) >= 14);
});

test("a ring grows with its points, up to a limit", () => {
  assert.equal(ringRadius(1), 0);
  assert.ok(ringRadius(2) < ringRadius(6) && ringRadius(6) < ringRadius(900));
  assert.equal(ringRadius(900), 30);
});

test("shared spots are told, and how many of them hold several senses", () => {
  const senses = [0, 0, 1, 1];
  const told = sharedInWords([[0, 2], [1], [3]], senses);
  assert.equal(told, " The 4 sentences lie on 3 spots; 1 of them holds more than one sense.");
  assert.match(sharedInWords([[0, 1], [2, 3]], senses), /on 2 spots; none of them holds more/);
  assert.equal(sharedInWords([[0], [1], [2], [3]], senses), "");
  assert.equal(sharedInWords([], senses), "");
});
