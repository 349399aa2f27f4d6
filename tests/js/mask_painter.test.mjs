import assert from "node:assert/strict";
import test from "node:test";
import {
  kindInWords,
  kindOf,
  knowledge,
  leaksOf,
  listed,
  maskOf,
  named,
  reachable,
  warnings,
  withoutPadding,
} from "../../minigpt/views/mask_painter.js";

const mask = (...rows) => rows.map((row) => Array.from(row, (letter) => letter === "x"));
const drawn = (matrix) => matrix.map((row) => row.map((may) => (may ? "x" : ".")).join(""));
const TOKENS = ["The", "cat", "sat", "on"];
const painted = (...rows) => {
  const nothing = TOKENS.map(() => false);
  return { tokens: TOKENS, sources: TOKENS, mask: mask(...rows), padding: nothing, cross: false };
};

test("masks with a name, by hand", () => {
  assert.deepEqual(drawn(maskOf("everything", 2, 3)), ["xxx", "xxx"]);
  assert.deepEqual(drawn(maskOf("causal", 4, 4)), ["x...", "xx..", "xxx.", "xxxx"]);
  assert.deepEqual(drawn(maskOf("window", 4, 4, 2)), ["x...", "xx..", ".xx.", "..xx"]);
  assert.deepEqual(drawn(maskOf("prefix", 4, 4, 2)), ["xx..", "xx..", "xxx.", "xxxx"]);
});

test("through a window of 2 each layer brings one more token of the past", () => {
  const window = maskOf("window", 4, 4, 2);
  assert.deepEqual(drawn(reachable(window, 1)), ["x...", "xx..", ".xx.", "..xx"]);
  assert.deepEqual(drawn(reachable(window, 2)), ["x...", "xx..", "xxx.", ".xxx"]);
  assert.deepEqual(drawn(reachable(window, 3)), ["x...", "xx..", "xxx.", "xxxx"]);
  assert.deepEqual(reachable(window, 1000), reachable(window, 3));
});

test("news goes round a ring one token a layer, and a token keeps what it knows itself", () => {
  const ring = mask(".x.", "..x", "x..");
  assert.deepEqual(drawn(reachable(ring, 0)), ["x..", ".x.", "..x"]);
  assert.deepEqual(drawn(reachable(ring, 1)), ["xx.", ".xx", "x.x"]);
  assert.deepEqual(drawn(reachable(ring, 2)), ["xxx", "xxx", "xxx"]);
});

test("a causal mask lets through nothing from the future, after however many layers", () => {
  assert.deepEqual(reachable(maskOf("causal", 5, 5), 9), maskOf("causal", 5, 5));
  assert.deepEqual(leaksOf(maskOf("causal", 5, 5), 9), { direct: [], through: [] });
});

test("every mask with a name is recognised, also with its padding hidden", () => {
  const left = [true, false, false, false, false];
  for (const [name, size] of [["everything"], ["causal"], ["window", 1], ["window", 3], ["prefix", 2], ["prefix", 4]]) {
    const whole = maskOf(name, 5, 5, size);
    assert.deepEqual(kindOf(whole, left, false), { name, size, hidden: false });
    assert.equal(kindOf(withoutPadding(whole, left), left, false).hidden, true);
  }
  assert.equal(kindOf(withoutPadding(maskOf("causal", 5, 5), left), left, false).name, "causal");
  assert.equal(kindOf(mask("xx", ".x"), [false, false], false).name, "own");
  assert.deepEqual(kindOf(mask("..", ".."), [false, true], false), { name: "nothing", hidden: false });
});

test("a cross mask is never called causal", () => {
  assert.equal(kindOf(maskOf("causal", 3, 3), [false, false, false], true).name, "own");
  const words = kindInWords({ mask: maskOf("everything", 2, 3), padding: [false, false, false], cross: true });
  assert.equal(words, "Everything: cross-attention, each token sees the whole source.");
});

test("the kind is told in words", () => {
  const causal = "Causal: itself and what came before, nothing from the future, as in a decoder.";
  assert.equal(kindInWords(painted("x...", "xx..", "xxx.", "xxxx")), causal);
  assert.equal(kindInWords(painted("x...", "xx..", ".xx.", "..xx")), "Window of 2: itself and 1 before it.");
  assert.equal(kindInWords(painted("x...", ".x..", "..x.", "...x")), "Window of 1: itself and nothing else.");
  assert.equal(kindInWords(painted("...x", "....", "....", "....")), "A mask of your own: 1 of 16 pairs may look.");
});

test("what a token knows is told in words, itself last", () => {
  const window = painted("x...", "xx..", ".xx.", "..xx");
  assert.equal(knowledge(window, 2, 1), "After 1 layer, “sat” can know of “cat”, itself");
  assert.equal(knowledge(window, 2, 2), "After 2 layers, “sat” can know of “The”, “cat”, itself");
  assert.equal(knowledge(painted("....", "....", "....", "...."), 2, 2), "After 2 layers, “sat” can know of itself");
});

test("across two texts there is one step, and no token that is there by itself", () => {
  const cross = { tokens: ["O", "gato"], sources: TOKENS, mask: mask("x...", ".x.x"), padding: [], cross: true };
  assert.equal(knowledge(cross, 1, 1), "In one step, “gato” can know of “cat”, “on”");
  assert.deepEqual(warnings(cross, 1), []);
  assert.equal(knowledge({ ...cross, mask: mask("x...", "....") }, 1, 1), "In one step, “gato” can know of nothing");
});

test("tokens of the same name carry their positions, long ones are cut, many are counted", () => {
  assert.equal(named(["a", "b", "a"], 2), "“a” (2)");
  assert.equal(named(["a", "b", "a"], 1), "“b”");
  assert.equal(named(["x".repeat(10_000)], 0), `“${"x".repeat(19)}…”`);
  assert.equal(named(["שלום"], 0), "“\u2068שלום\u2069”"); // or it would turn the words around it, too
  const many = Array.from({ length: 13 }, (_, k) => String(k));
  assert.ok(listed(many, many.map(() => true), 0).endsWith("“10”, 2 more, itself"));
});

test("a look ahead is cheating, and who hears of it through another is found", () => {
  const one = painted("x...", "xx.x", "xxx.", "xxxx"); // “cat” looks at “on”
  assert.deepEqual(leaksOf(one.mask, 1), { direct: [[1, 3]], through: [] });
  assert.deepEqual(leaksOf(one.mask, 2), { direct: [[1, 3]], through: [[2, 3, 1]] });
  assert.deepEqual(warnings(one, 2), [
    "⚠ In a decoder this is cheating: “cat” looks at “on”, which comes later.",
    "⚠ Through layers, too: after 2 layers, “sat” knows of the later “on” through “cat”, though it never looks ahead itself.",
  ]);
});

test("a mask without a look ahead is called safe", () => {
  const safe = ["✓ No decoder would cheat: no future, after however many layers."];
  assert.deepEqual(warnings(painted("x...", "xx..", ".xx.", "..xx"), 3), safe);
});

test("an empty row is a softmax of nothing", () => {
  const [first] = warnings(painted("x...", "....", "xxx.", "xxxx"), 1);
  assert.equal(first, "⚠ “cat” may look nowhere: an empty row, softmax of nothing (0 divided by 0).");
});

test("padding warns those that see it, but not a padding token that sees itself", () => {
  const causal = painted("x...", "xx..", "xxx.", "xxxx");
  const [right, left] = [[false, false, false, true], [true, false, false, false]];
  assert.equal(warnings({ ...causal, padding: right }, 1).length, 1); // safe
  assert.equal(warnings({ ...causal, padding: left }, 1)[0], "⚠ Padding is visible to “cat”, “sat”, “on”.");
  const hidden = { ...causal, mask: withoutPadding(causal.mask, left), padding: left };
  assert.match(warnings(hidden, 1)[0], /“The” may look nowhere/); // hidden on the left, the first row is empty
});
