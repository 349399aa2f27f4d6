import { columnOf, rowOf, strongest, tokenInWords, weightOf } from "./attention.js";
import {
  bytesOf,
  checkbox,
  cssValue,
  element,
  inPercent,
  isolated,
  keepDrawn,
  kernelLine,
  onChange,
  rootOf,
} from "./common.js";
import { asTabbed, walked } from "./enlarged.js";
import { linesBase, linesLayout, linesPicture, tokenAt } from "./lines.js";
import { makeSaving } from "./saving.js";
import { copyText, fitter, measurer, saveShapes, showShapes } from "./shapes.js";

// Three panels of lines over one choice: a token of the target, or of the source, and what it has to do with the rest.

const PARTS = {
  encoder: { title: "Encoder: source looks at source", rows: "source", columns: "source" },
  cross: { title: "Cross-attention: target looks at source", rows: "target", columns: "source" },
  decoder: { title: "Decoder: target looks at its own past", rows: "target", columns: "target" },
};

/** What stands out in a panel, [row, column], when a token is chosen; -1 for none. `choice` = ["source", 2]. */
export function markedIn(part, choice) {
  const [list, at] = choice ?? ["", -1];
  if (PARTS[part].rows === list) return [at, -1];
  return PARTS[part].columns === list ? [-1, at] : [-1, -1];
}

/** The token chosen by a point or a key that leads to [row, column] of a panel. */
export function choiceAt(part, [row, column]) {
  return row >= 0 ? [PARTS[part].rows, row] : [PARTS[part].columns, column];
}

/** The four strongest of [position, weight] in words. */
function most(list, pairs) {
  const seen = pairs.filter(([, weight]) => weight > 0).slice(0, 4);
  return seen.map(([at, weight]) => `${tokenInWords(list, at)}: ${inPercent(weight)}`).join(", ") || "nothing";
}

/** What the three heads say of the chosen token. `rowOf(part, i)` and `columnOf(part, j)` give bytes. */
export function inSentences({ source, target, written, rowOf, columnOf }, [list, at]) {
  const row = (part, i, labels) => most(labels, strongest(rowOf(part, i), 4));
  if (list === "source") {
    const lookers = strongest(columnOf("cross", at), 4);
    const names = written.length ? written : target;
    return [
      `In the source ${tokenInWords(source, at)} looks at ${row("encoder", at, source)}.`,
      `Of the target, ${most(names, lookers)} ${written.length ? "(written there) " : ""}look at it.`,
    ];
  }
  const start = `Having read ${tokenInWords(target, at)}`;
  const who = written.length ? `${start}, the decoder is to write “${written[at]}”` : start;
  return [
    `${who}. In the source it looks at ${row("cross", at, source)}.`,
    `In its own past it looks at ${row("decoder", at, target)}.`,
  ];
}

/** The same as rows of a table: [what, position, token, weight]. */
export function tableOf({ source, target, rowOf, columnOf }, [list, at]) {
  const rows = (what, bytes, labels) => Array.from(bytes, (byte, k) => [what, k, labels[k], weightOf(byte).toFixed(3)]);
  if (list === "source") {
    return [
      ...rows("looks at, in the source", rowOf("encoder", at), source),
      ...rows("is looked at by, in the target", columnOf("cross", at), target),
    ];
  }
  return [
    ...rows("looks at, in the source", rowOf("cross", at), source),
    ...rows("looks at, in its past", rowOf("decoder", at), target),
  ];
}

/** The heads as tables of text, one below the other, each under its name: of { name, head, tokens, sources }. */
export function asTables(panels) {
  return panels.map(({ name, head, tokens, sources }) => `${name}\n${asTabbed(head, tokens, sources)}`).join("\n\n");
}

const NAME = 260; // pixels of a panel's name, at most

/** The panels, { name, shapes, size }, as they are saved: side by side on a ground, each under its name. */
export function sideBySide(panels, { ground, ink }) {
  let x = 10;
  const drawn = panels.flatMap(({ name, shapes, size }) => {
    const title = { kind: "text", text: name, x, y: 16, size: 14, colour: ink, bold: true };
    const picture = { kind: "layer", shapes, size, x, y: 30 };
    x += Math.max(size[0], NAME) + 20;
    return [title, picture];
  });
  const size = [x - 10, 40 + Math.max(...panels.map((panel) => panel.size[1]))];
  return { shapes: [{ kind: "box", box: [0, 0, ...size], fill: ground }, ...drawn], size };
}

function inkOf(root) {
  const names = { heat: "--mg-heat", mark: "--mg-mark", line: "--mg-line", ground: "--mg-ground" };
  const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, cssValue(root, name)]));
  const { color, fontFamily } = getComputedStyle(root);
  return { ...colours, ink: color, font: fontFamily };
}

/** Two lists to choose a head from. */
function makeChooser(part, choose) {
  const list = (word) => {
    const select = element("select", { change: () => choose([Number(layer.select.value), Number(head.select.value)]) });
    const name = element("span", { class: "hidden" }, `${part}, `);
    return { select, root: element("label", {}, name, `${word} `, select) };
  };
  const [layer, head] = [list("layer"), list("head")];
  const fill = (select, n, value) => {
    if (select.length !== n) {
      select.replaceChildren(...Array.from({ length: n }, (_, k) => element("option", { value: k }, String(k))));
    }
    select.value = value;
  };
  const draw = ([L, H], chosen) => {
    fill(layer.select, L, chosen[0]);
    fill(head.select, H, chosen[1]);
  };
  return { root: element("div", { class: "row" }, layer.root, head.root), draw };
}

function render({ model, el }) {
  const root = rootOf("translation", "Attention of a translator");
  const board = element("div", { class: "panels" });
  const words = element("p", { class: "words", "aria-live": "polite" });
  const body = element("table", { class: "numbers" });
  const summary = element("summary", {}, "The numbers, as a table");
  const numbers = element("details", { toggle: () => drawNumbers() }, summary, body);
  const byWritten = checkbox("Name the rows of the target by what is written there", model.get("by_written"), (on) => {
    set({ by_written: on });
  });
  const help =
    "Move over a token or walk with the arrow keys, left and right change the list; click or Enter pins, Escape " +
    "frees. Weights under 1 % have no line.";
  const warning = element("p", { class: "error", role: "status" });
  const kernel = kernelLine(model);
  const saving = makeSaving("the three heads as tables", save, copy);
  const tools = element("div", { class: "row tools" }, byWritten.root, ...saving.nodes);
  root.append(warning, kernel.root, tools, board, words, numbers, element("p", { class: "soft" }, help));
  el.append(root);

  let looking = null; // the choice under the pointer or the keys
  let version = -1; // of the recording that is drawn
  const kept = new Map(); // the lines, which stay the same while only the choice changes
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const pinned = () => ["target", "source"].map((list) => [list, model.get(list)]).find(([, at]) => at >= 0) ?? null;
  const choice = () => pinned() ?? looking;
  const pin = (to) => set({ target: -1, source: -1, ...(to ? { [to[0]]: to[1] } : {}) });
  const headOf = (part) => {
    const [layer, head] = model.get(`${part}_head`);
    const shape = model.get("shapes")[part];
    return [bytesOf(model.get(part)), shape, model.get("causal")[part], layer * shape[1] + head];
  };
  const facts = () => ({
    source: model.get("source_tokens").map((label, j) => (model.get("padding")[j] ? `padding ${label}` : label)),
    target: model.get("tokens"),
    written: model.get("written"),
    rowOf: (part, i) => rowOf(...headOf(part), i),
    columnOf: (part, j) => columnOf(...headOf(part), j),
  });
  const labelsOf = (part, source = model.get("source_tokens")) => {
    const [target, written] = ["tokens", "written"].map((name) => model.get(name));
    const rows = { source, target: model.get("by_written") && written.length ? written : target };
    return [rows[PARTS[part].rows], { source, target }[PARTS[part].columns]];
  };

  const panels = Object.fromEntries(Object.keys(PARTS).map((part) => [part, makePanel(part)]));
  board.append(...Object.values(panels).map((panel) => panel.node));

  const nameOf = (part) => {
    const [layer, head] = model.get(`${part}_head`);
    return `${PARTS[part].title.split(":")[0]}, layer ${layer}, head ${head}`;
  };
  function save(kind) {
    const colours = inkOf(root);
    const drawn = Object.entries(panels).map(([part, panel]) => ({ name: nameOf(part), ...panel.drawn() }));
    saveShapes(kind, "translation", sideBySide(drawn, colours), colours.font);
  }
  async function copy() {
    const tables = Object.keys(PARTS).map((part) => {
      const [data, shape, causal, n] = headOf(part);
      const [tokens, sources] = labelsOf(part, facts().source);
      return { name: nameOf(part), head: { data, shape, causal, n }, tokens, sources };
    });
    const isDone = await copyText(asTables(tables));
    return isDone ? "Copied: three tables, one below the other." : "The browser keeps its clipboard to itself.";
  }
  function makePanel(part) {
    const canvas = element("canvas", { tabindex: 0, role: "application" });
    const chooser = makeChooser(part, (to) => set({ [`${part}_head`]: to }));
    const node = element("figure", { class: part }, element("figcaption", {}, PARTS[part].title), chooser.root, canvas);
    let layout = null;
    let shapes = []; // as drawn last
    const look = (to) => {
      if (!to || String(to) === String(looking)) return;
      looking = to;
      drawChoice();
    };
    const at = (event) => choiceAt(part, tokenAt(layout, event.offsetX, event.offsetY));
    canvas.addEventListener("mousemove", (event) => pinned() || look(at(event)));
    canvas.addEventListener("mouseleave", () => {
      if (document.activeElement === canvas) return;
      looking = null;
      drawChoice();
    });
    canvas.addEventListener("click", (event) => pin(String(at(event)) === String(pinned()) ? null : at(event)));
    canvas.addEventListener("keydown", (event) => {
      const [, , T, S] = model.get("shapes")[part];
      const here = markedIn(part, choice());
      const isHere = here[0] >= 0 || here[1] >= 0;
      const to = walked(event.key, isHere ? here : [event.key === "ArrowUp" ? T : -1, -1], T, S, true);
      if (to && pinned()) pin(choiceAt(part, to));
      else if (to) look(choiceAt(part, to));
      else if (event.key === "Enter") pin(pinned() ? null : looking);
      else if (event.key === "Escape") pin(null);
      else return;
      event.preventDefault();
    });
    const draw = () => {
      const [tokens, sources] = labelsOf(part);
      const colours = inkOf(root);
      const padding = PARTS[part].columns === "source" ? model.get("padding") : [];
      if (!kept.has(part)) {
        layout = linesLayout(Math.max(node.clientWidth - 4, 120), tokens.length, sources.length);
        const heads = [{ colour: colours.heat, rowAt: (i) => rowOf(...headOf(part), i) }];
        kept.set(part, { heads, base: linesBase(layout, heads), fit: fitter(measurer(colours.font)) });
      }
      const known = { layout, tokens, sources, colours, padding, ...kept.get(part) };
      shapes = linesPicture(known, markedIn(part, choice()));
      showShapes(canvas, shapes, [layout.width, layout.height], colours.font);
      const [layer, head] = model.get(`${part}_head`);
      chooser.draw(model.get("shapes")[part], [layer, head]);
      const name = `${PARTS[part].title}, layer ${layer}, head ${head}`;
      canvas.setAttribute("aria-label", `${name}: arrow keys walk over the tokens, Enter pins, Escape frees`);
    };
    return { node, draw, drawn: () => ({ shapes, size: [layout.width, layout.height] }) };
  }

  function drawNumbers() {
    if (!numbers.open || !choice()) return body.replaceChildren();
    const { source, target } = facts();
    const line = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, String(cell))));
    const name = tokenInWords(choice()[0] === "source" ? source : target, choice()[1]);
    const rows = tableOf(facts(), choice()).map((cells) => line("td", cells));
    const header = line("th", ["what", "position", "token", "weight"]);
    body.replaceChildren(element("caption", {}, ...isolated(name)), header, ...rows);
  }
  function drawChoice() {
    if (model.get("version") !== version) return draw(); // news of the choice may come before that of the recording
    for (const panel of Object.values(panels)) panel.draw();
    const text = choice() ? inSentences(facts(), choice()).join("\n") : "Choose a token of either sentence.";
    words.replaceChildren(...isolated(text));
    drawNumbers();
  }
  function draw() {
    kept.clear();
    if (model.get("version") !== version) looking = null; // its token may be none of the new ones
    version = model.get("version");
    byWritten.root.hidden = !model.get("written").length;
    byWritten.input.checked = model.get("by_written");
    warning.textContent = model.get("warning");
    saving.say(""); // what was copied is no longer what is drawn
    drawChoice();
  }
  const stops = [
    onChange(model, ["version", "by_written", "encoder_head", "cross_head", "decoder_head"], draw),
    onChange(model, ["target", "source"], drawChoice),
    keepDrawn(board, draw),
    kernel.stop,
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
