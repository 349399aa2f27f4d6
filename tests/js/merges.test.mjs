import assert from "node:assert/strict";
import test from "node:test";
import { countOf, curveOf, merged, statesOf, timesIn } from "../../minigpt/views/merges.js";

const [a, b, ab, aa] = [0, 1, 2, 3];

test("pairs are merged from left to right and do not overlap", () => {
  assert.deepEqual(merged([a, a, a], [a, a, aa]), [aa, a]);
  assert.deepEqual(merged([a, b, a, b, b], [a, b, ab]), [ab, ab, b]);
  assert.deepEqual(merged([b, a], [a, b, ab]), [b, a]);
});

test("four of a kind are two pairs", () => {
  assert.deepEqual(merged([a, a, a, a], [a, a, aa]), [aa, aa]);
});

test("every step builds on the one before, and no merge crosses two words", () => {
  const states = statesOf([[a, b], [b]], [[a, b, ab, 9], [ab, b, 4, 3]]);
  assert.deepEqual(states, [[[a, b], [b]], [[ab], [b]], [[ab], [b]]]);
  assert.equal(states[1][1], states[0][1]); // untouched words are shared
});

test("tokens are counted, all of them and those of one kind", () => {
  assert.equal(countOf([[a, b], [b]]), 3);
  assert.equal(timesIn([[a, b], [b]], b), 2);
});

test("the curve begins at the top and ends at the right", () => {
  assert.deepEqual(curveOf([4, 2], 100, 60), [[0, 0], [100, 30]]);
});
