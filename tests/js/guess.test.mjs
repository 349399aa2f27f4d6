import assert from "node:assert/strict";
import test from "node:test";
import { compareNumbers, complaint, written } from "../../minigpt/views/guess.js";

test("a number within the share is close, and its distance is told", () => {
  assert.deepEqual(compareNumbers(95, 100, 0.1, 0), { close: true, words: "5.00 % too small" });
  assert.deepEqual(compareNumbers(130, 100, 0.1, 0), { close: false, words: "30.0 % too large" });
  assert.deepEqual(compareNumbers(-90, -100, 0.1, 0), { close: true, words: "10.0 % too large" });
});

test("by a factor, ten times too small is as far as ten times too large", () => {
  assert.deepEqual(compareNumbers(10, 100, 0.1, 2), { close: false, words: "10.0 times too small" });
  assert.deepEqual(compareNumbers(1000, 100, 0.1, 2), { close: false, words: "10.0 times too large" });
  assert.equal(compareNumbers(60, 100, 0.1, 2).close, true);
});

test("an answer of zero has no share to be off by", () => {
  assert.deepEqual(compareNumbers(0.05, 0, 0.1, 0), { close: true, words: "off by 0.050, too large" });
});

test("the exact answer is exactly right", () => {
  assert.deepEqual(compareNumbers(7, 7, 0.1, 0), { close: true, words: "exactly right" });
});

test("what is no number is refused, and no logarithm is taken of less than zero", () => {
  for (const text of ["", "  ", "abc", "Infinity"]) assert.match(complaint(text, 0), /number first/);
  assert.match(complaint("-5", 2), /above 0/);
  assert.equal(complaint("-5", 0), "");
  assert.equal(complaint("1e6", 2), "");
});

test("a number is written in full", () => {
  assert.equal(written(124439808, "parameters"), "124,439,808 parameters");
  assert.equal(written(0.5, ""), "0.5");
});
