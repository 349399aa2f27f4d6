import { makeBoard } from "./board.js";
import { bytesOf, cssValue, element, inPercent, keepDrawn, onChange, rootOf } from "./common.js";
import { colourName, cut, drawLabel, drawLine, drawPoints, drawRing, legendOf, placeLabels } from "./scatter.js";
import { measurer } from "./shapes.js";

const LETTERS = 18; // of a label in the picture

/** The neighbours of word n: [{ n, cosine }, …] from two lists, of uint16 and of hundredths as int8. */
export function neighboursOf(numbers, hundredths, n, k) {
  return Array.from({ length: k }, (_, rank) => {
    return { n: numbers[n * k + rank], cosine: hundredths[n * k + rank] / 100 };
  });
}

/** What the two axes keep and lose, in words. */
export function lossInWords({ words, shares, dimensions, k, agreeing }) {
  const [kept, n] = [shares[0] + shares[1], words.length];
  if (n === 1) return "There is one word, and no other to compare it with.";
  if (kept === 0) return `All ${n.toLocaleString("en")} vectors are the same: they lie on one point.`;
  const axes = `${inPercent(shares[0])} and ${inPercent(shares[1])}`;
  return (
    `The picture keeps ${inPercent(kept)} of the variance of ${dimensions} dimensions: its two axes ${axes}. On ` +
    `average ${agreeing.toFixed(1)} of a word’s ${k} nearest by cosine are among the ${k} that look nearest here; ` +
    `chance alone would give ${((k * k) / (n - 1)).toFixed(2)}.`
  );
}

/** The word that a reader means by what was typed: the very word, or the first that begins so; -1 for none. */
export function meant(words, typed) {
  const exact = words.indexOf(typed);
  if (exact >= 0 || typed === "") return exact;
  const low = typed.trim().toLowerCase();
  if (low === "") return -1;
  const plain = words.map((word) => word.trim().toLowerCase());
  const same = plain.indexOf(low);
  return same >= 0 ? same : plain.findIndex((word) => word.startsWith(low));
}

function makeSearch(words, choose) {
  const list = element("datalist", { id: `minigpt-words-${Math.random().toString(36).slice(2)}` });
  list.append(...words.map((word) => element("option", { value: cut(word, 200) })));
  const said = element("span", { role: "status", class: "soft" });
  const input = element("input", { type: "text", list: list.id, spellcheck: "false", autocomplete: "off" });
  const find = () => {
    const n = meant(words, input.value);
    said.textContent = n < 0 && input.value ? `No word begins with “${cut(input.value, LETTERS)}”.` : "";
    if (n >= 0) choose(n);
  };
  // Not on "change": that comes, too, when a click on a point takes the focus away.
  input.addEventListener("keydown", (event) => event.key === "Enter" && find());
  input.addEventListener("input", (event) => event.inputType === "insertReplacementText" && find()); // from the list
  const root = element("label", { class: "search" }, "Find a word ", input, list);
  const set = (word) => {
    if (document.activeElement !== input) input.value = word;
  };
  return { root, said, set };
}

function render({ model, el }) {
  const root = rootOf("embedding_map", "Map of word vectors");
  const words = model.get("words");
  const groups = model.get("groups");
  const groupOf = model.get("group_of");
  const loss = element("p");
  const sentence = element("p", { class: "chosen", "aria-live": "polite" });
  const table = element("table", {});
  const set = (word) => {
    model.set("word", word);
    model.save_changes();
  };
  const search = makeSearch(words, (n) => set(words[n]));
  const label =
    "Map of words. Arrow keys go to the nearest word in that direction, Enter pins it, Escape frees it; plus and " +
    "minus zoom, 0 shows all.";
  const board = makeBoard(label, { points: () => points, paint, isAt: current, look, pick });
  const button = (text, title, click) => {
    return element("button", { type: "button", title, "aria-label": title, click }, text);
  };
  const zooms = [
    button("+", "Zoom in", () => board.zoomBy(1.5)),
    button("−", "Zoom out", () => board.zoomBy(1 / 1.5)),
    button("All", "Show all words", () => board.reset()),
  ];
  const group = element("span", { class: "zooms" }, ...zooms);
  const tools = element("div", { class: "row tools" }, search.root, group, search.said);
  const help =
    "Click a word, or walk with the arrow keys and pin with Enter; Escape frees. Drag to move, + and − to zoom; the " +
    "wheel zooms once the picture has been clicked. Lines lead to the nearest by cosine, dashed ones to those that " +
    "only look near.";
  const rest = groupOf.some((group) => group < 0) ? "in no group" : "";
  const legend = groups.length ? [legendOf(groups, rest)] : [];
  const left = element("div", { class: "board" }, tools, board.root, ...legend, element("p", { class: "soft" }, help));
  const right = element("div", { class: "beside" }, loss, sentence, table);
  root.append(element("div", { class: "halves" }, left, right));
  el.append(root);

  const radius = Math.max(3, Math.min(5, 5 * Math.sqrt(300 / words.length))); // of a point: a crowd needs room
  const everyone = words.map((_, n) => n);
  let points;
  let near; // (n) -> its neighbours in all dimensions …
  let seen; // … and in the picture
  let looking = -1; // the word under the pointer or the keys
  let colours;
  let widths;

  function pinned() {
    return words.indexOf(model.get("word"));
  }
  function current() {
    return pinned() >= 0 ? pinned() : looking;
  }
  function look(n, byKeys) {
    if (byKeys && pinned() >= 0) set(words[n]);
    else if (n === looking || (pinned() >= 0 && !byKeys)) return;
    else {
      looking = n;
      drawChoice();
    }
    if (byKeys) board.show(n);
  }
  function pick(n) {
    const isAgain = n === pinned();
    looking = n;
    if (n < 0 || isAgain) set("");
    else set(words[n]);
    drawChoice();
  }

  function paint(pen, spots, size) {
    if (!colours) return; // the page has not given the view its place yet
    const chosen = current();
    const numbers = (list) => (chosen < 0 ? [] : list(chosen).map(({ n }) => n));
    const [byCosine, byEye] = [numbers(near), numbers(seen)];
    const marked = new Set([chosen, ...byCosine, ...byEye].filter((n) => n >= 0));
    const { ink, soft, mark, ground } = colours;
    const spot = (n) => [spots[2 * n], spots[2 * n + 1]];
    const faded = (n) => chosen >= 0 && !marked.has(n);
    const look = { groupOf: (n) => groupOf[n], colourOf: (group) => colours[group], radius, faded, ground };
    pen.lineWidth = 1.5;
    for (const n of byEye) if (!byCosine.includes(n)) drawLine(pen, spot(chosen), spot(n), mark, [3, 4]);
    for (const n of byCosine) drawLine(pen, spot(chosen), spot(n), ink);
    pen.lineWidth = 1;
    drawPoints(pen, spots, size, look);
    if (chosen >= 0) drawRing(pen, spots, chosen, radius, mark);
    const order = [...marked, ...everyone.filter((n) => !marked.has(n))];
    const labels = placeLabels(spots, widths, order, marked.size, radius, size);
    pen.lineWidth = 1;
    for (const { n, left: x, middle, apart } of labels) {
      if (apart) drawLine(pen, spot(n), [Math.min(Math.max(spot(n)[0], x), x + widths[n]), middle], soft);
    }
    for (const { n, left: x, middle } of labels) {
      pen.font = fontOf(n === chosen);
      drawLabel(pen, cut(words[n], LETTERS), x, middle, n === chosen ? mark : marked.has(n) ? ink : soft, ground);
    }
  }
  function fontOf(bold) {
    return `${bold ? "bold " : ""}12px ${colours.font}`;
  }

  function drawChoice() {
    const [n, k] = [current(), model.get("k")];
    search.set(pinned() >= 0 ? words[n] : "");
    board.soon();
    if (n < 0 || k < 1) {
      sentence.textContent = k < 1 ? "" : "Choose a word to see its neighbours.";
      return table.replaceChildren();
    }
    const [byCosine, byEye] = [near(n), seen(n)];
    const [actual, apparent] = [byCosine, byEye].map((list) => new Set(list.map((one) => one.n)));
    const common = byCosine.filter((one) => apparent.has(one.n)).length;
    const group = groupOf[n] < 0 ? "" : ` (${cut(groups[groupOf[n]], 40)})`;
    const verb = common === 1 ? "is" : "are";
    const says = `${common} of its ${k} nearest by cosine ${verb} among the ${k} that look nearest.`;
    const name = element("strong", {}, element("bdi", {}, `“${cut(words[n], 40)}”`));
    sentence.replaceChildren(name, `${group}: ${says}`);
    const cells = (one, others) => {
      const word = element("bdi", {}, cut(words[one.n], 40));
      const cosine = element("td", {}, one.cosine.toFixed(2).replace("-", "−"));
      const sign = others.has(one.n) ? " ✓" : "";
      return [element("td", {}, element("span", { class: "word" }, word, sign)), cosine];
    };
    const rows = byCosine.map((one, rank) => {
      const [here, there] = [cells(one, apparent), cells(byEye[rank], actual)];
      return element("tr", {}, element("th", { scope: "row" }, String(rank + 1)), ...here, ...there);
    });
    const names = ["", "nearest by cosine", "cosine", "looks nearest", "cosine"];
    const head = element("tr", {}, ...names.map((text) => element("th", { scope: "col" }, text)));
    const caption = element("caption", { class: "soft" }, "✓ stands in both lists");
    table.replaceChildren(caption, element("thead", {}, head), element("tbody", {}, ...rows));
  }
  function draw() {
    const numbers = (name, kind) => new kind(bytesOf(model.get(name)).slice().buffer);
    points = numbers("positions", Float32Array);
    const lists = (name) => {
      const [found, cosines, k] = [numbers(name, Uint16Array), numbers(`${name}_cosines`, Int8Array), model.get("k")];
      return (n) => neighboursOf(found, cosines, n, k);
    };
    [near, seen] = [lists("near"), lists("seen")];
    const all = Object.fromEntries(["shares", "dimensions", "k", "agreeing"].map((name) => [name, model.get(name)]));
    loss.textContent = lossInWords({ words, ...all });
    drawChoice();
  }
  function dress() {
    const { color, fontFamily } = getComputedStyle(root);
    const named = { soft: "--mg-soft", mark: "--mg-mark", ground: "--mg-ground" };
    for (const group of new Set(groupOf)) named[group] = colourName(group);
    colours = Object.fromEntries(Object.entries(named).map(([key, name]) => [key, cssValue(root, name)]));
    colours = { ...colours, ink: color, font: fontFamily };
    const measure = measurer(fontFamily);
    widths = words.map((word) => measure(cut(word, LETTERS), 12, false) * 1.08); // bold is wider
    board.draw();
  }

  const traits = ["k", "near", "near_cosines", "seen", "seen_cosines", "agreeing"];
  const onWord = () => {
    drawChoice();
    if (pinned() >= 0) board.show(pinned());
  };
  const changes = [onChange(model, traits, draw), onChange(model, ["word"], onWord)];
  const stops = [...changes, keepDrawn(left, dress), board.stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
