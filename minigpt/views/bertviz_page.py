"""bertviz's page, taken apart for a frame of ours, and the libraries that it asks for."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

LIBRARIES = {
    "d3": ("mpld3", "mpld3/js/d3.v5.min.js"),
    "jquery": ("sphinxcontrib-jquery", "sphinxcontrib/jquery/jquery.js"),
}
FETCH = re.compile(r'<script src="https://cdnjs[^>]*></script>')
SCRIPT = re.compile(r'\n<script type="text/javascript">\n(.*?)\n</script>\n', re.S)
ROOT = re.compile(r"bertviz-[0-9a-f]{32}")
NUMBERS = re.compile(r"params = (?=\{)")


def libraries() -> dict[str, str]:
    """Source of d3 and jQuery, out of the Python packages that carry them."""
    return {name: _library(package, path) for name, (package, path) in LIBRARIES.items()}


def page_parts(html: str) -> dict[str, Any]:
    """bertviz's HTML as its markup and its scripts.

    The scripts stay apart from the markup, so that no token can end one ("</script>"). bertviz writes its numbers a
    second time into a comment: here they stand once, and each script is the list of the pieces between them.
    """
    root = ROOT.search(html)
    html = FETCH.sub("", html.replace(root[0], "bertviz") if root else html, count=1)
    scripts = SCRIPT.findall(html)
    start = NUMBERS.search(scripts[0]) if scripts else None
    if start is None:
        raise RuntimeError("this bertviz writes another page than 1.4.1 does: install bertviz==1.4.1")
    _, end = json.JSONDecoder().raw_decode(scripts[0], start.end())
    numbers = scripts[0][start.end() : end]
    return {
        "markup": SCRIPT.sub("", html),
        "scripts": [script.split(numbers) for script in scripts],
        "numbers": numbers,
    }


def _library(package: str, path: str) -> str:
    try:
        return distribution(package).locate_file(path).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise ImportError(f"views.bertviz needs {path} of the package {package}: pip install {package}") from error
