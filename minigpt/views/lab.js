import { LOST, bytesOf, element, keepDrawn, onChange, rootOf, watchKernel } from "./common.js";
import { makeAsker } from "./lab_ask.js";
import { makeCompare } from "./lab_compare.js";
import { makeHeads } from "./lab_heads.js";
import { makeLens } from "./lab_lens.js";
import { makeNext } from "./lab_next.js";
import { makePair } from "./lab_pair.js";

const SAYINGS = {
  static:
    "Heads can be chosen here; typing, changing and comparing need a running kernel: " +
    "open this notebook in JupyterLab and run its cells.",
  lost: `${LOST} Until then heads can still be looked at.`,
  silent:
    "No answer yet. If another cell is running, this view follows when it is done; " +
    "if the kernel was restarted, run the cell of this view again.",
};

/** The cell that is marked: what the reader chose, as far as the text has it; the last token's where nothing is. */
export function chosenCell({ row, column }, T) {
  return [row === null ? T - 1 : Math.min(row, T - 1), column === null ? -1 : Math.min(column, T - 1)];
}

/** Which of L × H heads is enlarged, where the model has it; else the nearest. */
export function headIn({ layer, head }, [L, H]) {
  return Math.min(layer, L - 1) * H + Math.min(head, H - 1);
}

/** 1 token, 32 tokens */
export function countOf(tokens) {
  return `${tokens.length.toLocaleString("en")} token${tokens.length === 1 ? "" : "s"}`;
}

/** What the views read of one side: its weights, their shape, and which head is enlarged. */
function sideOf(model, prefix, request) {
  const [data, shape, causal] = ["data", "shape", "causal"].map((name) => model.get(prefix + name));
  return shape.length ? { data: cached(data), shape, causal, n: headIn(request, shape) } : null;
}

const views = new WeakMap();

/** The same bytes for the same trait, so that identity tells what has changed. */
function cached(view) {
  if (!views.has(view)) views.set(view, bytesOf(view));
  return views.get(view);
}

/** The panels in their order, and a `draw` over all of them. */
function makePanels(model, change, may) {
  const heads = makeHeads(change, may);
  const [next, lens, pair] = [makeNext(change), makeLens(change), makePair()];
  const compare = makeCompare(change, model.get("two_models"));
  const first = element("div", { class: "panels" }, heads.left, heads.panel, next.root);
  const second = element("div", { class: "panels" }, lens.root, pair.root);
  const body = element("div", {}, first, second);
  const draw = (request, force = false) => {
    const side = sideOf(model, "", request);
    body.hidden = compare.root.hidden = !side;
    if (!side) return;
    const [, H] = side.shape;
    const enlarged = { ...request, layer: Math.floor(side.n / H), head: side.n % H };
    const [tokens, otherTokens] = [model.get("tokens"), model.get("other_tokens")];
    const other = sideOf(model, "other_", request);
    const chosen = chosenCell(request, tokens.length);
    const [pairNow, both, idle] = ["pair", "both", "idle"].map((name) => model.get(name));
    const state = { side, other, tokens, otherTokens, request: enlarged, chosen, pair: pairNow, both, idle };
    heads.draw(state, force);
    next.draw(model.get("next"), request);
    lens.draw(model.get("lens"), tokens);
    pair.draw(pairNow, state, may(), force);
    compare.draw(state, force);
  };
  const inputs = [heads, next, lens, compare].flatMap((panel) => panel.inputs);
  return { body, compare: compare.root, sized: [heads.panel, compare.panel, pair.root], draw, inputs };
}

function render({ model, el }) {
  const root = rootOf("lab", "The live attention lab");
  root.setAttribute("aria-busy", false); // true while an answer is on its way
  const prompt = element("textarea", { rows: 2, dir: "auto", spellcheck: "false", "aria-label": "Prompt" });
  const count = element("span", { class: "soft", role: "status" });
  const error = element("p", { class: "error", role: "alert" });
  const warning = element("p", { class: "error", role: "status" });
  const state = element("p", { class: "state", role: "status" });
  let live = model.get("live");
  let wanted = { ...model.get("request") }; // what the reader wants to see; the model's request is what was asked
  let sent = wanted.id;

  const asker = makeAsker({
    send(question) {
      sent = model.get("request").id + 1;
      model.set("request", { ...question, id: sent });
      model.save_changes();
    },
    silent: (is) => live && say(is ? SAYINGS.silent : ""),
  });
  const change = (what) => {
    wanted = { ...wanted, ...what };
    if (live) {
      root.setAttribute("aria-busy", true);
      asker.ask(wanted);
    }
    if (!("prompt" in what)) draw(); // what the page has by itself shows at once
  };
  const panels = makePanels(model, change, () => live);
  root.append(element("label", { class: "prompt" }, element("span", {}, "Prompt ", count), prompt));
  root.append(state, error, warning, panels.body, panels.compare);
  el.append(root);

  function say(text) {
    state.textContent = text;
  }
  function lose(text) {
    live = false;
    root.setAttribute("aria-busy", false);
    say(text);
    for (const input of [prompt, ...panels.inputs]) input.disabled = true;
  }
  function draw(force = false) {
    if (document.activeElement !== prompt) prompt.value = wanted.prompt;
    count.textContent = model.get("tokens").length ? countOf(model.get("tokens")) : "";
    error.textContent = model.get("error");
    if (warning.textContent !== model.get("warning")) warning.textContent = model.get("warning"); // read out once
    panels.draw(wanted, force);
  }
  prompt.addEventListener("input", () => change({ prompt: prompt.value }));
  const stops = [
    onChange(model, ["request"], () => {
      if (model.get("request").id === sent) return;
      wanted = { ...model.get("request") }; // a cell has asked for it
      prompt.value = wanted.prompt;
    }),
    onChange(model, ["answered"], () => {
      const isAll = asker.answered();
      draw();
      if (isAll) root.setAttribute("aria-busy", false);
    }),
    watchKernel(model, () => live && lose(SAYINGS.lost)),
    ...panels.sized.map((panel) => keepDrawn(panel, () => draw(true))),
    asker.stop,
  ];
  if (!live) lose(SAYINGS.static);
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
