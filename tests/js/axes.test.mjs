import assert from "node:assert/strict";
import test from "node:test";
import { pathOf, short, ticksBetween } from "../../minigpt/views/axes.js";

test("ticks are round, lie within, and one value has one tick", () => {
  assert.deepEqual(ticksBetween(0.3, 4.1), [1, 2, 3, 4]);
  assert.deepEqual(ticksBetween(0, 0.0006, 3), [0, 0.0002, 0.0004, 0.0006]);
  assert.deepEqual(ticksBetween(5, 5), [5]);
});

test("numbers of an axis are short", () => {
  assert.deepEqual([12000, 0.00061, 0.00001, 0, 2.349].map(short), ["12,000", "0.00061", "1e-5", "0", "2.35"]);
});

test("a line is broken where nothing was measured", () => {
  assert.equal(pathOf([0, 1, 2, 3], [5, null, 6, 7]), "M0.0,5.0M2.0,6.0L3.0,7.0");
});
