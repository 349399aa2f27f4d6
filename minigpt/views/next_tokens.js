import { drawBars, element, inDigits, inPercent, onChange, rootOf, slider } from "./common.js";

/** Logits from their two bytes each (little-endian), largest first. */
export function logitsOf(view, low, high) {
  return Float64Array.from({ length: view.byteLength / 2 }, (_, k) => {
    return low + (view.getUint16(2 * k, true) / 65535) * (high - low);
  });
}

/** Softmax at a temperature. Temperature 0 is its limit: all to the largest, which is the first. */
export function softmax(logits, temperature) {
  if (temperature === 0) return logits.map((_, k) => (k === 0 ? 1 : 0));
  const powers = logits.map((logit) => Math.exp((logit - logits[0]) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** How many of the sorted probabilities stay: the k largest, and of these the fewest that hold the share p. */
export function keptOf(shares, k, p) {
  const most = k > 0 ? Math.min(k, shares.length) : shares.length;
  if (p >= 1) return most;
  let all = 0;
  for (let n = 0; n < most; n++) all += shares[n];
  let sum = 0;
  for (let n = 0; n < most; n++) {
    sum += shares[n] / all;
    if (sum >= p) return n + 1;
  }
  return most;
}

/** The distribution a token is drawn from, how many tokens stay, and how much these held before. */
export function distribution(logits, temperature, k, p) {
  const before = softmax(logits, temperature);
  const kept = temperature === 0 ? 1 : keptOf(before, k, p);
  const held = before.subarray(0, kept).reduce((a, b) => a + b, 0);
  return { before, kept, held, shares: before.map((share, n) => (n < kept ? share / held : 0)) };
}

/** Bits of surprise that a draw brings on average. */
export function entropy(shares) {
  return shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log2(share) : sum), 0);
}

/** The stops of the top-k slider: 1, 2, 5, 10, … below n, the one given, and 0 for all. */
export function stopsOf(n, given) {
  const stops = new Set(given > 0 ? [given] : []);
  for (let power = 1; power < n; power *= 10) for (const step of [1, 2, 4, 5]) stops.add(step * power);
  return [...[...stops].filter((stop) => stop < n).sort((a, b) => a - b), 0];
}

function render({ model, el }) {
  const root = rootOf("next_tokens", "Probabilities of the next token");
  const logits = logitsOf(model.get("data"), model.get("low"), model.get("high"));
  const stops = stopsOf(logits.length, model.get("top_k"));
  const set = (name) => (value) => {
    model.set(name, value);
    model.save_changes();
  };
  const setK = (place) => set("top_k")(stops[place]);
  const [tWords, pWords] = [(t) => t.toFixed(2), (p) => (p >= 1 ? "all" : p.toFixed(2))];
  const kWords = (place) => (stops[place] === 0 ? "all" : String(stops[place]));
  const sliders = {
    temperature: slider("temperature", { min: 0, max: 2, step: 0.05 }, set("temperature"), tWords),
    top_k: slider("top-k", { min: 0, max: stops.length - 1, step: 1 }, setK, kWords),
    top_p: slider("top-p", { min: 0.05, max: 1, step: 0.05 }, set("top_p"), pWords),
  };
  const bars = element("ol", { "aria-label": "Likeliest next tokens" });
  const words = element("p", { "aria-live": "polite" });
  root.append(element("p", { class: "text" }, model.get("text")));
  root.append(...Object.values(sliders).map((one) => one.root), bars, words);
  el.append(root);

  function draw() {
    const [temperature, k, p] = ["temperature", "top_k", "top_p"].map((name) => model.get(name));
    sliders.temperature.set(temperature);
    sliders.top_k.set(stops.includes(k) ? stops.indexOf(k) : stops.length - 1);
    sliders.top_p.set(p);
    const { before, shares, kept, held } = distribution(logits, temperature, k, p);
    const bar = (label, n) => ({ label, share: n < kept ? shares[n] : before[n], faded: n >= kept });
    drawBars(bars, model.get("labels").map(bar));
    const count = `${kept.toLocaleString("en")} of ${logits.length.toLocaleString("en")} tokens can be drawn`;
    const share = kept < logits.length ? `, with ${inPercent(held)} of the probability before the cut` : "";
    words.textContent = `${count}${share}. A draw brings ${inDigits(entropy(shares))} bits of surprise on average.`;
  }

  const stop = onChange(model, ["temperature", "top_k", "top_p"], draw);
  draw();
  return stop;
}

export default { render };
