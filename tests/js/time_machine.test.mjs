import assert from "node:assert/strict";
import test from "node:test";
import {
  aboutHeads,
  alongOf,
  measuredInWords,
  nearestTo,
  rangeOf,
  stepTicks,
  weightsAt,
} from "../../minigpt/views/time_machine.js";

test("the axis of steps goes from 0 to 1, and gives the first steps more room", () => {
  assert.deepEqual([0, 3000].map((step) => alongOf(step, 3000)), [0, 1]);
  assert.ok(alongOf(20, 3000) - alongOf(10, 3000) > alongOf(3000, 3000) - alongOf(2990, 3000));
  assert.equal(alongOf(0, 0), 0);
});

test("ticks stand where there is room", () => {
  assert.deepEqual(stepTicks(3000, 10_000), [0, 10, 30, 100, 300, 1000, 3000]);
  assert.deepEqual(stepTicks(3000, 120), [0, 100, 1000]);
  assert.deepEqual(stepTicks(5, 300), [0]);
});

test("a click finds the nearest snapshot", () => {
  const steps = [0, 100, 1000, 3000];
  assert.deepEqual([-1, 0.02, 1, 9].map((along) => nearestTo(steps, along, 3000)), [0, 0, 3, 3]);
  assert.equal(nearestTo(steps, alongOf(900, 3000), 3000), 2);
});

test("a range has room around its values, unless it is fixed", () => {
  assert.deepEqual(rangeOf([0, 100]), [-6, 106]);
  assert.deepEqual(rangeOf([5, 5]).map((one) => one.toFixed(1)), ["4.7", "5.3"]);
  assert.deepEqual(rangeOf([3], [0, 1]), [0, 1]);
});

test("each snapshot has its own share of the weights", () => {
  const data = new Uint8Array([1, 2, 3, 4, 5, 6]);
  assert.deepEqual([0, 1, 2].map((k) => [...weightsAt(data, 3, k)]), [[1, 2], [3, 4], [5, 6]]);
});

test("what was measured is said in words", () => {
  const curves = { steps: [0, 5, 1000], loss: [6, 5, 2.345], first: [6, 5, 4], repeat: [6, 5, 1.5] };
  assert.equal(
    measuredInWords(curves, 1000, [0.1, 0.2, 0.3, 0.55, 0.2, 0.1], 2),
    "After 1,000 steps: loss 2.35; the best induction score is 0.55, of layer 1, head 1; made-up names cost 4 nats a " +
      "token, and 1.5 when they are said again.",
  );
  assert.match(aboutHeads(3, 2, [0, 0, 0, 0.554]), /The best at the end is L1H1, with 0.55.$/);
});
