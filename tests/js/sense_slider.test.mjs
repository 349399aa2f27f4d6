import assert from "node:assert/strict";
import test from "node:test";
import { between, companyOf, curveOf, layerInWords } from "../../minigpt/views/sense_slider.js";

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
  const facts = { name: "block 0", n: 9, isOnePoint: false, share: 0.42, gap: 0.125 };
  assert.equal(layerInWords(facts), "After block 0: the gap is 0.125. The picture keeps 42 % of the variance.");
  const same = layerInWords({ ...facts, isOnePoint: true, gap: 0 });
  assert.equal(same, "After block 0: the gap is 0. All 9 vectors are the same here: there is no picture to draw.");
});

test("points on one spot are counted", () => {
  const points = [0.5, 1, -1, 0, 0.5, 1, 0.5, 1.00001];
  assert.deepEqual([0, 1, 2].map((n) => companyOf(points, n)), [2, 0, 2]);
});
