import assert from "node:assert/strict";
import test from "node:test";
import { presetOf, readNumbers, widthsOf } from "../../minigpt/views/costs.js";

test("boxes are read as numbers, and what is none as null", () => {
  assert.deepEqual(readNumbers({ a: "12", b: " 0.5 ", c: "", d: "x", e: "1e3" }), { a: 12, b: 0.5, c: null, d: null, e: 1000 });
});

test("the parts of the bar fill it", () => {
  assert.deepEqual(widthsOf([["a", 1], ["b", 3]]), [25, 75]);
  assert.deepEqual(widthsOf([["a", 0]]), [0]);
});

test("settings are a preset where all its numbers are theirs", () => {
  const presets = { small: { n: 1, m: 2 }, large: { n: 9, m: 2 } };
  assert.equal(presetOf({ n: 9, m: 2, batch: 4 }, presets), "large");
  assert.equal(presetOf({ n: 9, m: 3, batch: 4 }, presets), "");
});
