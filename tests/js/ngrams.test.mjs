import assert from "node:assert/strict";
import test from "node:test";
import { logAxis, ticksOf } from "../../minigpt/views/log_axis.js";
import { comparison } from "../../minigpt/views/ngrams.js";

test("ticks are round numbers, and of a wide range powers of ten", () => {
  assert.deepEqual(ticksOf(3, 60), [5, 10, 20, 50]);
  assert.deepEqual(ticksOf(1, 20000), [1, 10, 100, 1000, 10000]);
});

test("the logarithmic axis puts the geometric mean in the middle", () => {
  const y = logAxis(1, 100, 200);
  assert.deepEqual([1, 10, 100].map(y), [200, 100, 0]);
});

test("an axis of a single value does not divide by zero", () => {
  assert.equal(logAxis(5, 5, 100)(5), 100);
});

test("the perplexities are compared in words", () => {
  const curves = { n: [1, 2], train: [20, 10], held_out: [20, 15], floor: null };
  const expected = "n = 2: perplexity 10.0 on the training text, 15.0 on held-out text, 1.50 times as high.";
  assert.equal(comparison(curves, 2), expected);
});
