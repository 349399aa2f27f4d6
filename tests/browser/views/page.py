"""What all tests of views do with an open page."""

import contextlib
from collections.abc import Iterable, Iterator

# Of how many shades and how opaque a canvas is: nothing drawn gives no shade at all.
SHADES = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [...new Set(new Uint32Array(data.buffer))].filter(pixel => pixel >>> 24);
}"""


@contextlib.contextmanager
def page_of(lab, name: str, cells: Iterable[str], height: int = 3_000) -> Iterator:
    """A notebook of these cells, run, in a page so high that all its views are in sight."""
    with lab.cells(name, list(cells)) as page:
        wear(page.page, "Light")
        page.page.set_viewport_size({"width": 1280, "height": height})
        page.page.wait_for_timeout(500)
        yield page


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


def prints(opened, code: str, text: str) -> None:
    """The kernel prints this for the code, now or within ten seconds. What the page has drawn may still be on its way:
    ipywidgets keeps a change back until the kernel has answered the one before it."""
    for _ in range(100):
        if (printed := run(opened, code)) == text:
            return
        opened.page.wait_for_timeout(100)
    raise AssertionError(f"after ten seconds {code} prints {printed}, not {text}")


def eventually(locator, text: str) -> None:
    locator.filter(has_text=text).first.wait_for(timeout=10_000)


def wear(page, theme: str) -> None:
    """Change JupyterLab's theme, "Light" or "Dark", and wait until the page wears it. It stays for later pages."""
    is_worn = f"() => document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'"
    if page.evaluate(is_worn):
        return
    page.evaluate(
        "name => jupyterapp.commands.execute('apputils:change-theme', { theme: `JupyterLab ${name}` })", theme
    )
    page.wait_for_function(is_worn)
    page.wait_for_timeout(500)
