"""A real JupyterLab, driven by a real browser: fixtures `browser`, `lab` and what they stand on.

    def test_it_draws(lab):
        with lab.open(path_of_a_notebook) as notebook:      # a copy: the file itself is not touched
            notebook.run_all()
            notebook.page.get_by_role("slider").first.press("ArrowRight")

Leaving the `with` fails the test if the page wrote an error to its console or asked for anything outside this machine.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_notebook
from playwright.sync_api import Browser, Page, sync_playwright

import course
from minigpt.course.execute import KERNEL

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "artifacts" / "browser"
LOG = ARTIFACTS / f"jupyterlab-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}.log"
QUIET = [  # a browser that opens nothing by itself
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
    return os.environ.get("MINIGPT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def started_chromium() -> Iterator[Browser]:
    """A Chromium that opens nothing by itself. Raises FileNotFoundError where there is none."""
    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError("no Chromium found: install it, or let MINIGPT_CHROMIUM name a browser of that family")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [*QUIET, "--no-sandbox"] if as_root else QUIET
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium found: install it, or let MINIGPT_CHROMIUM name a browser of that family")
    with started_chromium() as browser:
        yield browser


@contextlib.contextmanager
def started_lab(browser: Browser, home: Path) -> Iterator["Lab"]:
    """A JupyterLab as `course.py lab` starts it: loopback, with a token; its settings lie in `home`."""
    root = home / "root"
    root.mkdir()
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    folders = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = {**os.environ, **{f"JUPYTER_{name}": str(home / name) for name in folders}}
    environment |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    paths = [str(ROOT / "tests" / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]  # first: no network
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "MINIGPT_HOME": str(home / "reader")}
    environment |= {"MINIGPT_FAST": "1"}  # no notebook trains for minutes in a test
    environment.pop("MINIGPT_STATIC", None)
    options = [*course.PRIVATE, "--no-browser", "--ServerApp.port=0", "--LabApp.expose_app_in_browser=True"]
    options += ["--allow-root", f"--ServerApp.root_dir={root}"]
    with LOG.open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            lab = Lab(browser, root, *address_of(server, home / "RUNTIME_DIR"))
            with lab.opened:
                yield lab
        finally:
            server.terminate()
            server.wait(timeout=120)  # of a busy machine


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory) -> Iterator["Lab"]:
    with started_lab(browser, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


def address_of(server: subprocess.Popen, folder: Path, seconds: float = 60) -> tuple[str, str]:
    """The running server's URL and token, as it writes them for its own tools."""
    file = folder / f"jpserver-{server.pid}.json"
    for _ in range(int(seconds * 10)):
        assert server.poll() is None, f"JupyterLab stopped: see {LOG}"
        with contextlib.suppress(OSError, ValueError):
            info = json.loads(file.read_text())
            return info["url"], info["token"]
        time.sleep(0.1)
    raise TimeoutError(f"JupyterLab did not start within {seconds:g} s: see {LOG}")


class Lab:
    """A running JupyterLab."""

    def __init__(self, browser: Browser, root: Path, url: str, token: str):
        self.browser, self.root, self.url, self.token = browser, root, url, token
        self.opened = contextlib.ExitStack()  # closes the shared notebook before the server stops
        self.shared: Notebook | None = None
        assert urlsplit(url).hostname in ("localhost", "127.0.0.1")
        assert token, "a server without a token is open to every page in the reader's browser"

    @contextlib.contextmanager
    def cells(self, name: str, sources: list[str]) -> Iterator["Notebook"]:
        """A notebook of these cells, run.

        Its page and its kernel, emptied, are those of the notebook before, since starting both takes longer than most
        tests. What kills a kernel or leaves marks in the page opens a page of its own.
        """
        if self.shared is None:
            path = self.root / "shared.ipynb"
            nbformat.write(new_notebook(metadata=KERNEL), path)
            self.shared = self.opened.enter_context(self.open(path))
        notebook = self.shared
        try:
            notebook.name = name
            notebook.fill(sources)
            notebook.run_all()
            yield notebook
            assert not notebook.problems, "\n".join(notebook.problems)
        except BaseException:
            self.shared = None  # the next has nothing of this one's trouble
            notebook.problems.clear()
            self.opened.close()
            raise

    @contextlib.contextmanager
    def open(self, path: Path, dark: bool = False) -> Iterator["Notebook"]:
        """A copy of a notebook, open in a page of its own and ready to run."""
        if path.parent != self.root:
            shutil.copy(path, self.root / path.name)
        context = self.browser.new_context(
            viewport={"width": 1280, "height": 900}, color_scheme="dark" if dark else "light"
        )
        page = context.new_page()
        problems = watch(page)
        try:
            page.goto(f"{self.url}lab/tree/{path.name}?reset&token={self.token}")
            page.wait_for_function("() => window.jupyterapp?.restored", timeout=60_000)
            ask(page, READY % json.dumps(path.name))
            if dark:
                ask(page, "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
            yield Notebook(page, path.stem, problems)
            assert not problems, "\n".join(problems)
        finally:
            with contextlib.suppress(Exception):  # the page may be in any state; what matters was raised above
                ask(page, "jupyterapp.shell.currentWidget.sessionContext.shutdown()", seconds=10)
            context.close()


def ask(page: Page, promise: str, seconds: float = 60) -> object:
    """What a promise comes to in the page. Playwright's own `evaluate` would wait for ever for one that hangs."""
    script = f"window.answer = null; Promise.resolve({promise}).then(v => {{ answer = {{value: v}} }})"
    page.evaluate(f"() => {{ {script}.catch(e => {{ answer = {{error: String(e)}} }}) }}")
    page.wait_for_function("() => window.answer", timeout=seconds * 1000)
    answer = page.evaluate("() => window.answer")
    assert "error" not in answer, answer["error"]
    return answer.get("value")


def watch(page: Page) -> list[str]:
    """A list that fills with the page's errors and with its requests to other machines."""
    problems: list[str] = []

    def look_at(kind, url):
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost", None):
            problems.append(f"{kind} leaves the machine: {url[:200]}")

    def look_at_console(message):
        if message.type == "error":
            problems.append(f"console error: {message.text} ({message.location.get('url', '')[:200]})")

    page.on("console", look_at_console)
    page.on("pageerror", lambda error: problems.append(f"uncaught error: {error}"))
    page.on("websocket", lambda socket: look_at("websocket", socket.url))
    page.context.on("request", lambda request: look_at("request", request.url))
    return problems


class Notebook:
    """An open notebook; `page` is Playwright's page."""

    def __init__(self, page: Page, name: str, problems: list[str]):
        self.page, self.name, self.problems = page, name, problems

    def fill(self, sources: list[str]) -> None:
        """Empty the kernel and put these cells in place of those that are there."""
        ask(self.page, FILL % (json.dumps(EMPTY_THE_KERNEL), json.dumps(sources)))

    def run_all(self, seconds: float = 120) -> None:
        """Run all cells and wait until they are done and their widgets drawn; a failing cell fails the test."""
        ask(self.page, "jupyterapp.commands.execute('notebook:run-all-cells')", seconds)
        errors = self.page.evaluate(ERRORS)
        assert not errors, "\n".join(errors)
        self.show_all()
        loading = self.page.get_by_text("Loading widget...", exact=True)
        loading.first.wait_for(state="detached", timeout=30_000)
        for words in ("Error displaying widget", "Widget not found", "model not found"):
            if self.page.get_by_text(words).count():
                self.problems.append(f"the page says {words!r}")

    def show_all(self) -> None:
        """Scroll through the notebook, since only what comes into sight is drawn, and make the page as tall as it is,
        up to what a picture can hold."""
        self.page.set_viewport_size({"width": 1280, "height": 4_000})
        height = ask(self.page, SCROLL_THROUGH)
        assert isinstance(height, int)
        self.page.set_viewport_size({"width": 1280, "height": max(900, min(16_000, height + 200))})
        self.page.wait_for_timeout(300)

    def screenshot(self, suffix: str = "") -> Path:
        """A picture of the page in artifacts/browser/."""
        path = ARTIFACTS / f"{self.name}{suffix}.png"
        self.page.screenshot(path=path)
        return path


# Run in the page, where JupyterLab shows itself as `jupyterapp`.
READY = """(async () => {
  const panel = await jupyterapp.commands.execute('docmanager:open', {path: %s, factory: 'Notebook'});
  await panel.context.ready;
  await panel.sessionContext.ready;
  while (panel.sessionContext.session?.kernel?.status !== 'idle') await new Promise(go => setTimeout(go, 50));
})()"""
EMPTY_THE_KERNEL = "import ipywidgets\nipywidgets.Widget.close_all()\n%reset -f"
FILL = """(async () => {
  const panel = jupyterapp.shell.currentWidget;
  await panel.sessionContext.session.kernel.requestExecute({ code: %s }).done;
  const cells = %s.map(source => ({ cell_type: 'code', source, metadata: {}, outputs: [] }));
  const model = panel.content.model.sharedModel;
  model.transact(() => { model.deleteCellRange(0, model.cells.length); model.insertCells(0, cells) });
})()"""
SCROLL_THROUGH = """(async () => {
  const notebook = jupyterapp.shell.currentWidget.content;
  const scrolled = notebook.outerNode;
  const drawn = () => new Promise(go => requestAnimationFrame(() => setTimeout(go, 50)));
  for (let top = 0; top < scrolled.scrollHeight; top += scrolled.clientHeight) {  // which grows as cells are drawn
    scrolled.scrollTop = top;
    await drawn();
  }
  await Promise.all(notebook.widgets.map(cell => cell.ready));
  scrolled.scrollTop = 0;
  await drawn();
  return scrolled.scrollHeight;
})()"""
ERRORS = """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells
  .filter(cell => cell.cell_type === 'code' && !(cell.getMetadata('tags') ?? []).includes('raises-exception'))
  .flatMap(cell => cell.getOutputs().filter(output => output.output_type === 'error')
    .map(output => `${output.ename}: ${output.evalue}\\nin the cell:\\n${cell.getSource()}`))"""
