import assert from "node:assert/strict";
import test from "node:test";
import {
  inBytes,
  layoutOf,
  memoryInWords,
  positionsAt,
  rowsOf,
  stepAt,
  stepInWords,
  sumInWords,
  tableOf,
  totalAt,
  triangleOf,
} from "../../minigpt/views/kv_cache.js";

const STATE = { nPrompt: 3, nNew: 4, bytesPerToken: 10, seconds: [[4, 4, 4, 4], [4, 1, 1, 2]] };

test("positions are those counted by hand", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((step) => positionsAt(3, step, false)), [0, 3, 4, 5, 6]);
  assert.deepEqual([0, 1, 2, 3, 4].map((step) => positionsAt(3, step, true)), [0, 3, 1, 1, 1]);
  assert.deepEqual([totalAt(3, 0, false), totalAt(3, 4, false), totalAt(3, 4, true)], [0, 18, 6]);
});

test("sums are written out, long ones in short", () => {
  assert.equal(sumInWords(3, 1, false), "3");
  assert.equal(sumInWords(3, 4, false), "3 + 4 + 5 + 6 = 18");
  assert.equal(sumInWords(40, 100, false), "40 + 41 + … + 139 = 8,950");
  assert.equal(sumInWords(40, 100, true), "40 + 99 · 1 = 139");
});

test("sizes are in words that a reader knows", () => {
  assert.equal(inBytes(1023), "1023 bytes");
  assert.equal(inBytes(387072), "378.0 KiB");
  assert.equal(inBytes(3 * 2 ** 30), "3.0 GiB");
  assert.equal(memoryInWords(STATE, 0), "The cache is empty.");
  assert.equal(memoryInWords(STATE, 2), "The cache holds 4 positions × 10 bytes = 40 bytes.");
});

test("a step is told in a sentence", () => {
  assert.equal(stepInWords(STATE, 0), "Nothing is written yet: the prompt of 3 tokens waits.");
  assert.equal(stepInWords(STATE, 1), "Token 1 of 4: both ways compute the prompt of 3 tokens, and the cache keeps it.");
  assert.ok(stepInWords(STATE, 3).startsWith("Token 3 of 4: without a cache all 5 positions are computed anew, with it one."));
});

test("rows have both ways and their ratio", () => {
  const rows = rowsOf(STATE, 4);
  assert.deepEqual(rows[0], ["positions, this step", "6", "1", "6.00 times"]);
  assert.deepEqual(rows[1].slice(1), ["3 + 4 + 5 + 6 = 18", "3 + 1 + 1 + 1 = 6", "3.00 times"]);
  assert.deepEqual(rows[3], ["time measured, all steps so far", "16.00 s", "8.00 s", "2.00 times"]);
  assert.equal(rowsOf({ ...STATE, seconds: [] }, 4).length, 2);
  assert.deepEqual(tableOf(STATE)[3], ["4", "6", "18", "1", "6", "60", "16.00 s", "8.00 s"]);
});

test("the height of the picture leads to its step", () => {
  const layout = layoutOf(400, 3, 4);
  assert.deepEqual([0, 20, 20 + layout.high * 1.5, 9999].map((y) => stepAt(layout, y)), [1, 1, 2, 4]);
});

test("what is kept is hatched and what is computed is full", () => {
  const colours = { heat: "h", mark: "m", line: "l", ground: "g", ink: "i", soft: "s" };
  const layout = layoutOf(400, 3, 4);
  const [hatch, ...rest] = triangleOf(layout, 3, true, colours);
  assert.equal(hatch.boxes.length, 2); // the first step keeps nothing yet
  const full = rest.filter((one) => one.fill === "h");
  assert.deepEqual(full.map((one) => Math.round(one.box[2] / layout.wide)), [3, 1, 1]);
  assert.equal(triangleOf(layout, 3, false, colours)[0].boxes.length, 0);
});
