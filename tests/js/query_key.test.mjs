import assert from "node:assert/strict";
import test from "node:test";
import { attend, onPicture, onPlane, stepped } from "../../minigpt/views/query_key.js";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`);

test("two equal keys share the weight and the output is the mean of the values", () => {
  const { scores, weights, output } = attend([1, 0], [[2, 1], [2, -1]], [[1, 0], [0, 1]], true);
  assert.deepEqual(scores, [2, 2]);
  assert.deepEqual(weights, [0.5, 0.5]);
  assert.deepEqual(output, [0.5, 0.5]);
});

test("a hand-worked softmax, with and without the division by the root of two", () => {
  const plain = attend([1, 0], [[Math.log(3), 0], [0, 5]], [[4, 0], [0, 0]], false);
  near(plain.weights[0], 0.75); // 3 / (3 + 1)
  near(plain.output[0], 3);
  const scaled = attend([1, 0], [[Math.SQRT2 * Math.log(3), 0], [0, 5]], [[4, 0], [0, 0]], true);
  near(scaled.weights[0], 0.75);
});

test("large scores do not overflow", () => {
  const { weights } = attend([1000, 0], [[1000, 0], [0, 0]], [[0, 0], [0, 0]], false);
  assert.deepEqual(weights, [1, 0]);
});

test("a point goes to the picture and comes back", () => {
  assert.deepEqual(onPicture([0, 0], 3), [120, 120]);
  assert.deepEqual(onPicture([3, 3], 3), [240, 0]);
  assert.deepEqual(onPlane(onPicture([1.25, -2.5], 3), 3), [1.25, -2.5]);
});

test("nothing leaves the plane", () => {
  assert.deepEqual(onPlane([999, -999], 3), [3, 3]);
  assert.deepEqual(stepped("ArrowRight", [2.95, 0], 0.1, 3), [3, 0]);
});

test("arrow keys step without a tail of digits, other keys do nothing", () => {
  assert.deepEqual(stepped("ArrowUp", [0.1, 0.2], 0.1, 3), [0.1, 0.3]);
  assert.equal(stepped("Enter", [0, 0], 0.1, 3), null);
});
