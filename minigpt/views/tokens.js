import { checkbox, element, inDigits, kernelLine, onChange, rootOf } from "./common.js";

const LONGEST = 2000; // characters, as in Python
const PATIENCE = 250; // milliseconds without a key before the text is encoded

/** How long a text is in every unit that matters here. */
export function countsOf(text, tokens) {
  const words = text.split(/\s+/).filter(Boolean).length;
  return { characters: [...text].length, bytes: new TextEncoder().encode(text).length, words, tokens: tokens.length };
}

/** 9 tokens for 22 characters, 22 bytes, 5 words: 2.44 bytes a token, 1.80 tokens a word */
export function summary({ characters, bytes, words, tokens }) {
  const counted = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
  const sizes = [counted(characters, "character"), counted(bytes, "byte"), counted(words, "word")].join(", ");
  const rates = [];
  if (tokens > 0) rates.push(`${inDigits(bytes / tokens)} bytes a token`);
  if (words > 0) rates.push(`${inDigits(tokens / words)} tokens a word`);
  return `${counted(tokens, "token")} for ${sizes}${rates.length ? `: ${rates.join(", ")}` : ""}`;
}

function makeInput(label, text, live, onText) {
  const area = element("textarea", { rows: 2, maxlength: LONGEST, readonly: !live, spellcheck: "false" });
  area.value = text;
  let timer;
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => onText(area.value), PATIENCE);
  });
  return { area, root: element("label", {}, label, area), stop: () => clearTimeout(timer) };
}

function makePane(name) {
  const counts = element("div", { "aria-live": "polite" });
  const list = element("ul", { "aria-label": `Tokens of ${name}` });
  const root = element("div", { class: "pane" });
  const draw = ({ text, tokens }, showIds, showBytes) => {
    counts.textContent = summary(countsOf(text, tokens));
    const chip = ([label, id, bytes]) => {
      const lines = [showIds && String(id), showBytes && bytes].filter(Boolean);
      return element("li", { class: "chip" }, label, ...lines.map((line) => element("small", {}, line)));
    };
    list.replaceChildren(...tokens.map(chip));
  };
  return { root, counts, list, draw };
}

function render({ model, el }) {
  const root = rootOf("tokens", "Tokens of a text");
  const [live, names] = [model.get("live"), model.get("names")];
  const ids = checkbox("ids", true, draw);
  const bytes = checkbox("bytes (hexadecimal)", false, draw);
  const examples = model.get("examples");
  const choice = element("select", { change: () => choice.value && choose(examples[choice.value]) });
  choice.append(element("option", { value: "" }, "…"));
  choice.append(...examples.map((text, k) => element("option", { value: k }, text)));
  const error = element("p", { class: "error", role: "alert" });
  const panes = names.map(makePane);
  const shared = model.get("texts").length === 1;
  const inputs = model.get("texts").map((text, k) => makeInput(shared ? "Text" : names[k], text, live, send));
  panes.forEach((pane, k) => {
    pane.root.append(shared ? element("strong", {}, names[k]) : inputs[k].root, pane.counts, pane.list);
  });

  const kernel = kernelLine(model, () => {
    for (const { area } of inputs) area.readOnly = true;
    choice.disabled = true;
  });
  const controls = element("div", { class: "row" }, ids.root, bytes.root);
  if (examples.length) controls.append(element("label", {}, "Example ", choice));
  if (!live) controls.append(element("span", { class: "soft" }, "Typing another text needs a running kernel."));
  root.append(...(shared ? [inputs[0].root] : []), controls, kernel.root, error);
  root.append(element("div", { class: "panes" }, ...panes.map((pane) => pane.root)));
  el.append(root);

  function send() {
    model.set("texts", inputs.map((input) => input.area.value));
    model.save_changes();
  }
  function choose(text) {
    inputs[0].area.value = text;
    if (live) send();
    else model.set("results", model.get("answers")[text]);
  }
  function draw() {
    error.textContent = model.get("error");
    model.get("results").forEach((result, k) => panes[k].draw(result, ids.input.checked, bytes.input.checked));
  }
  function drawTexts() {
    model.get("texts").forEach((text, k) => {
      if (document.activeElement !== inputs[k].area) inputs[k].area.value = text; // not under the reader's hands
    });
  }

  const stops = [onChange(model, ["results", "error"], draw), onChange(model, ["texts"], drawTexts), kernel.stop];
  draw();
  return () => [...stops, ...inputs.map((input) => input.stop)].forEach((stop) => stop());
}

export default { render };
