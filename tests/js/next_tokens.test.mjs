import assert from "node:assert/strict";
import test from "node:test";
import { distribution, entropy, keptOf, logitsOf, softmax, stopsOf } from "../../minigpt/views/next_tokens.js";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`);
const logits = Float64Array.of(Math.log(5), Math.log(3), Math.log(2)); // probabilities 0.5, 0.3, 0.2

test("two bytes stand for a logit between the lowest and the highest", () => {
  const view = new DataView(Uint16Array.of(65535, 0).buffer);
  assert.deepEqual([...logitsOf(view, -2, 6)], [6, -2]);
});

test("softmax at temperature 1, and its limit at 0", () => {
  softmax(logits, 1).forEach((share, k) => near(share, [0.5, 0.3, 0.2][k]));
  assert.deepEqual([...softmax(logits, 0)], [1, 0, 0]);
});

test("a high temperature makes tokens more alike", () => {
  assert.ok(softmax(logits, 2)[0] < softmax(logits, 1)[0]);
});

test("top-p keeps the fewest tokens that hold the share together", () => {
  const shares = Float64Array.of(0.5, 0.3, 0.2);
  assert.equal(keptOf(shares, 0, 0.5), 1);
  assert.equal(keptOf(shares, 0, 0.51), 2);
  assert.equal(keptOf(shares, 0, 1), 3);
});

test("top-p counts what top-k left as the whole", () => {
  const shares = Float64Array.of(0.5, 0.3, 0.2);
  assert.equal(keptOf(shares, 2, 0.6), 1); // 0.5 of 0.8 is 0.625
});

test("the tokens that stay share what all had", () => {
  const { shares, kept, held } = distribution(logits, 1, 2, 1);
  assert.equal(kept, 2);
  near(held, 0.8);
  near(shares[0], 0.625);
  assert.equal(shares[2], 0);
});

test("entropy of four equal tokens is two bits, of one nothing", () => {
  near(entropy([0.25, 0.25, 0.25, 0.25]), 2);
  assert.equal(entropy([1, 0]), 0);
});

test("the stops of top-k lead to all tokens, by way of the one given", () => {
  assert.deepEqual(stopsOf(30, 7), [1, 2, 4, 5, 7, 10, 20, 0]);
});
