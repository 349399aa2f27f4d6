import {
  columnOf,
  headBase,
  isHidden,
  maskedRuns,
  opacitiesOf,
  rowOf,
  sentence,
  shortName,
  strongest,
  tokenInWords,
  weightOf,
} from "./attention.js";
import { bytesOf, cssValue, inDigits, inPercent } from "./common.js";

// What is known of the heads that are drawn large, and how it is said.

export const MOST = 6; // heads as lines at once: as many as there are colours

// What can be shown of a head. `of` turns a byte's weight into the number that it stands for.
const QUANTITIES = {
  weights: { looks: "looks at", isLookedAt: "is looked at by", say: inPercent },
  "by value": {
    looks: "looks at",
    isLookedAt: "is looked at by",
    say: inDigits,
    note: "Each number is a weight times the size of the value that it fetches.",
  },
  scores: {
    looks: "gives its highest scores to",
    isLookedAt: "gets its highest scores from",
    say: inDigits,
    note: "Scores are q·k / √D, before the softmax makes weights of them: the paler, the lower.",
  },
  rollout: {
    looks: "has gathered from",
    isLookedAt: "went into",
    say: inPercent,
    note: "Rollout: the share of each position that came from each word, counted through all layers up to this one.",
  },
};

/** Weights times the size of each value, packed as weights are; 255 stands for the largest, `top`. */
export function byValue({ data, shape, causal, n }, norms) {
  const rows = Array.from({ length: shape[2] }, (_, i) => {
    return Array.from(rowOf(data, shape, causal, n, i), (byte, j) => weightOf(byte) * norms[j]);
  });
  const products = Float32Array.from(rows.flat());
  const top = products.reduce((most, value) => Math.max(most, value), 0) || 1;
  const bytes = Uint8Array.from(products, (value) => Math.round(255 * Math.sqrt(value / top)));
  return { data: bytes, shape, causal, n: 0, of: (weight) => weight * top };
}

/** Where a key leads from [row, column]; null for a key that leads nowhere. Row -1: a token looked at is chosen. */
export function walked(key, [row, column], T, S, asLines) {
  const clamp = (value, n) => Math.min(Math.max(value, 0), n - 1);
  const far = { Home: -Infinity, End: Infinity, PageUp: -10, PageDown: 10, ArrowUp: -1, ArrowDown: 1 }[key];
  const onRight = row < 0 && column >= 0;
  if (asLines) {
    if (far) return onRight ? [-1, clamp(column + far, S)] : [clamp(row + far, T), -1];
    if (key === "ArrowRight") return onRight ? [-1, column] : [-1, clamp(row, S)];
    if (key === "ArrowLeft") return onRight ? [clamp(column, T), -1] : [clamp(row, T), -1];
    return null;
  }
  if (key === "ArrowUp" && column >= 0 && row <= 0) return [-1, column]; // up into the labels
  if (far) return [clamp(row + far, T), column];
  if (key === "ArrowRight") return [row, clamp(column + 1, S)];
  if (key === "ArrowLeft") return [row, Math.max(column - 1, row < 0 ? 0 : -1)]; // -1: no cell is marked
  return null;
}

/** One head as a table of text: a line for each token that looks, masked cells empty. */
export function asTabbed({ data, shape, causal, n, of = (weight) => weight }, tokens, sources, hidden = null) {
  const line = (i) => {
    const row = rowOf(data, shape, causal, n, i);
    const cell = (j) => (isHidden(hidden, i * shape[3] + j) ? "" : of(weightOf(row[j])).toFixed(3));
    return [tokens[i], ...sources.map((_, j) => (j < row.length ? cell(j) : ""))].join("\t");
  };
  return [["", ...sources].join("\t"), ...tokens.map((_, i) => line(i))].join("\n");
}

/** The head as the model's traits give it; null while the kernel has not sent it. */
function headOf(model, n) {
  const [shape, causal, quantity] = ["shape", "causal", "quantity"].map((name) => model.get(name));
  const isSent = model.get("pool").length > 0 || quantity === "scores" || quantity === "rollout";
  const isThere = !isSent || model.get("whole_of") === quantity;
  const at = isSent ? model.get("whole_heads").indexOf(n) : n;
  if (!isThere || at < 0) return null;
  const data = bytesOf(model.get(isSent ? "whole" : "data"));
  const [low, high] = (isSent && model.get("whole_ranges")[at]) || [0, 1];
  const of = quantity === "scores" ? (weight) => low + (high - low) * Math.sqrt(weight) : (weight) => weight;
  const head = { data, shape, causal, n: at, of };
  if (quantity !== "by value") return head;
  const { buffer, byteOffset } = model.get("norms");
  const norms = new Float32Array(buffer.slice(byteOffset + 4 * n * shape[3], byteOffset + 4 * (n + 1) * shape[3]));
  return byValue(head, norms);
}

/** The masked cells as bits; null where only causality masks. */
export function bitsOf(model) {
  const bits = bytesOf(model.get("hidden"));
  return bits.length ? bits : null;
}

/** What the canvas drawings need of the theme. */
export function coloursOf(root) {
  const names = { heat: "--mg-heat", mark: "--mg-mark", line: "--mg-line", ground: "--mg-ground" };
  const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, cssValue(root, name)]));
  const { color, fontFamily } = getComputedStyle(root);
  const heads = Array.from({ length: MOST }, (_, k) => cssValue(root, `--mg-head-${k}`));
  return { ...colours, ink: color, font: fontFamily, heads };
}

/** All that a picture of the enlarged head, and of those drawn with it, is made from. */
export function factsOf(model, root) {
  const [tokens, sources, padding] = ["tokens", "source_tokens", "padding"].map((name) => model.get(name));
  const H = model.get("shape")[1];
  const colours = coloursOf(root);
  const asLines = model.get("lines");
  const first = model.get("layer") * H + model.get("head");
  const others = asLines ? model.get("overlay").map(([layer, head]) => layer * H + head) : [];
  const heads = [first, ...others.filter((n) => n !== first)].map((n, k) => {
    const layer = Math.floor(n / H);
    const isRollout = model.get("quantity") === "rollout";
    const name = isRollout ? `Rollout up to layer ${layer}` : `Layer ${layer}, head ${n % H}`;
    return { n, name, short: shortName(n, H), colour: colours.heads[k], head: headOf(model, n) };
  });
  const named = (list) => list.map((label, j) => (padding[j] ? `padding ${label}` : label));
  const isSelf = tokens.length === sources.length && tokens.every((token, k) => token === sources[k]);
  return {
    heads,
    asLines,
    colours,
    padding,
    tokens: isSelf ? named(tokens) : tokens,
    sources: named(sources),
    hidden: bitsOf(model),
    isCausal: model.get("causal"),
    quantity: model.get("quantity"),
    isLive: model.get("live"),
    pool: model.get("pool"),
  };
}

/** Can this cell hold no weight, and why? */
function whyMasked({ hidden, isCausal, padding, sources }, [row, column]) {
  if (isCausal && column > row) return "that comes later";
  if (!isHidden(hidden, row * sources.length + column)) return "";
  return padding[column] ? "that is padding" : "that is masked";
}

/** What stands out of one head, as a sentence or two. */
export function inWords(facts, { name, head }, [row, column]) {
  const { heads, tokens, sources, quantity, isLive } = facts;
  const start = heads.length > 1 ? `${name}: ` : "";
  if (!head && !isLive) return `${start}this page holds the enlarged head only; a running kernel would send this one.`;
  if (!head) return `${start}waiting for the kernel to send this head. If it stays so, run the cell again.`;
  const { data, shape, causal, n, of } = head;
  const { looks, isLookedAt, say } = QUANTITIES[quantity];
  const said = (weight) => say(of(weight));
  if (row < 0) {
    const all = strongest(columnOf(data, shape, causal, n, column), shape[2]);
    const most = all.filter(([i]) => !whyMasked(facts, [i, column])).slice(0, 4);
    const parts = most.map(([i, weight]) => `${tokenInWords(tokens, i)}: ${said(weight)}`);
    return `${start}${tokenInWords(sources, column)} ${isLookedAt} ${parts.join(", ") || "no token: it is masked"}`;
  }
  const bytes = rowOf(data, shape, causal, n, row);
  const text = start + sentence(tokens, sources, row, bytes, said, looks);
  if (column < 0) return text;
  const why = whyMasked(facts, [row, column]);
  const marked = tokenInWords(sources, column);
  if (why) return `${text}. It may not look at ${marked}: ${why}.`;
  return `${text}. Marked: ${marked}: ${said(weightOf(bytes[column]))}`;
}

/** The same as a table: its caption, its header, and a function that gives its rows. */
export function numbersOf(facts, [row, column]) {
  const { heads, tokens, sources } = facts;
  const { looks, isLookedAt } = QUANTITIES[facts.quantity];
  const [list, verb] = row < 0 ? [tokens, isLookedAt] : [sources, looks];
  const name = row < 0 ? tokenInWords(sources, column) : tokenInWords(tokens, row);
  const cell = (head, k) => {
    const [i, j] = row < 0 ? [k, column] : [row, k];
    if (!head) return "";
    if (whyMasked(facts, [i, j])) return "masked";
    return head.of(weightOf(rowOf(head.data, head.shape, head.causal, head.n, i)[j])).toFixed(3);
  };
  const rows = () => list.map((label, k) => [String(k), label, ...heads.map(({ head }) => cell(head, k))]);
  return [`${name} ${verb}`, ["position", "token", ...heads.map((one) => one.short)], rows];
}

/** What the picture needs to be read. */
export function notesOf({ asLines, isCausal, hidden, padding, quantity }) {
  const notes = [
    "Choose a head on the grid by click or Enter; Ctrl-click or Space adds one to the lines.",
    "In the picture, move over a token or use the arrow keys; click or Enter pins it, Escape frees it.",
  ];
  if (!asLines && (isCausal || hidden)) notes.push("Hatched cells are masked: there is no weight, not a small one.");
  if (padding.some(Boolean)) notes.push("Padding is hatched the other way, and called so.");
  if (asLines) notes.push(quantity === "scores" ? "The lowest tenth has no line." : "Weights under 1 % have no line.");
  notes.push(QUANTITIES[quantity].note ?? "");
  return notes.join(" ").trim();
}

/** The enlarged head as a matrix; where it has more cells than pixels, each pixel shows the largest. */
export function matrixBase(model, facts, width, fit) {
  const { heads, tokens, sources, colours, hidden, isCausal, padding, pool } = facts;
  const [{ n, head }] = heads;
  const shape = model.get("shape");
  const size = Math.max(64, Math.floor((width - Math.min(96, width / 6)) * (window.devicePixelRatio || 1)));
  const opacities = head
    ? opacitiesOf(head.data, head.shape, head.causal, head.n, size, hidden)
    : pool.length
      ? opacitiesOf(bytesOf(model.get("data")), [...shape.slice(0, 2), ...pool], isCausal, n)
      : new Uint8Array(tokens.length * sources.length); // not yet here
  const columns = head || !pool.length ? Math.min(size, sources.length) : pool[1];
  const masked = maskedRuns(shape, isCausal, hidden, padding);
  const padded = padding.flatMap((is, j) => (is ? [[j, 0, 1, tokens.length]] : []));
  return headBase({ width, opacities, columns, tokens, sources, colours, fit, masked, padded });
}

/** What is at a point of the matrix: [row, column], -1 for none; null off the picture. */
export function cellAt({ gutter, cell }, x, y, T, S) {
  const [row, column] = [y, x].map((at) => Math.floor((at - gutter) / cell));
  const inside = (at, n) => (at >= 0 && at < n ? at : -1);
  if (row >= T || column >= S || (row < 0 && column < 0)) return null;
  return [inside(row, T), inside(column, S)];
}

/** The picture as it is saved: on a ground, with the names of its heads above it. */
export function framed({ heads, colours }, { shapes, size: [width, height] }) {
  const title = ({ name, colour }, k) => {
    const ink = heads.length > 1 ? colour : colours.ink;
    const [x, y] = [10 + 130 * (k % 4), 16 + 20 * Math.floor(k / 4)];
    return { kind: "text", text: name, x, y, size: 14, colour: ink, bold: true };
  };
  const top = 10 + 20 * Math.ceil(heads.length / 4);
  const size = [Math.max(width, 10 + 130 * Math.min(4, heads.length)) + 20, height + top + 10];
  const ground = { kind: "box", box: [0, 0, ...size], fill: colours.ground };
  const picture = { kind: "layer", shapes, size: [width, height], x: 10, y: top };
  return { shapes: [ground, ...heads.map(title), picture], size };
}
