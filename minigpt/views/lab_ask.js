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
