"""What all tests of views do with an open page."""

# Of how many shades and how opaque a canvas is: nothing drawn gives no shade at all.
SHADES = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [...new Set(new Uint32Array(data.buffer))].filter(pixel => pixel >>> 24);
}"""


def run(opened, code: str) -> str:
    """What the notebook's kernel prints for this code, or the message of its error."""
    return opened.page.evaluate(
        """async code => {
          const future = jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
          let printed = '';
          future.onIOPub = message => { printed += message.content.text ?? message.content.evalue ?? '' };
          await future.done;
          return printed.trim();
        }""",
        code,
    )


def eventually(locator, text: str) -> None:
    locator.filter(has_text=text).first.wait_for(timeout=10_000)


def wear(page, theme: str) -> None:
    """Change JupyterLab's theme, "Light" or "Dark", and wait until the page wears it. It stays for later pages."""
    page.evaluate(
        "name => jupyterapp.commands.execute('apputils:change-theme', { theme: `JupyterLab ${name}` })", theme
    )
    page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'")
    page.wait_for_timeout(500)
