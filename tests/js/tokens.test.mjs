import assert from "node:assert/strict";
import test from "node:test";
import { countsOf, summary } from "../../minigpt/views/tokens.js";

test("an emoji is one character and four bytes", () => {
  const counts = countsOf("a 😀", [["a", 1, ""], [" 😀", 2, ""]]);
  assert.deepEqual(counts, { characters: 3, bytes: 6, words: 2, tokens: 2 });
});

test("the summary divides only by what there is", () => {
  assert.equal(summary(countsOf("", [])), "0 tokens for 0 characters, 0 bytes, 0 words");
  assert.equal(summary(countsOf(" ", [[" ", 1, "20"]])), "1 token for 1 character, 1 byte, 0 words: 1.00 bytes a token");
  const text = summary({ characters: 22, bytes: 22, words: 5, tokens: 9 });
  assert.equal(text, "9 tokens for 22 characters, 22 bytes, 5 words: 2.44 bytes a token, 1.80 tokens a word");
});
