import assert from "node:assert/strict";
import test from "node:test";
import {
  beamAt,
  fates,
  inBox,
  inFigures,
  inWords,
  stepInWords,
  tableOf,
  textOf,
  walked,
  wayTo,
} from "../../minigpt/views/beam_tree.js";

// A beam of 2:  a -> a b (dropped: a c);  d -> d . (finished);  then a b -> a b . (finished)
const node = (word, parent, step, row, log_prob, total, kept, finished = false) => ({
  word, parent, step, row, log_prob, total, score: total / 2, kept, finished,
});
const NODES = [
  node("a", -1, 1, 0, -0.5, -0.5, true),
  node("d", -1, 1, 1, -1, -1, true),
  node("e", -1, 1, 2, -3, -3, false),
  node("b", 0, 2, 0, -0.25, -0.75, true),
  node("<eos>", 1, 2, 1, 0, -1, true, true),
  node("c", 0, 2, 2, -2, -2.5, false),
  node("<eos>", 3, 3, 0, -0.125, -0.875, true, true),
];

test("a node's way and text begin with the first word", () => {
  assert.deepEqual(wayTo(NODES, 6), [0, 3, 6]);
  assert.equal(textOf(NODES, 5), "a c");
  assert.deepEqual(wayTo(NODES, -1), []);
});

test("what is finished stays in the beam, what is dropped never was in it", () => {
  assert.deepEqual(beamAt(NODES, 0), []);
  assert.deepEqual(beamAt(NODES, 1), [0, 1]);
  assert.deepEqual(beamAt(NODES, 2), [3, 4]);
  assert.deepEqual(beamAt(NODES, 3), [4, 6]);
});

test("each node's fate is that after the step, and later nodes have none", () => {
  assert.deepEqual(fates(NODES, 1), ["kept", "kept", "dropped", "", "", "", ""]);
  assert.deepEqual(fates(NODES, 3), ["kept", "kept", "dropped", "kept", "finished", "dropped", "finished"]);
});

test("a kept beginning is lost once nothing that continues it is in the beam", () => {
  const beaten = [node("a", -1, 1, 0, -1, -1, true), node("b", -1, 1, 1, -1, -1, true), node("c", 0, 2, 0, -1, -2, true)];
  assert.deepEqual(fates(beaten, 1), ["kept", "kept", ""]);
  assert.deepEqual(fates(beaten, 2), ["kept", "lost", "kept"]);
  assert.match(inWords(beaten, 1, 2, false), /Kept at step 1, but none of its continuations is in the beam any more\.$/);
});

test("arrow keys walk to parent, first child and neighbours, never to what is not yet there", () => {
  assert.equal(walked(NODES, "ArrowRight", -1, 1), 0);
  assert.equal(walked(NODES, "ArrowLeft", -1, 3), 6);
  assert.equal(walked(NODES, "ArrowLeft", -1, 0), -1);
  assert.equal(walked(NODES, "ArrowRight", 0, 1), 0);
  assert.equal(walked(NODES, "ArrowRight", 0, 2), 3);
  assert.equal(walked(NODES, "ArrowDown", 3, 2), 4);
  assert.equal(walked(NODES, "ArrowDown", 5, 2), 5);
  assert.equal(walked(NODES, "ArrowUp", 5, 2), 4);
  assert.equal(walked(NODES, "ArrowLeft", 5, 2), 0);
  assert.equal(walked(NODES, "ArrowLeft", 0, 2), 0);
});

test("a hypothesis is told with the sum of its words, its penalty, its score and its fate", () => {
  assert.equal(
    inWords(NODES, 6, 3, true),
    "log-probability −0.50 −0.25 −0.13 = −0.88; divided by the length penalty 2.00: score −0.44. " +
      "It has the best score of the last beam: it wins.",
  );
  assert.match(inWords(NODES, 2, 1, false), /^log-probability −3\.00; .*Dropped at step 1: it found no place in the beam\.$/);
  assert.match(inWords(NODES, 0, 1, false), /Kept: it is in the beam\.$/);
  assert.match(inWords(NODES, 0, 2, false), /Kept: what is in the beam goes on from it\.$/);
  assert.match(inWords(NODES, 4, 3, false), /keeps its place in the beam\.$/);
});

test("a step is told: how many are finished, and what goes on", () => {
  assert.match(stepInWords(NODES, 0, 3), /^Nothing is written yet/);
  assert.equal(stepInWords(NODES, 2, 3), "In the beam 2: 1 finished, 1 goes on.");
  assert.equal(stepInWords(NODES, 3, 3), "In the beam 2: 2 finished, the search is over.");
  assert.equal(stepInWords(NODES, 2, 2), "In the beam 2: 1 finished, 1 was cut off.");
});

test("the table has the beam by score, then what was dropped", () => {
  assert.deepEqual(tableOf(NODES, 2, -1), [
    ["a b", "−0.75", "−0.38", "kept"],
    ["d <eos>", "−1.00", "−0.50", "finished"],
    ["a c", "−2.50", "−1.25", "dropped"],
  ]);
  assert.equal(tableOf(NODES, 3, 6)[0][3], "wins");
});

test("numbers and words are as short as a box", () => {
  assert.equal(inFigures(-0.001), "0.00");
  assert.equal(inFigures(-12.34), "−12.3");
  assert.equal(inBox("cachorrinho"), "cachorrinho");
  assert.equal(inBox("x".repeat(10_000)), "xxxxxxxxxx…");
});
