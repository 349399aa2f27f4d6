import assert from "node:assert/strict";
import test from "node:test";
import { numbersOf } from "../../minigpt/views/enlarged.js";
import { chosenCell, countOf, headIn } from "../../minigpt/views/lab.js";
import { makeAsker } from "../../minigpt/views/lab_ask.js";
import { differenceBase, differenceInWords, differenceOf, largestOf, opacitiesOfPart } from "../../minigpt/views/lab_compare.js";
import { exactRow, factsOfHead } from "../../minigpt/views/lab_heads.js";
import { inPoints, placeOfK, signedBar } from "../../minigpt/views/lab_next.js";
import { barsOf, numberInWords, pairInWords, productsOf, rowsOfPair, sumInWords } from "../../minigpt/views/lab_pair.js";
import { tabbed } from "../../minigpt/views/lab_save.js";
import {
  changeInWords,
  changeOf,
  changesInWords,
  isIdleIn,
  makePast,
  markOf,
  wantedBy,
  withChange,
} from "../../minigpt/views/lab_switches.js";

function asking(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [sent, silences] = [[], []];
  const asker = makeAsker({ send: (q) => sent.push(q), silent: (is) => silences.push(is), patience: 1000 });
  return { asker, sent, silences, wait: (ms) => t.mock.timers.tick(ms) };
}

test("a key is sent at once", (t) => {
  const { asker, sent } = asking(t);
  asker.ask("a");
  assert.deepEqual(sent, ["a"]);
});

test("while an answer is on its way nothing is sent, and then only the latest", (t) => {
  const { asker, sent, wait } = asking(t);
  for (const text of ["a", "ab", "abc"]) asker.ask(text);
  assert.deepEqual(sent, ["a"]);
  assert.equal(asker.answered(), false); // another one is on its way
  assert.deepEqual(sent, ["a", "abc"]);
  assert.equal(asker.answered(), true);
  wait(900);
  assert.deepEqual(sent, ["a", "abc"]);
});

test("an answer that nobody asked for sends nothing", (t) => {
  const { asker, sent } = asking(t);
  assert.equal(asker.answered(), true);
  assert.deepEqual(sent, []);
});

test("an answer that takes too long is told, and that it came after all", (t) => {
  const { asker, silences, wait } = asking(t);
  asker.ask("a");
  wait(999);
  assert.deepEqual(silences, []);
  wait(1);
  assert.deepEqual(silences, [true]);
  asker.answered();
  assert.deepEqual(silences, [true, false]);
  wait(5000);
  assert.deepEqual(silences, [true, false]);
});

test("a view that is closed asks nothing more", (t) => {
  const { asker, sent, silences, wait } = asking(t);
  for (const text of ["a", "ab"]) asker.ask(text);
  asker.stop();
  asker.answered();
  wait(5000);
  assert.deepEqual(sent, ["a"]);
  assert.ok(!silences.includes(true));
});

test("without a choice the last token looks, and a choice beyond the text is brought into it", () => {
  assert.deepEqual(chosenCell({ row: null, column: null }, 5), [4, -1]);
  assert.deepEqual(chosenCell({ row: 9, column: 7 }, 5), [4, 4]);
  assert.deepEqual(chosenCell({ row: 0, column: 0 }, 5), [0, 0]);
});

test("a head that the model does not have becomes the nearest", () => {
  assert.equal(headIn({ layer: 1, head: 2 }, [2, 3]), 5);
  assert.equal(headIn({ layer: 9, head: 9 }, [2, 3]), 5);
});

test("one token is not called tokens", () => {
  assert.deepEqual([["a"], ["a", "b"]].map(countOf), ["1 token", "2 tokens"]);
});

test("a change is set, replaced, and taken away by 1", () => {
  const off = withChange([], 1, 2, 0);
  assert.deepEqual(off, [[1, 2, 0]]);
  assert.equal(changeOf(off, 1, 2), 0);
  assert.equal(changeOf(off, 2, 1), 1);
  assert.deepEqual(withChange([[0, 0, "mean"], ...off], 1, 2, "patch"), [[0, 0, "mean"], [1, 2, "patch"]]);
  assert.deepEqual(withChange(off, 1, 2, 1), []);
});

test("every change has a mark and words, also one that a cell has set", () => {
  assert.deepEqual([0, "mean", 0.5, 1, 2, -3].map((what) => markOf(what)), ["off", "mean", "×½", "", "×2", "×-3"]);
  assert.equal(changeInWords(-3), "times -3");
});

test("a change that cannot be made has another mark and says so", () => {
  const idle = [[0, 1]];
  assert.deepEqual([isIdleIn(idle, 0, 1), isIdleIn(idle, 1, 0)], [true, false]);
  assert.equal(markOf("patch", true), "patch?");
  const changes = [[1, 2, 0], [0, 1, "patch"]];
  const patch = "layer 0, head 1 is to be patched from the second, but not yet";
  assert.equal(changesInWords(changes, idle), `Changed: ${patch}; layer 1, head 2 is switched off.`);
  assert.equal(changesInWords([], []), "No head is changed.");
});

test("keys on a head change it, and those of the browser are left to the browser", () => {
  const asked = ["0", "m", "M", "5", "1", "2", "p", "x", "ArrowUp"].map((key) => wantedBy({ key }));
  assert.deepEqual(asked, [0, "mean", "mean", 0.5, 1, 2, "patch", null, null]);
  assert.equal(wantedBy({ key: "z", ctrlKey: true }), "undo");
  assert.equal(wantedBy({ key: "z", metaKey: true }), "undo");
  assert.equal(wantedBy({ key: "Z", metaKey: true, shiftKey: true }), null); // redo
  assert.deepEqual([wantedBy({ key: "p", ctrlKey: true }), wantedBy({ key: "0", altKey: true })], [null, null]);
});

test("what was changed last is taken back first, and a drag of a slider at once", () => {
  const past = makePast();
  assert.equal(past.isEmpty, true);
  past.keep("none");
  for (const changes of ["one", "dragged", "dragged on"]) past.keep(changes, "slider 0 0");
  past.keep("dragged to its end", "slider 0 1"); // of another head
  assert.deepEqual([past.back(), past.back(), past.back()], ["dragged to its end", "one", "none"]);
  assert.equal(past.isEmpty, true);
  assert.equal(past.back(), undefined);
});

test("one head goes to its words, numbers and files under its name", () => {
  const drawn = { data: Uint8Array.from([255, 0, 255]), shape: [2, 3, 2, 2], causal: true, n: 5 };
  const facts = factsOfHead({ side: drawn, tokens: ["a", "b"] }, {});
  assert.deepEqual([facts.heads[0].name, facts.file, facts.isCausal], ["Layer 1, head 2", "L1H2", true]);
  const own = { ...drawn, n: 0 };
  const [caption, header, rows] = numbersOf(factsOfHead({ side: own, tokens: ["a", "b"] }, {}), [0, -1]);
  assert.deepEqual([caption, header], ["“a” (0) looks at", ["position", "token", "L0H0"]]);
  assert.deepEqual(rows(), [["0", "a", "1.000"], ["1", "b", "masked"]]);
});

test("a difference is copied with its signs", () => {
  assert.equal(tabbed(Float32Array.from([0, 0, -0.5, 1]), ["a", "b"]), "\ta\tb\na\t0.000\t0.000\nb\t-0.500\t1.000");
});

test("the chosen row is exact, and of a causal head ends at its token", () => {
  const pair = { layer: 1, head: 2, row: 1, weights: [0.25, 0.75, 0] };
  const place = { layer: 1, head: 2 };
  assert.deepEqual([...exactRow(pair, place, 1, true)].map((b) => ((b / 255) ** 2).toFixed(6)), ["0.250000", "0.750000"]);
  assert.equal(exactRow(pair, place, 1, false).length, 3);
  assert.equal(exactRow(pair, place, 0, true), null);
  assert.equal(exactRow(pair, { layer: 0, head: 2 }, 1, true), null);
  assert.equal(exactRow({}, place, 1, true), null);
});

test("changes carry their sign and small ones are none", () => {
  assert.deepEqual([0.123, -0.004, 0.0001, -1].map(inPoints), ["+12.3", "−0.4", "0", "−100.0"]);
});

test("a signed bar leaves the middle to its own side and stays in its track", () => {
  assert.deepEqual(signedBar(0.5, 0.5), { left: 50, width: 50 });
  assert.deepEqual(signedBar(-0.25, 0.5), { left: 25, width: 25 });
  assert.deepEqual(signedBar(-9, 0.5), { left: 0, width: 50 });
  assert.deepEqual(signedBar(0, 0), { left: 50, width: 0 });
});

test("any top-k finds a place on the slider", () => {
  assert.equal(placeOfK(null), 10);
  assert.equal(placeOfK(1), 0);
  assert.equal(placeOfK(40), 5); // nearest by factor: 50
  assert.equal(placeOfK(1e6), 9);
});

test("the products sum to the score, and √D divides it", () => {
  assert.deepEqual(productsOf([1, -2, 0, 3], [2, 1, 5, -1]), { products: [2, -2, 0, -3], score: -3, scaled: -1.5 });
});

test("all numbers of a pair are rows of a table", () => {
  const pair = { query: [1, -2], key: [0.5, 3], value: [0, 7] };
  assert.deepEqual(rowsOfPair(pair), [["0", "1.00", "0.500", "0.500", "0"], ["1", "−2.00", "3.00", "−6.00", "7.00"]]);
});

test("bars go up where positive and down where negative, the largest to the edge", () => {
  assert.deepEqual(barsOf([2, -1], 40), [{ y: 0, size: 20, less: false }, { y: 20, size: 10, less: true }]);
  assert.deepEqual(barsOf([0], 40), [{ y: 20, size: 0, less: false }]);
});

test("one number of a dot product in words", () => {
  const pair = { query: [0, -2], key: [0, 0.5], value: [0, 3] };
  assert.equal(numberInWords(pair, 1), "Number 1: q −2.00 × k 0.500 = −1.00; v 3.00");
});

test("a dot product ends in its weight, or in the mask", () => {
  const pair = { layer: 0, head: 3, row: 1, column: 0, query: [1, 2, 0, 0], key: [1, 1, 0, 0], weights: [0.25, 0.75] };
  assert.equal(pairInWords(pair, ["a", "b"]), "Layer 0, head 3: “b” (1) looks at “a” (0)");
  const start = "The 4 products sum to q·k = 3.00; divided by √4: 1.50; ";
  assert.equal(sumInWords(pair, true), `${start}after softmax over the row: 25 %.`);
  const later = { ...pair, row: 0, column: 1, weights: [1, 0] };
  assert.equal(sumInWords(later, true), `${start}masked, for it comes later: weight 0.`);
  assert.equal(sumInWords(later, false), `${start}after softmax over the row: 0 %.`);
});

const side = (...bytes) => ({ data: Uint8Array.from(bytes), shape: [1, 1, 2, 2], causal: true, n: 0 });

test("a difference is first minus second, cell by cell", () => {
  const cells = differenceOf(side(255, 0, 255), side(255, 255, 0));
  assert.deepEqual([...cells], [0, 0, -1, 1]);
  assert.deepEqual(largestOf(cells, 2), [1, 0]);
  assert.deepEqual([...opacitiesOfPart(cells, 1)], [0, 0, 0, 255]);
  assert.deepEqual([...opacitiesOfPart(cells, -1)], [0, 0, 255, 0]);
});

test("texts of different length have no difference", () => {
  const longer = { data: new Uint8Array(6), shape: [1, 1, 3, 3], causal: true, n: 0 };
  assert.equal(differenceOf(side(255, 0, 255), longer), null);
});

test("a difference is said with its direction", () => {
  const say = (change) => differenceInWords(["a", "b"], [1, 0], change);
  assert.equal(say(0.12), "“b” (1) looks at “a” (0): 12 points more in the first");
  assert.equal(say(-0.12), "“b” (1) looks at “a” (0): 12 points less in the first");
  assert.equal(say(0.001), "“b” (1) looks at “a” (0): the same in both");
});

test("of a difference, what the first gives less of is drawn with a sign, if there is room", () => {
  const look = { width: 200, colours: { mark: "#111111", ink: "#222222", heat: "#333333" }, fit: (text) => text };
  const { shapes, place } = differenceBase(Float32Array.from([0, 0, -1, 1]), ["a", "b"], look);
  const signs = shapes.filter(({ fill }) => fill === "#222222");
  assert.equal(signs.length, 1);
  const [x, y, width] = signs[0].box;
  assert.ok(x > place.gutter && x + width < place.gutter + place.cell && y > place.gutter + place.cell);
  assert.deepEqual([...shapes.find(({ colour }) => colour === "#111111").opacities], [0, 0, 255, 0]);
  const narrow = differenceBase(new Float32Array(1600).fill(-1), Array(40).fill("a"), { ...look, width: 100 });
  assert.equal(narrow.shapes.filter(({ fill }) => fill).length, 0);
});
