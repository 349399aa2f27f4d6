import assert from "node:assert/strict";
import test from "node:test";
import { duration, limitsOf, pointAt, smoothed, wordsAt } from "../../minigpt/views/dashboard.js";

const run = (more) => ({
  name: "mine",
  each: 1,
  steps: [0, 10, 20],
  loss: [4, 3, 2],
  learning_rate: [0.1, 0.2, 0.3],
  grad_norm: [null, null, null],
  tokens_per_second: [null, 1200, 1300],
  valid: [[10, 3.5]],
  ...more,
});

test("the running mean begins at the first value and passes over gaps", () => {
  const values = smoothed([2, null, 4], 0.5);
  assert.deepEqual(values.slice(0, 2), [2, 2]);
  assert.ok(Math.abs(values[2] - 10 / 3) < 1e-12); // (0.25 * 2 + 0.5 * 4) / 0.75
  assert.deepEqual(smoothed([null, 1]), [null, 1]);
});

test("the time left is told in a unit that fits", () => {
  assert.deepEqual([0.2, 1, 50, 600, 9000].map(duration), [
    "less than a second",
    "about 1 second",
    "about 50 seconds",
    "about 10 minutes",
    "about 2.5 hours",
  ]);
});

test("the point of a step is the last that begins at it or before", () => {
  assert.deepEqual([-1, 0, 9, 10, 99].map((step) => pointAt([0, 10, 20], step)), [-1, 0, 0, 1, 2]);
  assert.equal(pointAt([], 3), -1);
});

test("what stands at a step is told for each run, and what was not measured is left out", () => {
  const other = run({ name: "other", steps: [15, 16, 17] });
  assert.equal(
    wordsAt([run(), other], 12),
    "mine, step 10: loss 3, smoothed 3.47, learning rate 0.2, tokens per second 1,200, held-out loss 3.5 at step 10. " +
      "other: nothing yet.",
  );
});

test("the axes hold all runs, the floor and the band; of an empty panel there are none", () => {
  const limits = limitsOf([run(), run({ loss: [9, 9, 9] })], "loss", { floor: 1, band: { low: [0.5], high: [2] } });
  assert.deepEqual(limits.x, [0, 20]);
  assert.ok(limits.y[0] < 0.5 && limits.y[1] > 9);
  assert.equal(limitsOf([run()], "grad_norm"), null);
  assert.equal(limitsOf([run()], "learning_rate").y[0], 0);
});
