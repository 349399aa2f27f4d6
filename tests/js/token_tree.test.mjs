import assert from "node:assert/strict";
import test from "node:test";
import {
  branchInWords,
  cutInWords,
  greedyOf,
  inBox,
  knownOf,
  labelsOf,
  layoutOf,
  logProbOf,
  pathInWords,
  rowOf,
  walked,
} from "../../minigpt/views/token_tree.js";

// After nothing " a" or "b"; after " a" again both and a third; after "b" the end, token 9.
const rows = (...all) => ({ rows: all, kept: all.length, of: 20, held: 0.9, note: "" });
const ANSWERS = {
  "": rows([1, " a", 0.5, 0.75], [2, "b", 0.25, 0]),
  1: rows([1, " a", 0.25, 0.25], [2, "b", 0.125, 0.5], [3, "c", 0.1, 0.1], [4, "d", 0.1, 0.1]),
  2: rows([9, "<|endoftext|>", 0.5, 0.5]),
  "1,2": rows([1, " a", 1, 1]),
  "2,9": { rows: [], kept: 0, of: 20, held: 1, note: "The text has ended here." },
};
const placeOf = (way, path) => layoutOf(ANSWERS, path).boxes.find((box) => String(box.way) === String(way));

test("rows, labels and log-probabilities follow a way, and nothing is found where nobody has asked", () => {
  assert.equal(rowOf(ANSWERS, [1, 2])[2], 0.125);
  assert.equal(rowOf(ANSWERS, [7, 2]), undefined);
  assert.deepEqual(labelsOf(ANSWERS, [1, 2]), [" a", "b"]);
  assert.equal(logProbOf(ANSWERS, [1, 2]), Math.log(0.5 * 0.125));
  assert.equal(logProbOf(ANSWERS, []), 0);
});

test("of a path only as much is drawn as has answers", () => {
  assert.deepEqual(knownOf(ANSWERS, [1, 2]), [1, 2]);
  assert.deepEqual(knownOf(ANSWERS, [1, 2, 1]), [1, 2]);
  assert.deepEqual(knownOf(ANSWERS, [7]), []);
});

test("the greedy way takes the first row each time and stops where nothing is known", () => {
  assert.deepEqual(greedyOf(ANSWERS, 2), [1, 1]);
  assert.deepEqual(greedyOf(ANSWERS, 5), [1, 1]);
  assert.deepEqual(greedyOf({ "": { rows: [] } }, 5), []);
});

test("open branches stand at the middle of what follows them, and no two boxes in one place", () => {
  const { boxes, height } = layoutOf(ANSWERS, []);
  assert.equal(height, 4); // three of the first one's four, one of the second's
  assert.deepEqual(boxes.map(({ kind }) => kind), ["path", "open", "ahead", "ahead", "ahead", "open", "ahead"]);
  assert.deepEqual(boxes.map(({ y }) => y), [1.5, 1, 0, 1, 2, 3, 3]);
  for (const path of [[], [1], [2, 9]]) {
    const places = layoutOf(ANSWERS, path).boxes.map(({ column, y }) => `${column} ${y}`);
    assert.equal(new Set(places).size, places.length);
  }
});

test("what was not taken stays beside the path, in its own column", () => {
  const path = [1];
  assert.equal(placeOf([1], path).kind, "path");
  assert.equal(placeOf([2], path).kind, "past");
  assert.equal(placeOf([2], path).column, 1);
  assert.equal(placeOf([1, 4], path).kind, "open");
  assert.equal(placeOf([1, 2, 1], path).kind, "ahead");
});

test("an end of the tree is a path without open branches", () => {
  const { boxes } = layoutOf(ANSWERS, [2, 9]);
  assert.deepEqual(boxes.map(({ kind }) => kind), ["path", "past", "path", "path"]);
});

test("arrow keys walk to parent, child and neighbours, along the path where there is one", () => {
  const { boxes } = layoutOf(ANSWERS, []);
  assert.deepEqual(walked(boxes, "ArrowDown", null, []), [1]);
  assert.deepEqual(walked(boxes, "ArrowDown", [1], []), [2]);
  assert.deepEqual(walked(boxes, "ArrowDown", [2], []), [2]);
  assert.deepEqual(walked(boxes, "ArrowUp", [1], []), [1]);
  assert.deepEqual(walked(boxes, "ArrowRight", [1], []), [1, 1]);
  assert.deepEqual(walked(boxes, "ArrowRight", [1, 1], []), [1, 1]);
  assert.deepEqual(walked(boxes, "ArrowDown", [1, 3], []), [2, 9]);
  assert.deepEqual(walked(boxes, "ArrowLeft", [1, 1], []), [1]);
  assert.deepEqual(walked(boxes, "ArrowLeft", [], []), []);
  assert.deepEqual(walked(layoutOf(ANSWERS, [2]).boxes, "ArrowRight", [], [2]), [2]);
  assert.deepEqual(walked(layoutOf(ANSWERS, [2, 9]).boxes, "ArrowRight", null, [2, 9]), [2, 9]);
});

test("a branch is told with what the rule makes of it", () => {
  assert.equal(branchInWords({ p: 0.5, q: 0.5 }, false), "50 % in the model, log-probability −0.69.");
  assert.equal(branchInWords({ p: 0.5, q: 0.75 }, true), "50 % in the model, 75 % with temperature and cuts.");
  assert.equal(branchInWords({ p: 0.25, q: 0 }, true), "25 % in the model, cut: it cannot be drawn.");
});

test("the path is compared with the greedy one of its length", () => {
  assert.match(pathInWords(ANSWERS, []), /^Nothing is chosen yet/);
  assert.match(pathInWords(ANSWERS, [1]), /log-probability −0\.69, −0\.69 a token\. It is the greedy path\.$/);
  assert.equal(
    pathInWords(ANSWERS, [1, 2]),
    "Your path: log-probability −2.77, −1.39 a token. The greedy path, “ a a”: −2.08, −1.04 a token.",
  );
});

test("a greedy path that ends sooner says so", () => {
  const answers = { "": rows([9, "<end>", 0.5, 0.5], [1, "a", 0.25, 0.25]), 1: rows([1, "a", 0.5, 0.5]), 9: { rows: [] } };
  assert.match(pathInWords(answers, [1, 1]), /The greedy path, which ends after 1, “<end>”: −0\.69, −0\.69 a token\.$/);
});

test("the cut is told, and why nothing follows", () => {
  assert.equal(cutInWords({ ...ANSWERS[""], kept: 2 }), "2 of 20 tokens can be drawn here; in the model they have 90 %.");
  assert.match(cutInWords({ ...ANSWERS[""], kept: 1 }), /^1 of 20 tokens can be drawn here; in the model it has/);
  assert.equal(cutInWords({ ...ANSWERS[""], kept: 20 }), "All 20 tokens can be drawn here.");
  assert.equal(cutInWords(ANSWERS["2,9"]), "The text has ended here.");
});

test("spaces are seen, and labels are as short as a box", () => {
  assert.equal(inBox(" the"), "␣the");
  assert.equal(inBox("⏎"), "⏎");
  assert.equal(inBox("\\xf0"), "\\xf0");
  assert.equal(inBox("x".repeat(10_000)), "xxxxxxxxx…");
});
