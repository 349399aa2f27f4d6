// What bertviz gets in place of require.js.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireOf, scriptOf, zoomFor } from "../../minigpt/views/bertviz.js";

test("a script gets the libraries that it names, in its order, and at once", () => {
  const requirejs = requireOf({ d3: "D", jquery: "J" });
  const got = [];
  requirejs(["jquery", "d3"], (...libraries) => got.push(...libraries));
  assert.deepEqual(got, ["J", "D"]);
});

test("addresses that a script wants to configure are ignored", () => {
  const requirejs = requireOf({});
  assert.equal(requirejs.config({ paths: { d3: "https://example.org/d3" } }), undefined);
});

test("the numbers go where they were, also those that look like a pattern", () => {
  assert.equal(scriptOf(["a = ", "; // ", ""], '["$&", 1]'), 'a = ["$&", 1]; // ["$&", 1]');
});

test("a drawing shrinks to the page, but stays readable, and never grows", () => {
  assert.equal(zoomFor("model", 970 * 0.8), 0.8);
  assert.equal(zoomFor("model", 2000), 1);
  assert.equal(zoomFor("neuron", 300), 0.6);
});
