import assert from "node:assert/strict";
import test from "node:test";
import { attend, labelPlaces, onPicture, onPlane, shortened, stepped } from "../../minigpt/views/query_key.js";

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`);

test("two equal keys share the weight and the output is the mean of the values", () => {
  const { scores, weights, output } = attend([1, 0], [[2, 1], [2, -1]], [[1, 0], [0, 1]], true);
  assert.deepEqual(scores, [2, 2]);
  assert.deepEqual(weights, [0.5, 0.5]);
  assert.deepEqual(output, [0.5, 0.5]);
});

test("a hand-worked softmax, with and without the division by the root of two", () => {
  const plain = attend([1, 0], [[Math.log(3), 0], [0, 5]], [[4, 0], [0, 0]], false);
  near(plain.weights[0], 0.75); // 3 / (3 + 1)
  near(plain.output[0], 3);
  const scaled = attend([1, 0], [[Math.SQRT2 * Math.log(3), 0], [0, 5]], [[4, 0], [0, 0]], true);
  near(scaled.weights[0], 0.75);
});

test("large scores do not overflow", () => {
  const { weights } = attend([1000, 0], [[1000, 0], [0, 0]], [[0, 0], [0, 0]], false);
  assert.deepEqual(weights, [1, 0]);
});

test("a point goes to the picture and comes back", () => {
  assert.deepEqual(onPicture([0, 0], 3), [120, 120]);
  assert.deepEqual(onPicture([3, 3], 3), [240, 0]);
  assert.deepEqual(onPlane(onPicture([1.25, -2.5], 3), 3), [1.25, -2.5]);
});

test("nothing leaves the plane", () => {
  assert.deepEqual(onPlane([999, -999], 3), [3, 3]);
  assert.deepEqual(stepped("ArrowRight", [2.95, 0], 0.1, 3), [3, 0]);
});

test("arrow keys step without a tail of digits, other keys do nothing", () => {
  assert.deepEqual(stepped("ArrowUp", [0.1, 0.2], 0.1, 3), [0.1, 0.3]);
  assert.equal(stepped("Enter", [0, 0], 0.1, 3), null);
});

const boxes = (places, widths) => places.map(([x, y], n) => [x, y, widths[n], 15]);
const meet = (a, b) => 2 * Math.abs(a[0] - b[0]) < a[2] + b[2] && 2 * Math.abs(a[1] - b[1]) < a[3] + b[3];

test("labels of tips that stand close cover neither each other nor a tip, and stay in the picture", () => {
  const crowds = [
    [[120, 120], [128, 120], [160, 120], [200, 112], [128, 80]], // notebook 05
    [[120, 120], [120, 120], [120, 120], [120, 120], [120, 120], [120, 120], [120, 120], [120, 120], [120, 120]],
    [[240, 0], [240, 0], [238, 3], [0, 240], [0, 240], [0, 0], [240, 240]],
  ];
  for (const tips of crowds) {
    const widths = tips.map((_, n) => 30 + 10 * (n % 4));
    const labels = boxes(labelPlaces(tips, widths), widths);
    const all = [...labels, ...tips.map((tip) => [...tip, 16, 16])];
    labels.forEach((label, n) => all.forEach((other, m) => assert.ok(m === n || !meet(label, other), `${n}, ${m}`)));
    for (const [x, y, w, h] of labels) {
      assert.ok(x >= w / 2 && x <= 240 - w / 2 && y >= h / 2 && y <= 240 - h / 2);
    }
  }
});

test("a tip by itself has its label beside it, without a line that leads there", () => {
  assert.deepEqual(labelPlaces([[120, 120]], [40]), [[149, 107.5, false]]);
  const [[x, , apart]] = labelPlaces([[239, 120]], [40]); // no room on the right
  assert.ok(x < 220 && !apart);
});

test("a label that fits nowhere stands beside its tip all the same", () => {
  assert.equal(labelPlaces([[120, 120]], [999]).length, 1);
});

test("a long name is cut, and no emoji in two", () => {
  assert.equal(shortened("drank"), "drank");
  assert.equal(shortened("x".repeat(10_000)), "xxxxxxxxxxx…");
  assert.equal(shortened("😀".repeat(20)), `${"😀".repeat(11)}…`);
});
