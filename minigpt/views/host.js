// A view in a saved page: this stands in for the kernel's model inside a sandboxed frame, whose page knows nothing of
// the notebook around it but what bridge.js tells it: the theme.

/** What a view needs of anywidget's model, over a plain object. */
export function standIn(state) {
  const handlers = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const handler of [...(handlers[`change:${name}`] ?? [])]) handler();
    },
    on(event, handler) {
      (handlers[event] ??= new Set()).add(handler);
    },
    off(event, handler) {
      handlers[event]?.delete(handler);
    },
    save_changes() {},
    send() {},
  };
}

/** The state of static.pack: four bytes of length, JSON, then the binary traits; zlib over all, in base64. */
export async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0);
  const { state, binary } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = 4 + length;
  for (const [name, size] of binary) {
    state[name] = new DataView(buffer, start, size);
    start += size;
  }
  return state;
}

function wearTheme({ light, variables }) {
  for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  document.documentElement.style.colorScheme = light === "false" ? "dark" : "light";
  document.body.dataset.jpThemeLight = light;
}

/** Show the view, wear the page's theme, and tell the page how high the view is. */
function show(render, state) {
  const el = document.getElementById("view");
  const tellHeight = () => {
    const height = el.offsetHeight; // 0 before the view is drawn; a frame of no height would never be
    if (height > 0) parent.postMessage({ minigpt: "height", height }, "*");
  };
  addEventListener("message", (event) => {
    if (event.source !== parent || event.data.minigpt !== "theme") return;
    wearTheme(event.data);
    tellHeight(); // the page listens only since now
  });
  new ResizeObserver(tellHeight).observe(el);
  render({ model: standIn(state), el });
}

/** Begin: the view's code comes packed together with its state, which halves the notebook. */
export async function boot() {
  const { code, style, ...state } = await unpack(document.getElementById("packed").textContent);
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  globalThis.show = (render) => show(render, state);
  const script = { type: "module", textContent: `${code}\nshow(render);` };
  document.body.append(Object.assign(document.createElement("script"), script));
}
