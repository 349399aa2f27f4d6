// The frame's onload: tells the frame its page's theme, and gives it the face's place once its view is drawn.
// An inline handler sees the frame's own properties first, hence window.addEventListener.
const frame = this;
const names = NAMES;
const tell = () => {
  const style = getComputedStyle(document.body);
  const variables = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]).filter(([, v]) => v));
  const light = document.body.dataset.jpThemeLight || 'true';
  frame.style.colorScheme = light === 'false' ? 'dark' : 'light'; // as the view's, or it would lose its transparency
  frame.contentWindow?.postMessage({ minigpt: 'theme', light, variables }, '*');
};
if (!frame.dataset.bridged) {
  frame.dataset.bridged = 'yes';
  window.addEventListener('message', (event) => {
    if (event.source !== frame.contentWindow || event.data.minigpt !== 'height') return;
    frame.previousElementSibling.hidden = true;
    frame.style.position = 'static';
    frame.style.height = Math.min(event.data.height, 3000) + 'px';
  });
  new MutationObserver(tell).observe(document.body, { attributeFilter: ['data-jp-theme-light', 'data-jp-theme-name'] });
}
tell();
