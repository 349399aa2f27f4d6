import assert from "node:assert/strict";
import test from "node:test";
import {
  LOST, bytesOf, inDigits, inPercent, isolated, kernelLine, onChange, pixelsOf, rgbOf, watchKernel,
} from "../../minigpt/views/common.js";
import { standIn, unpack } from "../../minigpt/views/host.js";
import { deflateSync } from "node:zlib";

test("numbers are given three digits", () => {
  assert.deepEqual([0.1234, 1.234, 12.34, 123.4, 12345].map(inDigits), ["0.123", "1.23", "12.3", "123", "12,345"]);
  assert.equal(inDigits(-0.5), "−0.500");
  assert.equal(inDigits(0), "0");
  assert.equal(inDigits(-0.0001), "0.000"); // no minus before nothing
  assert.deepEqual([Infinity, -Infinity, NaN].map(inDigits), ["∞", "−∞", "undefined"]);
});

test("small shares keep a digit and tiny ones do not look like nothing", () => {
  assert.deepEqual([0, 0.0001, 0.004, 0.613, 1].map(inPercent), ["0 %", "< 0.1 %", "0.4 %", "61 %", "100 %"]);
});

test("a colour is told apart into red, green and blue", () => {
  assert.deepEqual(rgbOf("#0072b2"), [0, 114, 178]);
});

test("pixels carry the value as opacity", () => {
  assert.deepEqual([...pixelsOf(Uint8Array.of(0, 255), [1, 2, 3])], [1, 2, 3, 0, 1, 2, 3, 255]);
});

test("the bytes of a view are those of its window", () => {
  const buffer = Uint8Array.of(9, 1, 2, 9).buffer;
  assert.deepEqual([...bytesOf(new DataView(buffer, 1, 2))], [1, 2]);
});

test("the stand-in for a model tells of changes, and of nothing after being stopped", () => {
  const model = standIn({ n: 1 });
  let calls = 0;
  const stop = onChange(model, ["n"], () => calls++);
  model.set("n", 2);
  model.set("n", 2); // no change
  assert.equal(model.get("n"), 2);
  assert.equal(calls, 1);
  stop();
  model.set("n", 3);
  assert.equal(calls, 1);
});

test("a packed state comes back with its text and its bytes", async () => {
  const head = Buffer.from(JSON.stringify({ state: { text: "é<" }, binary: [["a", 2], ["b", 1]] }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const packed = deflateSync(Buffer.concat([length, head, Buffer.from([1, 2, 3])])).toString("base64");
  const state = await unpack(packed);
  assert.equal(state.text, "é<");
  assert.deepEqual([[...bytesOf(state.a)], [...bytesOf(state.b)]], [[1, 2], [3]]);
});

/** A model with a kernel's signals, as JupyterLab gives them. */
function kernelModel() {
  const [listeners, disposals, handlers] = [new Set(), new Set(), {}];
  const signal = (all) => ({ connect: (f) => all.add(f), disconnect: (f) => all.delete(f) });
  return {
    widget_manager: { kernel: { statusChanged: signal(listeners), disposed: signal(disposals) } },
    on: (event, handler) => (handlers[event] = handler),
    off: (event) => delete handlers[event],
    tell: (status) => listeners.forEach((f) => f(null, status)),
    dispose: () => disposals.forEach((f) => f()),
    heard: () => listeners.size + disposals.size + Object.keys(handlers).length,
    handlers,
  };
}

test("a kernel that dies, restarts or is changed is noticed, one that works is not", () => {
  const model = kernelModel();
  let lost = 0;
  const stop = watchKernel(model, () => lost++);
  for (const status of ["busy", "idle"]) model.tell(status);
  assert.equal(lost, 0);
  for (const status of ["autorestarting", "dead"]) model.tell(status);
  model.handlers.comm_live_update();
  model.dispose();
  assert.equal(lost, 4);
  stop();
  assert.equal(model.heard(), 0);
});

test("a host without a kernel's signal is watched as far as it can be", () => {
  const model = { on() {}, off() {} };
  watchKernel(model, () => assert.fail("nothing happened"))();
});

/** What an element needs, for Node has no page. */
function withoutPage(t) {
  const setAttribute = function (name, value) {
    this[name] = value;
  };
  const append = function (...parts) {
    this.textContent += parts.join("");
  };
  globalThis.document = { createElement: (tag) => ({ tag, textContent: "", append, setAttribute }) };
  t.after(() => delete globalThis.document);
}

test("a view that loses its kernel says so in a line, and may change itself", (t) => {
  withoutPage(t);
  const model = kernelModel();
  let lost = 0;
  const line = kernelLine(model, () => lost++);
  model.tell("busy");
  assert.deepEqual([line.root.textContent, lost], ["", 0]);
  model.tell("autorestarting");
  assert.deepEqual([line.root.textContent, lost], [LOST, 1]);
  assert.equal(line.root.role, "status");
  line.stop();
  assert.equal(model.heard(), 0);
});

test("a saved page has no kernel to lose, and says nothing of it", (t) => {
  withoutPage(t);
  const line = kernelLine(standIn({}), () => assert.fail("there was none"));
  assert.equal(line.root.textContent, "");
  line.stop();
});

test("each token of a sentence is isolated, also one that has quotes in it, and nothing is lost", (t) => {
  withoutPage(t);
  const tokens = (sentence) => isolated(sentence).filter((part) => part.tag === "bdi").map((part) => part.textContent);
  const all = (sentence) => isolated(sentence).map((part) => part.textContent ?? part).join("");
  const sentence = "“cat” (2) looks at “a”b” (0): 61 %, “”“” (1): 20 %.\n“x”. It wrote “y”";
  assert.deepEqual(tokens(sentence), ["“cat”", "“a”b”", "“”“”", "“x”", "“y”"]);
  assert.equal(all(sentence), sentence);
  assert.deepEqual(tokens("Choose a token of either sentence."), []);
});
