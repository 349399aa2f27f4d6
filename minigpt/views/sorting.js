import { checkbox, element, inDigits, slider } from "./common.js";

// The order of the heads: by a score, cut off at a threshold, and said in words.

/** Heads in the order of their scores; `threshold`, unless null, keeps those that reach it. Ties stay as they were. */
export function orderOf(values, smallest, threshold) {
  const sign = smallest ? 1 : -1;
  const reaches = (value) => threshold === null || sign * (threshold - value) >= 0;
  const kept = [...values.keys()].filter((n) => reaches(values[n]));
  return kept.sort((a, b) => sign * (values[a] - values[b]) || a - b);
}

/** Says which heads are shown and how they are sorted. */
export function orderInWords(score, n_shown, n_all, smallest, threshold) {
  if (!score) return n_all === 1 ? "The only head." : `All ${n_all} heads: a row is a layer, a column a head in it.`;
  const cut = threshold === null ? "" : ` with ${smallest ? "at most" : "at least"} ${inDigits(threshold)}`;
  const which = n_shown === n_all ? `All ${n_all} heads` : `${n_shown} of ${n_all} heads`;
  const sorted = `sorted by “${score}”, ${smallest ? "smallest" : "largest"} first`;
  return n_shown ? `${which}${cut}, ${sorted}.` : `None of the ${n_all} heads has ${cut.slice(6)} by “${score}”.`;
}

/** Controls for the traits score, smallest and threshold; they tell `arrange(order, notes)` what to show. */
export function makeSorter(model, arrange) {
  const set = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  };
  const select = element("select", { change: () => set({ score: select.value, threshold: null }) });
  const direction = checkbox("smallest first", false, (smallest) => set({ smallest, threshold: null }));
  const limit = slider("at least", { min: 0, max: 1, step: "any" }, (threshold) => set({ threshold }), inDigits);
  const words = element("p", { role: "status" });
  const label = element("label", {}, "Sort by ", select);
  const controls = element("div", { class: "row" }, label, direction.root, limit.root);
  const root = element("div", { class: "sorter" }, controls, words);
  let listed = null;

  const list = (names) => {
    if (String(names) === listed) return;
    listed = String(names);
    const options = names.map((name) => element("option", { value: name }, name));
    select.replaceChildren(element("option", { value: "" }, "layer and head"), ...options);
  };
  const draw = () => {
    const scores = model.get("scores");
    const [score, smallest, threshold] = ["score", "smallest", "threshold"].map((name) => model.get(name));
    const [L, H] = model.get("shape");
    const values = scores[score];
    list(Object.keys(scores));
    select.value = score;
    controls.hidden = Object.keys(scores).length === 0;
    direction.root.hidden = limit.root.hidden = !values;
    direction.input.checked = smallest;
    const order = values ? orderOf(values, smallest, threshold) : null;
    if (values) {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      Object.assign(limit.input, { min: low, max: high, step: (high - low) / 100 || "any" });
      limit.root.firstChild.textContent = smallest ? "at most" : "at least";
      limit.set(threshold ?? (smallest ? high : low));
    }
    words.textContent = orderInWords(values && score, order?.length, L * H, smallest, threshold);
    arrange(order, values ? values.map(inDigits) : null);
  };
  return { root, draw };
}
