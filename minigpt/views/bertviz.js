// bertviz's own page in a frame of its own. It was written for require.js, which JupyterLab 4 does not have; of that it
// uses `require.config` and `requirejs(names, use)`, and no more is given here.

const WIDTHS = { head: 340, model: 970, neuron: 1010 }; // of bertviz's drawings, in pixels

/** What stands in for require.js: the libraries are here already, and there is nothing to configure. */
export function requireOf(libraries) {
  const requirejs = (names, use) => use(...names.map((name) => libraries[name]));
  requirejs.config = () => {};
  return requirejs;
}

/** A script's text: bertviz's numbers come once, and go where it wrote them. */
export function scriptOf(pieces, numbers) {
  return pieces.join(numbers);
}

/** How small to draw what has a fixed width, so that it fits; below 0.6 nobody could read it, and the rest scrolls. */
export function zoomFor(kind, width) {
  return Math.max(0.6, Math.min(1, width / WIDTHS[kind]));
}

/** Run it as a page would run its scripts. As text it has no end tag: "</script>" in a token means nothing here. */
function run(code) {
  document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
}

function render({ model, el }) {
  const kind = model.get("kind");
  const root = document.createElement("div");
  root.className = `minigpt-bertviz ${kind}`;
  const page = document.createElement("div");
  page.append(document.createRange().createContextualFragment(model.get("markup"))); // bertviz's; no token is in it
  root.append(page);
  el.append(root);
  const fit = new ResizeObserver(() => {
    page.style.zoom = zoomFor(kind, root.clientWidth - 16); // without the padding
  });
  fit.observe(root);
  run(model.get("jquery"));
  run(model.get("d3"));
  globalThis.require = globalThis.requirejs = requireOf({ jquery: globalThis.jQuery, d3: globalThis.d3 });
  for (const pieces of model.get("scripts")) run(scriptOf(pieces, model.get("numbers")));
  return () => fit.disconnect();
}

export default { render };
