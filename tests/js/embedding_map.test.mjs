import assert from "node:assert/strict";
import test from "node:test";
import { lossInWords, meant, neighboursOf } from "../../minigpt/views/embedding_map.js";

test("the neighbours of a word are its row, with cosines in hundredths", () => {
  const numbers = Uint16Array.from([1, 2, 0, 2, 0, 1]);
  const hundredths = Int8Array.from([87, -5, 87, 20, -5, 20]);
  assert.deepEqual(neighboursOf(numbers, hundredths, 0, 2), [{ n: 1, cosine: 0.87 }, { n: 2, cosine: -0.05 }]);
  assert.deepEqual(neighboursOf(numbers, hundredths, 2, 2), [{ n: 0, cosine: -0.05 }, { n: 1, cosine: 0.2 }]);
  assert.deepEqual(neighboursOf(numbers, hundredths, 1, 0), []);
});

test("what the picture keeps and loses is said with what chance would give", () => {
  const facts = { words: Array(9).fill("x"), shares: [0.2, 0.05], dimensions: 64, k: 4, agreeing: 2.5 };
  assert.equal(
    lossInWords(facts),
    "The picture keeps 25 % of the variance of 64 dimensions: its two axes 20 % and 5.0 %. On average 2.5 of a word’s " +
      "4 nearest by cosine are among the 4 that look nearest here; chance alone would give 2.00.", // 4 · 4 / 8
  );
});

test("one word, and vectors that are all the same, are said to be so", () => {
  const facts = { words: ["a"], shares: [0, 0], dimensions: 3, k: 0, agreeing: 0 };
  assert.match(lossInWords(facts), /one word/);
  assert.match(lossInWords({ ...facts, words: ["a", "b"], k: 1 }), /^All 2 vectors are the same/);
});

test("a typed word is found as it stands, then by its letters, then by its beginning", () => {
  const words = ["Bank", "bank", " the", "theatre", "<b>"];
  assert.equal(meant(words, "bank"), 1);
  assert.equal(meant(words, "BANK"), 0);
  assert.equal(meant(words, "the"), 2);
  assert.equal(meant(words, "thea"), 3);
  assert.equal(meant(words, "<b>"), 4);
  assert.equal(meant(words, "zebra"), -1);
  assert.equal(meant(words, ""), -1);
  assert.equal(meant(words, "  "), -1);
});
