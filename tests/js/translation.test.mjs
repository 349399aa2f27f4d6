import assert from "node:assert/strict";
import test from "node:test";
import { asTables, choiceAt, inSentences, markedIn, sideBySide, tableOf } from "../../minigpt/views/translation.js";

const bytes = (...weights) => Uint8Array.from(weights, (weight) => Math.round(255 * Math.sqrt(weight)));
const rows = {
  encoder: [bytes(0.25, 0.75), bytes(1, 0)],
  cross: [bytes(1, 0), bytes(0.04, 0.96)],
  decoder: [bytes(1), bytes(0.5, 0.5)],
};
const facts = {
  source: ["red", "dog"],
  target: ["<bos>", "cachorro"],
  written: ["cachorro", "vermelho"],
  rowOf: (part, i) => rows[part][i],
  columnOf: (part, j) => Uint8Array.from(rows[part], (row) => row[j] ?? 0),
};

test("a target token stands out where it looks: in the source and in its past", () => {
  const choice = ["target", 1];
  assert.deepEqual(markedIn("cross", choice), [1, -1]);
  assert.deepEqual(markedIn("decoder", choice), [1, -1]);
  assert.deepEqual(markedIn("encoder", choice), [-1, -1]);
});

test("a source token stands out where it looks, and as what the target looks at", () => {
  const choice = ["source", 0];
  assert.deepEqual(markedIn("encoder", choice), [0, -1]);
  assert.deepEqual(markedIn("cross", choice), [-1, 0]);
  assert.deepEqual(markedIn("decoder", choice), [-1, -1]);
  assert.deepEqual(markedIn("cross", null), [-1, -1]);
});

test("either side of a panel chooses a token of its own list", () => {
  assert.deepEqual(choiceAt("cross", [1, -1]), ["target", 1]);
  assert.deepEqual(choiceAt("cross", [-1, 0]), ["source", 0]);
  assert.deepEqual(choiceAt("decoder", [-1, 1]), ["target", 1]);
  assert.deepEqual(choiceAt("encoder", [-1, 1]), ["source", 1]);
});

test("sentences tell both places where a target token looks, and what is written there", () => {
  assert.deepEqual(inSentences(facts, ["target", 1]), [
    "Having read “cachorro” (1), the decoder is to write “vermelho”. In the source it looks at “dog” (1): 96 %, “red” (0): 4.0 %.",
    "In its own past it looks at “<bos>” (0): 50 %, “cachorro” (1): 50 %.",
  ]);
});

test("sentences tell who looks at a source token", () => {
  assert.deepEqual(inSentences({ ...facts, written: [] }, ["source", 1]), [
    "In the source “dog” (1) looks at “red” (0): 100 %.",
    "Of the target, “cachorro” (1): 96 % look at it.",
  ]);
});

test("the table has each weight once, the future left out", () => {
  assert.deepEqual(tableOf(facts, ["target", 0]), [
    ["looks at, in the source", 0, "red", "1.000"],
    ["looks at, in the source", 1, "dog", "0.000"],
    ["looks at, in its past", 0, "<bos>", "1.000"],
  ]);
  assert.equal(tableOf(facts, ["source", 0]).length, 4);
});

test("the heads are copied as tables, one below the other, each under its name", () => {
  const encoder = { data: bytes(0.25, 0.75, 1, 0), shape: [1, 1, 2, 2], causal: false, n: 0 };
  const decoder = { data: bytes(1, 0.5, 0.5), shape: [1, 1, 2, 2], causal: true, n: 0 };
  const tables = asTables([
    { name: "Encoder", head: encoder, tokens: ["red", "dog"], sources: ["red", "dog"] },
    { name: "Decoder", head: decoder, tokens: ["um", "gato"], sources: ["<bos>", "um"] },
  ]);
  assert.deepEqual(tables.split("\n"), [
    ...["Encoder", "\tred\tdog", "red\t0.252\t0.751", "dog\t1.000\t0.000", ""],
    ...["Decoder", "\t<bos>\tum", "um\t1.000\t", "gato\t0.498\t0.498"],
  ]);
});

test("panels are saved side by side, each with room for its name, on a ground that holds them all", () => {
  const panel = (name, width, height) => ({ name, shapes: [], size: [width, height] });
  const panels = [panel("Encoder", 400, 90), panel("Cross-attention", 120, 200), panel("Decoder", 300, 50)];
  const { shapes, size } = sideBySide(panels, { ground: "#ffffff", ink: "#000000" });
  assert.deepEqual(shapes[0], { kind: "box", box: [0, 0, ...size], fill: "#ffffff" });
  assert.deepEqual(shapes.flatMap(({ text }) => text ?? []), ["Encoder", "Cross-attention", "Decoder"]);
  const pictures = shapes.filter(({ kind }) => kind === "layer");
  assert.deepEqual(pictures.map(({ x }) => x), [10, 430, 710]);
  for (const { x, y, size: [width, height] } of pictures) {
    assert.ok(x + width <= size[0] && y + height <= size[1]);
  }
});
