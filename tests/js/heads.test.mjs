import assert from "node:assert/strict";
import test from "node:test";
import { readFileSync } from "node:fs";
import { asTabbed, byValue, cellAt, framed, inWords, numbersOf, walked } from "../../minigpt/views/enlarged.js";
import { linesBase, linesLayout, linesOf, linesPicture, tokenAt } from "../../minigpt/views/lines.js";
import { fitter, inkOn, runsOf, svgOf } from "../../minigpt/views/shapes.js";
import { orderInWords, orderOf } from "../../minigpt/views/sorting.js";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
const fit = (text) => text;
const colours = { heat: "#005a96", mark: "#b34700", ink: "#000000", ground: "#ffffff", line: "#bdbdbd" };

// A causal head over three tokens: a looks at itself; b at a and itself; c at b alone.
const head = { data: Uint8Array.of(255, 127, 221, 0, 255, 0), shape: [1, 1, 3, 3], causal: true, n: 0, of: (weight) => weight };
const one = { n: 0, name: "Layer 0, head 0", short: "L0H0", colour: "#005a96", head };
const facts = {
  heads: [one],
  tokens: ["a", "b", "c"],
  sources: ["a", "b", "c"],
  padding: [],
  hidden: null,
  isCausal: true,
  isLive: true,
  quantity: "weights",
  colours,
};

// The keys

test("in the matrix arrows walk over cells, and up from the first row into the labels and back", () => {
  const walk = (key, at) => walked(key, at, 3, 4, false);
  assert.deepEqual(walk("ArrowDown", [1, 2]), [2, 2]);
  assert.deepEqual(walk("ArrowDown", [2, 2]), [2, 2]);
  assert.deepEqual(walk("ArrowRight", [1, -1]), [1, 0]);
  assert.deepEqual(walk("ArrowLeft", [1, 0]), [1, -1]); // no cell is marked any more
  assert.deepEqual(walk("ArrowLeft", [-1, 0]), [-1, 0]);
  assert.deepEqual(walk("ArrowUp", [0, 2]), [-1, 2]);
  assert.deepEqual(walk("ArrowUp", [0, -1]), [0, -1]); // without a column there is no label to reach
  assert.deepEqual(walk("ArrowRight", [-1, 2]), [-1, 3]);
  assert.deepEqual(walk("ArrowDown", [-1, 2]), [0, 2]);
  assert.equal(walk("x", [0, 0]), null);
});

test("among lines arrows walk along one side and change over to the other", () => {
  const walk = (key, at) => walked(key, at, 5, 3, true);
  assert.deepEqual(walk("ArrowDown", [1, -1]), [2, -1]);
  assert.deepEqual(walk("ArrowRight", [4, -1]), [-1, 2]); // the other side is shorter
  assert.deepEqual(walk("ArrowUp", [-1, 2]), [-1, 1]);
  assert.deepEqual(walk("ArrowLeft", [-1, 2]), [2, -1]);
});

test("long texts are crossed by Page Down, Home and End", () => {
  assert.deepEqual(walked("PageDown", [3, -1], 1024, 1024, false), [13, -1]);
  assert.deepEqual(walked("End", [3, -1], 1024, 1024, true), [1023, -1]);
  assert.deepEqual(walked("Home", [-1, 500], 1024, 1024, true), [-1, 0]);
});

// The order

test("heads are sorted by a score from either end and ties stay as they were", () => {
  assert.deepEqual(orderOf([0.2, 0.9, 0.2, 0.5], false, null), [1, 3, 0, 2]);
  assert.deepEqual(orderOf([0.2, 0.9, 0.2, 0.5], true, null), [0, 2, 3, 1]);
});

test("a threshold keeps what reaches it, from below where the smallest come first", () => {
  assert.deepEqual(orderOf([0.2, 0.9, 0.5], false, 0.5), [1, 2]);
  assert.deepEqual(orderOf([0.2, 0.9, 0.5], true, 0.5), [0, 2]);
});

test("the order is said in words", () => {
  assert.equal(orderInWords("", 0, 144, false, null), "All 144 heads: a row is a layer, a column a head in it.");
  assert.equal(orderInWords("first", 144, 144, false, null), "All 144 heads, sorted by “first”, largest first.");
  const few = "12 of 144 heads with at least 0.400, sorted by “first”, largest first.";
  assert.equal(orderInWords("first", 12, 144, false, 0.4), few);
  assert.equal(orderInWords("first", 0, 144, true, 0.4), "None of the 144 heads has at most 0.400 by “first”.");
});

// Numbers and words

test("a weight times the size of its value is packed as a share of the largest", () => {
  const weighted = byValue(head, [4, 2, 1]);
  // a: 1 · 4; b: (127/255)² · 4 and (221/255)² · 2; c: 0, 1 · 2, 0
  const products = Array.from(weighted.data, (byte) => weighted.of((byte / 255) ** 2));
  const expected = [4, 4 * (127 / 255) ** 2, 2 * (221 / 255) ** 2, 0, 2, 0];
  products.forEach((product, k) => assert.ok(Math.abs(product - expected[k]) < 0.016, `${product}, ${expected[k]}`));
});

test("a score is said as the number that its byte stands for", () => {
  const of = (weight) => -2 + 6 * Math.sqrt(weight); // 0 is −2, 255 is 4
  const scores = { ...one, head: { ...head, of } };
  const text = inWords({ ...facts, heads: [scores], quantity: "scores" }, scores, [2, -1]);
  assert.equal(text, "“c” (2) gives its highest scores to “b” (1): 4.00, “a” (0): −2.00, “c” (2): −2.00");
  assert.equal(numbersOf({ ...facts, heads: [scores], quantity: "scores" }, [2, -1])[2]()[1][2], "4.000");
});

test("the copied table has a line for each token, and nothing in masked cells", () => {
  const lines = ["\ta\tb\tc", "a\t1.000\t\t", "b\t0.248\t0.751\t", "c\t0.000\t1.000\t0.000"];
  assert.deepEqual(asTabbed(head, facts.tokens, facts.sources).split("\n"), lines);
});

test("a masked cell is said to be masked, and why", () => {
  assert.match(inWords(facts, one, [0, 2]), /It may not look at “c” \(2\): that comes later\.$/);
  const padded = { ...facts, isCausal: false, hidden: Uint8Array.of(0b00100000), padding: [false, false, true] };
  const full = { ...head, data: new Uint8Array(9).fill(147), causal: false };
  assert.match(inWords(padded, { ...one, head: full }, [0, 2]), /that is padding\.$/);
});

test("a column is told from the side of the token that is looked at, by those that may look", () => {
  assert.equal(inWords(facts, one, [-1, 1]), "“b” (1) is looked at by “c” (2): 100 %, “b” (1): 75 %");
});

test("a head that has not arrived is waited for, where there is a kernel", () => {
  assert.match(inWords(facts, { ...one, head: null }, [0, -1]), /waiting for the kernel/);
  assert.match(inWords({ ...facts, isLive: false }, { ...one, head: null }, [0, -1]), /a running kernel would send/);
});

test("the table of numbers has a column for each head and says what is masked", () => {
  const [caption, header, rows] = numbersOf({ ...facts, heads: [one, { ...one, short: "L0H1" }] }, [1, -1]);
  assert.equal(caption, "“b” (1) looks at");
  assert.deepEqual(header, ["position", "token", "L0H0", "L0H1"]);
  const expected = [["0", "a", "0.248", "0.248"], ["1", "b", "0.751", "0.751"], ["2", "c", "masked", "masked"]];
  assert.deepEqual(rows(), expected);
});

test("a point of the matrix is a cell, a label of a row, or one of a column", () => {
  const place = { gutter: 40, cell: 10 };
  assert.deepEqual(cellAt(place, 55, 40, 3, 3), [0, 1]);
  assert.deepEqual(cellAt(place, 5, 61, 3, 3), [2, -1]);
  assert.deepEqual(cellAt(place, 65, 5, 3, 3), [-1, 2]);
  assert.equal(cellAt(place, 5, 5, 3, 3), null);
  assert.equal(cellAt(place, 45, 75, 3, 3), null);
});

// Lines

const layout = linesLayout(500, 3, 3);
const rowAt = (i) => head.data.subarray((i * (i + 1)) / 2, (i * (i + 1)) / 2 + i + 1);

test("each weight of one percent or more has a line, as opaque as its root", () => {
  const lines = linesOf(layout, rowAt);
  assert.deepEqual(lines.map((line) => line[4]), [1, 127 / 255, 221 / 255, 1]);
  assert.equal(linesOf(layout, () => Uint8Array.of(25)).length, 0);
});

test("lines go from the token that looks to the one looked at", () => {
  const [[x1, y1, x2, y2]] = linesOf(layout, rowAt, [2, -1]);
  assert.ok(x1 < x2);
  assert.deepEqual(tokenAt(layout, x1, y1), [2, -1]);
  assert.deepEqual(tokenAt(layout, x2, y2), [-1, 1]);
});

test("a chosen token shows its own lines: those that leave it, or those that reach it", () => {
  assert.equal(linesOf(layout, rowAt, [1, -1]).length, 2);
  assert.equal(linesOf(layout, rowAt, [-1, 1]).length, 2); // b and c look at b
});

test("lines of a long text are fainter, for they lie on each other", () => {
  const long = linesLayout(500, 160, 160);
  const [{ lines }] = linesBase(long, [{ rowAt: (i) => Uint8Array.of(i ? 0 : 255), colour: "#005a96" }]);
  near(lines[0][4], 0.5);
});

test("when a token is chosen, all lines step back and each head shades what it looks at", () => {
  const heads = [{ rowAt, colour: "#005a96" }, { rowAt, colour: "#c24e00" }];
  const base = linesBase(layout, heads);
  const all = { layout, base, heads, tokens: facts.tokens, sources: facts.sources, colours, fit, padding: [] };
  const [layer] = linesPicture(all, [-1, -1]);
  assert.equal(layer.alpha, 1);
  const [back, ...rest] = linesPicture(all, [2, -1]);
  assert.ok(back.alpha < 0.3);
  const shades = rest.filter(({ kind, opacity }) => kind === "box" && opacity);
  assert.deepEqual(shades.map(({ fill }) => fill), ["#005a96", "#c24e00"]); // c looks at b alone, in both heads
});

// Shapes

test("cells of one opacity become one path and clear ones none", () => {
  const runs = runsOf(Uint8Array.of(16, 16, 0, 255, 16, 0), 3);
  assert.deepEqual([...runs], [[16, "M0 0h2v1h-2zM1 1h1v1h-1z"], [255, "M0 1h1v1h-1z"]]);
});

test("a saved picture carries tokens as text and no markup of theirs", () => {
  const token = { kind: "text", text: '<script>"&', x: 1, y: 2, size: 12, colour: "#000000", end: true };
  const svg = svgOf([token], [10, 10], '"Fira", sans-serif');
  assert.ok(svg.includes("&lt;script&gt;&quot;&amp;</text>"));
  assert.ok(svg.includes('font-family="&quot;Fira&quot;, sans-serif"'));
  assert.equal(svg.match(/</g).length, 4); // <svg>, <text>, and their ends
});

test("a saved picture has a ground, and the names of its heads above it", () => {
  const heads = [one, { ...one, name: "Layer 1, head 2" }];
  const { shapes, size } = framed({ heads, colours }, { shapes: [], size: [300, 200] });
  assert.deepEqual(shapes[0], { kind: "box", box: [0, 0, ...size], fill: "#ffffff" });
  const names = shapes.filter(({ kind }) => kind === "text").map(({ text }) => text);
  assert.deepEqual(names, ["Layer 0, head 0", "Layer 1, head 2"]);
  assert.ok(shapes.at(-1).y + 200 <= size[1]);
});

test("a label is cut to its room, one of 10,000 letters without measuring each", () => {
  let calls = 0;
  const cut = fitter((text) => {
    calls++;
    return 7 * Array.from(text).length;
  });
  assert.equal(cut("internationally", 40, 12), "inte…");
  assert.equal(cut("cat", 40, 12), "cat");
  assert.equal(cut("😀😀😀😀😀😀😀", 40, 12), "😀😀😀😀…");
  assert.ok(cut("x".repeat(10_000), 40, 12).endsWith("…"));
  assert.ok(calls < 200, `${calls} measurements`);
});

// Colours

const css = ["common", "attention"].map((name) => readFileSync(`minigpt/views/${name}.css`, "utf-8")).join("");
const coloursIn = (name) => [...css.matchAll(new RegExp(`--mg-${name}: (#[0-9a-f]{6})`, "g"))].map((found) => found[1]);
const luminance = (hex) => {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};

test("the colours of lines stand out from the ground, in light and dark", () => {
  for (let k = 0; k < 6; k++) {
    const [light, dark] = coloursIn(`head-${k}`);
    assert.ok(contrast(light, "#ffffff") >= 4.5, light);
    assert.ok(contrast(dark, "#111111") >= 4.5, dark);
  }
});

test("the text on a mark is read in both themes", () => {
  const marks = coloursIn("mark");
  assert.equal(marks.length, 2);
  for (const mark of marks) assert.ok(contrast(mark, inkOn(mark)) >= 4.5, mark);
});
