// Questions to the kernel: never two at a time, always the latest, and a word when nobody answers.

/**
 * `ask(question)` sends at once, unless the last one is not `answered()`; of several questions that wait for that only
 * the latest is sent. Where no answer comes in `patience` milliseconds, `silent(true)` is called, and `silent(false)`
 * when one comes after all.
 */
export function makeAsker({ send, silent, patience = 4000 }) {
  let latest;
  let isOpen = false;
  let watch;
  const flush = () => {
    if (isOpen || latest === undefined) return;
    const question = latest;
    [latest, isOpen] = [undefined, true];
    watch = setTimeout(() => silent(true), patience);
    send(question);
  };
  return {
    ask(question) {
      latest = question;
      flush();
    },
    /** Returns whether nothing more waits. */
    answered() {
      if (isOpen) {
        isOpen = false;
        clearTimeout(watch);
        silent(false);
        flush();
      }
      return !isOpen;
    },
    stop() {
      latest = undefined;
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
