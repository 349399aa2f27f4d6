// Questions to the kernel: never two at a time, always the latest, and a word when nobody answers.

/**
 * `ask(question)` sends at the earliest after `pause` milliseconds, and only when the last one is `answered()`; of
 * several questions that wait only the latest is sent. Where no answer comes in `patience` milliseconds, `silent(true)`
 * is called, and `silent(false)` when one comes after all.
 */
export function makeAsker({ send, silent, pause = 16, patience = 4000 }) {
  let latest;
  let open = false;
  let timer;
  let watch;
  const flush = () => {
    timer = undefined;
    if (open || latest === undefined) return;
    const question = latest;
    [latest, open] = [undefined, true];
    watch = setTimeout(() => silent(true), patience);
    send(question);
  };
  return {
    ask(question) {
      latest = question;
      timer ??= setTimeout(flush, pause);
    },
    /** Returns whether nothing more waits. */
    answered() {
      if (open) {
        open = false;
        clearTimeout(watch);
        silent(false);
        if (timer === undefined) flush();
      }
      return !open && latest === undefined;
    },
    stop() {
      clearTimeout(timer);
      clearTimeout(watch);
    },
  };
}

const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);

/** Call `lost` once the kernel that made this view is restarted or dies; returns what stops it. */
export function watchKernel(model, lost) {
  const kernel = model.widget_manager?.kernel; // JupyterLab's; other hosts tell by silence
  const onStatus = (_, status) => GONE.has(status) && lost();
  kernel?.statusChanged?.connect(onStatus);
  model.on("comm_live_update", lost);
  return () => {
    kernel?.statusChanged?.disconnect(onStatus);
    model.off("comm_live_update", lost);
  };
}
