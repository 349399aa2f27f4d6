import { element, slider } from "./common.js";

// Back, Play, Forward and a slider, for a view that shows one step after another.

/**
 * Controls over the steps 0 to `last()`: `at()` says which one is shown, `go(step)` shows another. `draw()` brings the
 * controls up to date; `play()` starts and stops; `stop()` ends playing for good. `words` says where a step is.
 */
export function makeSteps({ at, last, go, pause = 900, words = (step) => `${step} of ${last()}` }) {
  const button = (name, click) => element("button", { type: "button", click }, name);
  const back = button("Back", () => go(at() - 1));
  const toggle = button("Play", () => play());
  const forward = button("Forward", () => go(at() + 1));
  const track = slider("Step", { min: 0, max: last(), value: at() }, go, words);
  let timer = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    toggle.textContent = "Play";
  }
  function play() {
    if (timer) return stop();
    if (at() === last()) go(0);
    timer = setInterval(() => {
      const next = at() + 1;
      if (next >= last()) stop();
      go(Math.min(next, last()));
    }, pause);
    toggle.textContent = "Pause";
  }
  function draw() {
    back.disabled = at() === 0;
    forward.disabled = at() === last();
    track.input.max = last();
    track.set(at());
  }
  return { root: element("div", { class: "row" }, back, toggle, forward, track.root), draw, play, stop };
}
