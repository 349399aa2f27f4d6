import assert from "node:assert/strict";
import test from "node:test";
import { moved } from "../../minigpt/views/common.js";
import {
  columnOf,
  headBase,
  headMarks,
  isHidden,
  maskedRuns,
  opacitiesOf,
  rowOf,
  sentence,
  strongest,
  weightOf,
} from "../../minigpt/views/attention.js";

// Two causal heads over three tokens, each a lower triangle: rows of 1, 2 and 3 bytes.
const causal = Uint8Array.of(255, 10, 20, 30, 40, 50, 1, 2, 3, 4, 5, 6);
const shape = [1, 2, 3, 3];

test("a row of a causal head ends at its own token", () => {
  assert.deepEqual([...rowOf(causal, shape, true, 0, 0)], [255]);
  assert.deepEqual([...rowOf(causal, shape, true, 0, 2)], [30, 40, 50]);
  assert.deepEqual([...rowOf(causal, shape, true, 1, 1)], [2, 3]);
});

test("a row of cross-attention has every source token", () => {
  const full = Uint8Array.from({ length: 2 * 3 * 4 }, (_, k) => k);
  assert.deepEqual([...rowOf(full, [1, 2, 3, 4], false, 1, 2)], [20, 21, 22, 23]);
});

test("a row is a window on the data and no copy", () => {
  assert.equal(rowOf(causal, shape, true, 1, 2).buffer, causal.buffer);
});

test("a byte stands for the square of its share of 255", () => {
  assert.equal(weightOf(255), 1);
  assert.equal(weightOf(0), 0);
  assert.ok(Math.abs(weightOf(127.5) - 0.25) < 1e-12);
});

test("a masked cell is clear and a visible weight of zero is not", () => {
  const opacities = opacitiesOf(new Uint8Array(6), [1, 1, 3, 3], true, 0);
  assert.deepEqual([...opacities].map((o) => o > 0), [true, false, false, true, true, false, true, true, true]);
});

test("a thumbnail keeps the largest weight of the cells it joins", () => {
  const full = new Uint8Array(16).fill(0);
  full[2 * 4 + 3] = 255; // row 2, column 3 of 4 × 4: the lower right of 2 × 2
  const opacities = [...opacitiesOf(full, [1, 1, 4, 4], false, 0, 2)];
  assert.equal(opacities.indexOf(255), 3);
  assert.equal(opacities.length, 4);
});

test("a thumbnail of fewer tokens than its size has a cell a weight", () => {
  assert.equal(opacitiesOf(causal, shape, true, 0, 48).length, 9);
});

test("the strongest weights come first and ties keep the order of the text", () => {
  assert.deepEqual(strongest(Uint8Array.of(51, 255, 51), 3).map(([key]) => key), [1, 0, 2]);
});

test("a row in words names tokens with their places and percents", () => {
  const row = Uint8Array.of(0, 255);
  assert.equal(sentence(["a", " b"], ["a", " b"], 1, row), "“ b” (1) looks at “ b” (1): 100 %, “a” (0): 0 %");
});

test("arrow keys walk and stop at the edge, other keys lead nowhere", () => {
  assert.deepEqual(moved("ArrowDown", [0, 0], 2, 2), [1, 0]);
  assert.deepEqual(moved("ArrowDown", [1, 0], 2, 2), [1, 0]);
  assert.deepEqual(moved("ArrowLeft", [1, 0], 2, 2), [1, 0]);
  assert.deepEqual(moved("ArrowUp", [1, -1], 2, 2), [0, -1]); // no column chosen stays so
  assert.equal(moved("x", [0, 0], 2, 2), null);
});

test("a column is gathered from the rows and a query before its key gives 0", () => {
  assert.deepEqual([...columnOf(causal, shape, true, 0, 1)], [0, 20, 40]);
});

// Cells (0, 2) and (1, 0) of 2 × 3 are masked: 001100, filled up to a byte as numpy.packbits does.
const hidden = Uint8Array.of(0b00110000);

test("a bit says of each cell whether it is masked", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((k) => isHidden(hidden, k)), [false, false, true, true, false, false]);
  assert.equal(isHidden(null, 3), false);
});

test("cells that a mask hides are clear in the picture", () => {
  const opacities = opacitiesOf(new Uint8Array(6), [1, 1, 2, 3], false, 0, Infinity, hidden);
  assert.deepEqual([...opacities].map((o) => o > 0), [true, true, false, false, true, true]);
});

test("masked cells are hatched in runs, and columns of padding are left to their own", () => {
  assert.deepEqual(maskedRuns([1, 1, 3, 3], true), [[1, 0, 2, 1], [2, 1, 1, 1]]);
  assert.deepEqual(maskedRuns([1, 1, 2, 3], false, hidden), [[2, 0, 1, 1], [0, 1, 1, 1]]);
  assert.deepEqual(maskedRuns([1, 1, 2, 3], false, hidden, [false, false, true]), [[0, 1, 1, 1]]);
});

test("a row of zeros looks at nothing", () => {
  assert.equal(sentence(["a"], ["a"], 0, Uint8Array.of(0)), "“a” (0) looks at nothing: all of its weights are 0");
});

test("a very long token is cut where it is said", () => {
  assert.ok(sentence(["x".repeat(10_000)], ["y"], 0, Uint8Array.of(255)).length < 120);
});

const colours = { heat: "#005a96", mark: "#b34700", ink: "#000000", font: "sans-serif" };
const picture = (n, width) => {
  const tokens = Array.from({ length: n }, (_, k) => `t${k}`);
  const all = { width, opacities: new Uint8Array(n * n), tokens, sources: tokens, colours, fit: (text) => text };
  return { ...all, ...headBase(all) };
};

test("where cells are small, every second or third label is left out so that none lies on the next", () => {
  const labels = (n) => picture(n, 400).shapes.filter(({ kind }) => kind === "text");
  assert.equal(labels(10).length, 20);
  assert.equal(labels(64).length, 64); // 128 tokens, every second
  const [first, second] = labels(64);
  assert.ok(second.y - first.y >= first.size - 1e-9);
});

test("the picture never gets wider than its room, whatever the number of tokens", () => {
  for (const n of [1, 64, 1024]) assert.ok(picture(n, 400).size[0] <= 402);
});

test("a chosen row is framed, a cell in it too, and a column where no row is chosen", () => {
  const one = picture(4, 400);
  const frames = (at) => headMarks(one, at).filter(({ stroke }) => stroke).map(({ box }) => box.slice(2));
  const { cell } = one.place;
  assert.deepEqual(frames([1, -1]), [[4 * cell, cell]]);
  assert.deepEqual(frames([1, 2]), [[4 * cell, cell], [cell, cell]]);
  assert.deepEqual(frames([-1, 2]), [[cell, 4 * cell]]);
});
