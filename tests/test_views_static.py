"""The static face: what a view leaves in a saved notebook."""

import base64
import json
import re
import shutil
import subprocess
import zlib

import pytest
from traitlets import Bytes, Int, Unicode

from minigpt.views import static
from minigpt.views.view import View
from tests.made_up import Tags

VIEWS = sorted(path.stem for path in static.FOLDER.glob("*.js") if path.with_suffix(".py").exists())
SCRIPTLESS = {"div", "img", "table", "thead", "tbody", "tr", "th", "td", "p", "ul", "ol", "li", "details", "summary"}


class Note(View):
    """A small view, for these tests: it borrows the module of another."""

    name = "heads"
    _esm = static.module("heads")
    text = Unicode("<b>&</b>").tag(sync=True)
    data = Bytes(b"\x00\xff").tag(sync=True)
    count = Int(3).tag(sync=True)

    def describe(self) -> str:
        return 'A "note" & more'

    def face(self) -> str:
        return static.table(["text"], [[self.text]])


def attributes_of(html: str, tag: str) -> dict[str, str | None]:
    return next(attributes for name, attributes in Tags(html).found if name == tag)


def unpacked(page: str) -> tuple[dict, bytes]:
    state = re.search(r'id="packed">(.*?)</script>', page)
    assert state
    data = zlib.decompress(base64.b64decode(state[1]))
    length = int.from_bytes(data[:4])
    return json.loads(data[4 : 4 + length]), data[4 + length :]


@pytest.fixture
def _static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIGPT_STATIC", "1")


@pytest.mark.usefixtures("_static")
def test_a_static_view_emits_html_and_no_widget() -> None:
    bundle = Note()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == 'A "note" & more'


@pytest.mark.usefixtures("_static")
def test_a_static_view_opens_no_channel_to_a_page() -> None:
    assert Note().comm is None


def test_a_live_view_emits_a_widget() -> None:
    bundle, _ = Note()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.usefixtures("_static")
def test_the_frame_holds_the_state_and_knows_that_no_kernel_answers() -> None:
    page = attributes_of(Note().static_html(), "iframe")["srcdoc"]
    assert page is not None
    head, binary = unpacked(page)
    assert head["state"].pop("code") == static.module("heads")
    assert head["state"].pop("style") == static.style("heads")
    assert head["state"] == {"text": "<b>&</b>", "count": 3, "live": False, "error": ""}
    assert head["binary"] == [["data", 2]]
    assert binary == b"\x00\xff"


@pytest.mark.usefixtures("_static")
def test_the_frame_is_locked_up_and_has_no_network() -> None:
    frame = attributes_of(Note().static_html(), "iframe")
    assert frame["sandbox"] == "allow-scripts allow-downloads"  # no origin of its own, no network
    page = frame["srcdoc"]
    assert page is not None
    assert "default-src 'none'" in page
    assert page.count("</script") == 2, "a script in the page ends early"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page + static.module("heads") + static.style("heads"))


def test_every_theme_variable_that_the_styles_use_is_sent_to_the_frame() -> None:
    bridge = attributes_of(static.frame("heads", "title", {}), "iframe")["onload"]
    assert bridge is not None
    for variable in re.findall(r"var\((--jp-[\w-]+)", static.style("heads")):
        assert f'"{variable}"' in bridge


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        static.pack({"value": float("nan")})


def test_an_image_needs_a_description() -> None:
    with pytest.raises(ValueError, match="alt is empty"):
        static.image("<svg/>", " ")


def test_an_image_cannot_break_out_of_its_tag() -> None:
    html = static.image('<svg><text id="#a">100% & "x"</text></svg>', 'a "quoted" <alt>')
    assert [tag for tag, _ in Tags(html).found] == ["img"]
    assert attributes_of(html, "img")["alt"] == 'a "quoted" <alt>'
    source = attributes_of(html, "img")["src"]
    assert source is not None
    assert not set('<>"#&') & set(source)


def test_a_table_shows_markup_as_text() -> None:
    assert [tag for tag, _ in Tags(static.table(["<script>"], [["<img src=x>"]])).found] == [
        "table", "thead", "tr", "th", "tbody", "tr", "td",
    ]  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_the_joined_module_of_a_view_is_sound(name: str) -> None:
    module = static.module(name)
    assert "import " not in re.sub(r"(//|/?\*\*?).*", "", module), "a widget's module has no folder to import from"
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, "--input-type=module", "--check"]
    assert subprocess.run(command, input=module, text=True, capture_output=True).stderr == ""


@pytest.mark.parametrize("name", VIEWS)
def test_text_enters_a_page_only_as_text(name: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", static.module(name))


@pytest.mark.parametrize("name", VIEWS)
def test_every_rule_of_a_style_sheet_stays_inside_the_root_class(name: str) -> None:
    rules = re.sub(r"/\*.*?\*/|@media[^{]*\{|@keyframes.*?\}\s*\}", "", static.style(name), flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        for selector in selectors.split(","):
            assert ".minigpt" in selector, selector


def test_a_page_of_its_own_holds_the_view_as_it_is_now(tmp_path) -> None:
    note = Note()
    note.text = "é”"
    note.save(tmp_path / "note.html")
    page = (tmp_path / "note.html").read_text(encoding="utf-8")
    assert page.startswith('<!doctype html><html lang="en"><meta charset="utf-8"><title>A &quot;note&quot; &amp; more<')
    assert note.static_html() in page


def test_where_no_widget_can_be_shown_a_live_view_says_what_it_showed_and_how_to_keep_it(monkeypatch) -> None:
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    data, _ = Note()._repr_mimebundle_()
    assert data["text/plain"].startswith('A "note" & more The view itself comes back when this cell is run')
    assert "save('page.html')" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data
