import { element, slider } from "./common.js";

// What a head can be changed to, and the controls for it.

/** Key on a head, what the kernel is told, mark on the picture, name of the button, and the same in words. */
export const SWITCHES = [
  { key: "0", what: 0, mark: "off", name: "off", words: "switched off" },
  { key: "m", what: "mean", mark: "mean", name: "mean", words: "set to its mean over the positions of this text" },
  { key: "5", what: 0.5, mark: "×½", name: "half", words: "halved" },
  { key: "1", what: 1, mark: "", name: "as it is", words: "as it is" },
  { key: "2", what: 2, mark: "×2", name: "twice", words: "doubled" },
  { key: "p", what: "patch", mark: "patch", name: "patched", words: "patched from the second" },
];
export const KEYS = "0 switches off, M sets to the mean, 5 halves, 2 doubles, P patches from the second, 1 resets";

/** What a head is changed to; heads that are not listed count as they are: 1. */
export function changeOf(changes, layer, head) {
  return changes.find(([l, h]) => l === layer && h === head)?.[2] ?? 1;
}

/** The list with this head's change set; 1 takes it off the list. */
export function withChange(changes, layer, head, what) {
  const others = changes.filter(([l, h]) => l !== layer || h !== head);
  return what === 1 ? others : [...others, [layer, head, what]];
}

/** The mark of any change, also of one that a cell has asked for: "" for none, "patch?" where it cannot be made. */
export function markOf(what, isIdle = false) {
  const mark = SWITCHES.find((one) => one.what === what)?.mark ?? `×${what}`;
  return isIdle ? `${mark}?` : mark;
}

/** The same for a sentence. */
export function changeInWords(what, isIdle = false) {
  const words = SWITCHES.find((one) => one.what === what)?.words ?? `times ${what}`;
  return isIdle ? `to be ${words}, but not yet` : words;
}

/** Is this head on the list of those whose change cannot be made? */
export function isIdleIn(idle, layer, head) {
  return idle.some(([l, h]) => l === layer && h === head);
}

/** Layer 1, head 2 is switched off; layer 0, head 3 is doubled. */
export function changesInWords(changes, idle) {
  if (!changes.length) return "No head is changed.";
  const one = ([l, h, what]) => `layer ${l}, head ${h} is ${changeInWords(what, isIdleIn(idle, l, h))}`;
  const all = [...changes].sort(([a, b], [c, d]) => a - c || b - d).map(one);
  return `Changed: ${all.join("; ")}.`;
}

/** What a key on a head asks for: a change, "undo", or null for a key that asks for nothing. */
export function wantedBy({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === "z") return "undo";
  if (ctrlKey || metaKey || altKey) return null;
  return SWITCHES.find((one) => one.key === key.toLowerCase())?.what ?? null;
}

/** What came before: `keep(changes, by)` before each change, `back()` gives the last. One drag of a slider is one. */
export function makePast() {
  const past = [];
  let lastBy = null;
  return {
    keep(changes, by = null) {
      if (by === null || by !== lastBy) past.push(changes);
      lastBy = by;
    },
    back() {
      lastBy = null;
      return past.pop();
    },
    get isEmpty() {
      return past.length === 0;
    },
  };
}

/** Buttons and a slider for the enlarged head. `set(what, by)` changes it; `undo` and `reset` concern all heads. */
export function makeSwitches({ set, undo, reset }) {
  const buttons = SWITCHES.map(({ key, what, name, words }) => {
    const title = `${words} (key ${key.toUpperCase()} on its picture)`;
    return element("button", { type: "button", title, click: () => set(what) }, name);
  });
  const limits = { min: 0, max: 3, step: 0.05 };
  const times = slider("times", limits, (factor) => set(factor, "slider"), (factor) => `×${factor.toFixed(2)}`);
  const back = element("button", { type: "button", title: "Ctrl-Z on a head", click: undo }, "undo");
  const all = element("button", { type: "button", click: reset }, "all heads as they are");
  const group = element("div", { role: "group", "aria-label": "What this head counts", class: "row" }, "This head: ");
  group.append(...buttons);
  const root = element("div", { class: "switches" }, group, times.root, element("div", { class: "row" }, back, all));
  const draw = (what, n, canUndo) => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", SWITCHES[k].what === what));
    times.set(typeof what === "number" ? what : 1);
    const isOff = buttons[0].disabled; // no kernel
    all.disabled = n === 0 || isOff;
    back.disabled = !canUndo || isOff;
  };
  return { root, draw, inputs: [...buttons, times.input, back, all] };
}
