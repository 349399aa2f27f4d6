import { element, inDigits, kernelLine, onChange, rootOf } from "./common.js";

/** How a guessed number compares with the answer: close or not, and by how much it is off, in words. */
export function compareNumbers(guess, answer, within, factor) {
  if (guess === answer) return { close: true, words: "exactly right" };
  const direction = guess > answer ? "too large" : "too small";
  if (factor > 0) {
    const ratio = Math.max(guess / answer, answer / guess);
    return { close: ratio <= factor, words: `${inDigits(ratio)} times ${direction}` };
  }
  const off = Math.abs(guess - answer);
  if (answer === 0) return { close: off <= within, words: `off by ${inDigits(off)}, ${direction}` };
  const share = off / Math.abs(answer);
  return { close: share <= within, words: `${inDigits(100 * share)} % ${direction}` };
}

/** What is wrong with a typed number, or "" if nothing is. */
export function complaint(text, factor) {
  if (text.trim() === "" || !Number.isFinite(Number(text))) return "Type a number first.";
  if (factor > 0 && Number(text) <= 0) return "Type a number above 0.";
  return "";
}

/** 50257 -> "50,257", 0.5 -> "0.5": the number as it was meant, not rounded to three digits. */
export function written(number, unit) {
  return `${number.toLocaleString("en", { maximumSignificantDigits: 12 })} ${unit}`.trim();
}

function render({ model, el }) {
  const root = rootOf("guess", "Guess first");
  const options = model.get("options");
  const name = `guess-${Math.random()}`; // radio buttons of one name exclude each other, across the whole page
  const radios = options.map((_, value) => element("input", { type: "radio", name, value }));
  const lines = radios.map((radio, k) => element("label", { class: "option" }, radio, options[k]));
  const number = element("input", { type: "number", step: "any" });
  const field = element("label", { class: "row" }, "Your number", number, model.get("unit"));
  const store = element("button", { type: "button", click: storeGuess }, "Store my guess");
  const compare = element("button", { type: "button", click: reveal }, "Compare");
  const status = element("span", { class: "soft", role: "status" });
  const result = element("p", { class: "result", "aria-live": "polite" });
  const error = element("p", { class: "error", role: "alert" });
  const answers = options.length ? lines : [field];
  const set = element("fieldset", {}, element("legend", {}, `Guess first: ${model.get("question")}`), ...answers);
  const kernel = kernelLine(model, () => (store.disabled = true)); // it would not be stored
  root.append(set, element("div", { class: "row" }, store, compare, status), kernel.root, result, error);
  el.append(root);

  function storeGuess() {
    const picked = radios.find((radio) => radio.checked);
    const problem = options.length ? (picked ? "" : "Choose one first.") : complaint(number.value, model.get("factor"));
    if (problem) {
      status.textContent = problem;
      return;
    }
    model.set("guess", Number(picked ? picked.value : number.value));
    model.save_changes();
    draw();
  }
  function reveal() {
    model.set("revealed", true);
    model.save_changes();
  }

  function drawStatus(guess, answer, revealed) {
    store.hidden = revealed;
    compare.hidden = revealed || guess === null;
    compare.disabled = answer === null;
    if (revealed) status.textContent = "";
    else if (guess === null) status.textContent = "A wrong guess teaches more than none.";
    else if (answer === null) status.textContent = "Noted. The experiment below will tell.";
    else if (model.get("live")) status.textContent = "Stored. Run the experiment, then compare.";
    else status.textContent = "Noted on this page; a running kernel would store it.";
  }
  function drawResult(guess, answer) {
    const said = (value) => (options.length ? `“${options[value]}”` : written(value, model.get("unit")));
    const { close, words } = options.length
      ? { close: guess === answer, words: guess === answer ? "right" : "not that one" }
      : compareNumbers(guess, answer, model.get("within"), model.get("factor"));
    const word = element("span", { class: close ? "word close" : "word" }, `${close ? "✓" : "✗"} ${words}.`);
    result.replaceChildren(word, ` You guessed ${said(guess)}, it is ${said(answer)}. ${model.get("why")}`);
    lines.forEach((line, k) => line.classList.toggle("right", k === answer));
  }
  function draw() {
    const [guess, answer] = [model.get("guess"), model.get("answer")];
    const revealed = model.get("revealed") && guess !== null && answer !== null;
    radios.forEach((radio, k) => {
      if (guess !== null) radio.checked = k === guess;
    });
    if (guess !== null) number.value = guess;
    set.disabled = revealed;
    drawStatus(guess, answer, revealed);
    if (revealed) drawResult(guess, answer);
    else result.replaceChildren();
    error.textContent = model.get("error");
  }

  const stops = [onChange(model, ["guess", "answer", "why", "revealed", "error"], draw), kernel.stop];
  draw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
