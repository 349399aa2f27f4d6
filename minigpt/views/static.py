"""Static faces: what a view leaves in a saved notebook, where no kernel answers.

JupyterLab saves no widget's state, and drops scripts, frames and SVG from a notebook that is not trusted. So, under
MINIGPT_STATIC=1 (how the committed notebooks are executed), a view emits one `text/html`: a *face* that every reader
sees (an `<img>` with alt text, or a table), followed by a sandboxed frame that runs the view's own module on its
stored state. Where the frame runs, the face is hidden: in trusted notebooks and in HTML exports.
"""

import base64
import html
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

FOLDER = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<style>body {{ margin: 0 }}</style>
<body data-jp-theme-light="true"><div id="view"></div>
<script type="text/plain" id="packed">{packed}</script>
<script type="module">{host}
boot();</script></body></html>"""


LEFT = 'style="text-align:left"'  # JupyterLab puts cells to the right
IMPORT = r'^import \{[^}]*\} from "\./(\w+)\.js";$'


def is_static() -> bool:
    """Whether views should leave static faces in the notebook instead of live widgets."""
    return os.environ.get("MINIGPT_STATIC") == "1"


def parts(name: str) -> list[str]:
    """A view's own module and those that it imports, each after all that it needs itself."""
    found: list[str] = []
    for other in re.findall(IMPORT, _read(f"{name}.js"), flags=re.M):
        found += [part for part in parts(other) if part not in found]
    return [*found, name]


def module(name: str) -> str:
    """The ES module of a view, whole: with all that it imports, for a widget has no folder to import from."""
    return "".join(re.sub(IMPORT, "", _read(f"{part}.js"), flags=re.M) for part in parts(name))


def style(name: str) -> str:
    """The style sheet of a view, with those of all that its module imports."""
    return "".join(_read(f"{part}.css") for part in parts(name) if (FOLDER / f"{part}.css").exists())


def pack(state: Mapping[str, Any]) -> str:
    """Values as text: base64 of zlib of (length, JSON, the binary values one after the other). host.js unpacks it."""
    binary = {name: value for name, value in state.items() if isinstance(value, bytes)}
    plain = {name: value for name, value in state.items() if name not in binary}
    head = json.dumps(
        {"state": plain, "binary": [[name, len(value)] for name, value in binary.items()]}, allow_nan=False
    ).encode()
    return base64.b64encode(zlib.compress(b"".join([len(head).to_bytes(4), head, *binary.values()]), 9)).decode()


def frame(name: str, title: str, state: Mapping[str, Any]) -> str:
    """A sandboxed frame, without network, that runs the view `name` on the state; bridge.js ties it to its page."""
    css = style(name)
    packed = pack({**state, "code": module(name), "style": css})
    page = PAGE.format(policy=POLICY, packed=packed, host=_read("host.js"))
    bridge = _read("bridge.js").replace("NAMES", json.dumps(sorted(set(re.findall(r"--jp-[\w-]+", css)))))
    place = "position:absolute;inset:0;width:100%;height:100%;border:0"
    return (
        f'<iframe sandbox="allow-scripts allow-downloads" title="{html.escape(title)}" style="{place}" '
        f'onload="{html.escape(bridge)}" srcdoc="{html.escape(page)}"></iframe>'
    )


def embed(name: str, title: str, face: str, state: Mapping[str, Any]) -> str:
    """The face, and the living view over it."""
    return f'<div style="position:relative"><div>{face}</div>{frame(name, title, state)}</div>'


def image(svg: str, alt: str) -> str:
    """An `<img>` that holds the SVG in itself. A notebook that is not trusted shows this, and no bare `<svg>`."""
    if not alt.strip():
        raise ValueError("alt is empty: say in words what the picture shows, for readers who cannot see it")
    data = quote(re.sub(r"\s+", " ", svg), safe=" /:;,=()'!*@$?+~|[]{}")
    return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml,{data}" style="max-width:100%">'


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """An HTML table of text; the class keeps MathJax from reading dollar signs as formulas."""

    def line(cells: Iterable[object], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag} {LEFT}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<table class="tex2jax_ignore"><thead>{line(header, "th")}</thead><tbody>{body}</tbody></table>'


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
