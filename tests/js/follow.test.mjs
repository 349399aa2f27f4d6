import assert from "node:assert/strict";
import test from "node:test";
import { cellInWords, signedPixels, startsOf, valuesOf } from "../../minigpt/views/follow.js";

test("pictures stand one after the other, and a list takes no room", () => {
  const stages = [{ dims: [1, 2, 3] }, { items: [] }, { dims: [2, 2, 2] }, { dims: [1, 1, 1] }];
  assert.deepEqual(startsOf(stages), [0, 6, 6, 14]);
});

test("a cell is a share of the stage's largest", () => {
  const cells = Int16Array.of(0, 32767, -32767, 16383);
  const values = valuesOf(new DataView(cells.buffer), 0, { dims: [2, 1, 2], top: 8 }, 1);
  assert.equal(values[0], -8);
  assert.ok(Math.abs(values[1] - 4) < 0.001);
});

test("signs have colours and sizes have opacities", () => {
  const pixels = signedPixels([1, -0.25, 0], 1, [1, 2, 3], [4, 5, 6]);
  assert.deepEqual([...pixels], [1, 2, 3, 255, 4, 5, 6, 128, 1, 2, 3, 0]);
});

test("positions of the text are named by their tokens", () => {
  const values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
  assert.equal(cellInWords(values, [1, 2], [1, 2, 3], ["a", "b"]), "“b” (1), column 2: 0.600");
  assert.equal(cellInWords(values, [0, 1], [1, 3, 2], []), "row 0, column 1: 0.200");
});
