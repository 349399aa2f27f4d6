"""bertviz's views, offline: what reaches the page is bertviz's own page and the recording's numbers."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minigpt import views
from minigpt.config import EncoderConfig, GPTConfig, TranslatorConfig
from minigpt.inspection.record import record
from minigpt.inspection.translation import record_translation
from minigpt.models.encoder import Encoder
from minigpt.models.gpt import GPT
from minigpt.models.translator import Translator
from minigpt.views import bertviz_page
from tests.made_up import Recording, Tags, softmax

pytestmark = pytest.mark.slow  # each draws what bertviz draws
module = importlib.import_module("minigpt.views.bertviz")
MEAN = ("</script><script>alert(1)</script>", "\u202e", "Ġ", " שלום", '"')


def one_text(L: int = 2, H: int = 3, T: int = 5, name: str = "t") -> Recording:
    scores = np.random.default_rng(0).normal(size=(L, H, T, T))
    return Recording(tuple(f" {name}{i}" for i in range(T)), softmax(scores))


def two_texts(L: int = 2, H: int = 3, T: int = 4, S: int = 6) -> Recording:
    scores = np.random.default_rng(0).normal(size=(L, H, T, S))
    return Recording(one_text(T=T).tokens, softmax(scores), one_text(T=S, name="s").tokens)


def told(view: Any) -> dict:
    """What bertviz's script is told."""
    return json.loads(view.state()["numbers"])


def test_an_encoder_and_a_translator_are_shown_in_one_call() -> None:
    torch.manual_seed(0)
    sizes = dict(n_vocab=11, n_ctx=8, n_embd=6, n_head=3, n_layer=2)
    encoder = Encoder(EncoderConfig(**sizes, cls_id=1, sep_id=2, mask_id=3))
    recording = record(encoder, [1, 5, 6, 2])
    [part] = told(views.bertviz(recording, "model"))["attention"]
    np.testing.assert_allclose(part["attn"], recording.attention_stack(), atol=0.0005)
    assert np.array(part["attn"])[0, 0, 0, 3] > 0  # it sees what comes later
    pair = record_translation(Translator(TranslatorConfig(**sizes)), [5, 6, 2], [1, 7, 8, 9, 2])
    parts = told(views.bertviz(pair))["attention"]
    assert [np.shape(part["attn"])[2:] for part in parts] == [(3, 3), (4, 4), (4, 3)]


@pytest.mark.parametrize("kind", ["head", "model"])
def test_the_weights_of_a_model_arrive_within_0_0005(kind: str) -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_vocab=11, n_ctx=8, n_embd=6, n_head=3, n_layer=2))
    recording = record(model, [1, 5, 2, 7], tokens=list("abcd"))
    [part] = told(views.bertviz(recording, kind))["attention"]
    np.testing.assert_allclose(part["attn"], recording.attention_stack(), atol=0.0005)
    assert (part["left_text"], part["right_text"]) == (list("abcd"), list("abcd"))


@pytest.mark.parametrize("kind", ["head", "model"])
def test_the_script_is_bertvizs_own(kind: str) -> None:
    state = views.bertviz(one_text(), kind).state()
    [pieces] = state["scripts"]
    import bertviz

    own = (Path(bertviz.__file__).parent / f"{kind}_view.js").read_text(encoding="utf-8")
    assert state["numbers"].join(pieces) == own.replace("PYTHON_PARAMS", state["numbers"])


def test_the_neuron_views_scripts_are_bertvizs_own() -> None:
    state = views.bertviz_neuron(np.eye(3), np.eye(3), list("abc")).state()
    import bertviz

    own = (Path(bertviz.__file__).parent / "neuron_view.js").read_text(encoding="utf-8")
    assert state["scripts"] == [["window.bertviz_params = ", ""], [own]]


def test_the_markup_asks_for_nothing_from_outside() -> None:
    markup = views.bertviz(one_text()).state()["markup"]
    assert [tag for tag, _ in Tags(markup).found] == ["div", "span", "select", "div"]
    assert "http" not in markup


def test_the_libraries_are_those_that_bertviz_was_made_for() -> None:
    libraries = bertviz_page.libraries()
    assert libraries["d3"].startswith("// https://d3js.org v5.")
    assert "jQuery v3." in libraries["jquery"][:50]


def test_the_same_recording_gives_the_same_html() -> None:
    assert views.bertviz(one_text())._repr_html_() == views.bertviz(one_text())._repr_html_()


def test_the_notebook_gets_one_html_with_a_described_picture_and_a_locked_frame() -> None:
    bundle = views.bertviz(one_text())._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    tags = Tags(bundle["text/html"]).found
    assert [tag for tag, _ in tags] == ["div", "div", "img", "iframe"]
    picture, frame = tags[2][1], tags[3][1]
    assert frame["sandbox"] == "allow-scripts allow-downloads"  # no origin of its own, no network
    assert "default-src 'none'" in (frame["srcdoc"] or "")
    assert frame["title"] == bundle["text/plain"]
    assert "2 layers with 3 heads each over 5 tokens" in (picture["alt"] or "")


def test_labels_that_look_like_markup_stay_text() -> None:
    view = views.bertviz(replace(one_text(), tokens=MEAN))
    assert [tag for tag, _ in Tags(view._repr_html_()).found] == ["div", "div", "img", "iframe"]
    frame = Tags(view._repr_html_()).found[-1][1]
    assert (frame["srcdoc"] or "").count("</script") == 2, "a script in the page ends early"
    assert told(view)["attention"][0]["left_text"] == ["</script><scr…", "\\u{202e}", "Ġ", " שלום", '"']
    assert "script" not in view.state()["markup"]


def test_layers_and_heads_can_be_chosen() -> None:
    recording = one_text(L=4, H=3)
    head = told(views.bertviz(recording, layers=[3, 1], heads=[2]))
    np.testing.assert_allclose(head["attention"][0]["attn"], recording.stack[[3, 1]], atol=0.0005)
    assert (head["layer"], head["include_layers"], head["heads"]) == (3, [3, 1], [2])
    model = told(views.bertviz(recording, "model", layers=range(1, 3), heads=[0, 2]))
    np.testing.assert_allclose(model["attention"][0]["attn"], recording.stack[1:3][:, [0, 2]], atol=0.0005)
    assert (model["include_layers"], model["include_heads"]) == ([1, 2], [0, 2])


def test_the_picture_enlarges_the_first_head_that_was_chosen() -> None:
    alone = np.zeros((2, 2, 3, 3), dtype=np.float32)
    alone[..., 0] = 1
    alone[1, 1] = np.eye(3)
    view = views.bertviz(Recording(("a", "b", "c"), alone), layers=[1], heads=[1, 0])
    assert "in layer 1, head 1 the last token, 'c', looks most at 'c', position 2: 100%." in view.title


@pytest.mark.parametrize("kind", ["head", "model"])
def test_cross_attention_has_two_texts(kind: str) -> None:
    recording = two_texts()
    [part] = told(views.bertviz(recording, kind))["attention"]
    assert (part["name"], part["left_text"], part["right_text"]) == (
        "Cross", list(recording.tokens), list(recording.source_tokens or ())
    )  # fmt: skip
    np.testing.assert_allclose(part["attn"], recording.stack, atol=0.0005)


@pytest.mark.parametrize("kind", ["head", "model"])
def test_a_translator_shows_its_three_kinds_of_attention(kind: str) -> None:
    encoder, decoder = one_text(T=6, name="s"), one_text(T=4)
    view = views.bertviz(view=kind, encoder=encoder, decoder=decoder, cross=two_texts())
    shapes = {part["name"]: np.shape(part["attn"]) for part in told(view)["attention"]}
    assert shapes == {"Encoder": (2, 3, 6, 6), "Decoder": (2, 3, 4, 4), "Cross": (2, 3, 4, 6)}
    assert '<select id="filter">' in view.state()["markup"]
    assert view.face().count("<img") == 3
    together = SimpleNamespace(encoder=encoder, decoder=decoder, cross=two_texts())
    assert views.bertviz(together, kind)._repr_html_() == view._repr_html_()


def test_rows_that_do_not_sum_to_1_are_shown_with_a_warning() -> None:
    half = replace(one_text(), stack=one_text().stack / 2)
    with pytest.warns(UserWarning, match="30 of 30 rows of attention do not sum to 1"):
        view = views.bertviz(half)
    np.testing.assert_allclose(told(view)["attention"][0]["attn"], half.stack, atol=0.0005)


def test_an_encoder_alone_is_shown_with_its_whole_square() -> None:
    [part] = told(views.bertviz(one_text()))["attention"]
    assert np.count_nonzero(part["attn"]) == 2 * 3 * 5 * 5


@pytest.mark.parametrize("kind", ["head", "model"])
def test_bertviz_itself_is_told_the_same_of_a_translator(kind: str) -> None:
    import bertviz

    encoder, decoder, cross = one_text(T=6, name="s"), one_text(T=4), two_texts()
    given = dict(encoder=encoder, decoder=decoder, cross=cross)
    tensors = {f"{name}_attention": list(torch.from_numpy(part.stack)[:, None]) for name, part in given.items()}
    labels = dict(encoder_tokens=list(encoder.tokens), decoder_tokens=list(decoder.tokens))
    html = module._page(getattr(bertviz, f"{kind}_view"), **tensors, **labels, prettify_tokens=False)
    theirs, ours = json.loads(bertviz_page.page_parts(html)["numbers"]), told(views.bertviz(view=kind, **given))
    for name in ("name", "left_text", "right_text"):
        assert [part[name] for part in ours["attention"]] == [part[name] for part in theirs["attention"]]
    for our, their in zip(ours["attention"], theirs["attention"], strict=True):
        np.testing.assert_allclose(our["attn"], their["attn"], atol=0.0005)


def test_the_weights_of_the_neuron_view_are_those_of_pytorch() -> None:
    q, k = torch.randn(2, 2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = F.scaled_dot_product_attention(
        q, k, torch.eye(5, dtype=torch.float64).expand(2, 3, 5, 5), is_causal=True
    )
    given = told(views.bertviz_neuron(q.numpy(), k.numpy(), list("abcde"), layer=1, head=2))
    shown = given["attention"]["all"]
    np.testing.assert_allclose(shown["attn"], expected, atol=0.0005)
    np.testing.assert_allclose(shown["queries"], q, atol=0.0005)
    np.testing.assert_allclose(shown["keys"], k, atol=0.0005)
    assert (given["layer"], given["head"], given["bidirectional"]) == (1, 2, False)
    assert shown["left_text"] == shown["right_text"] == list("abcde")


def test_equal_keys_share_the_attention_out_evenly() -> None:
    weights = module.causal_weights(np.array([[3.0], [1.0], [-2.0]]), np.ones((3, 1)))
    np.testing.assert_allclose(weights, [[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])


@pytest.mark.parametrize(("kind", "limit"), [("head", 64), ("model", 32)])
def test_a_text_that_would_freeze_the_page_is_refused_with_the_remedy(kind: str, limit: int) -> None:
    views.bertviz(one_text(1, 1, limit), kind)
    with pytest.raises(ValueError, match=f"{limit + 1} tokens are too many.*{limit}: shorten.*views.heads"):
        views.bertviz(one_text(1, 1, limit + 1), kind)
    with pytest.raises(ValueError, match=f"{limit + 1} tokens are too many"):
        views.bertviz(two_texts(1, 1, 2, limit + 1), kind)


def test_a_text_too_long_for_the_neuron_view_is_refused_too() -> None:
    with pytest.raises(ValueError, match="33 tokens are too many"):
        views.bertviz_neuron(np.ones((33, 2)), np.ones((33, 2)), ["a"] * 33)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(), ValueError, "give one recording, or those of a translator"),
        (dict(recording=one_text(), cross=two_texts()), ValueError, "give one recording, or those of a translator"),
        (dict(recording=one_text(), view="neuron"), ValueError, "views.bertviz_neuron"),
        (dict(recording=[1, 2]), TypeError, r"inspection\.record"),
        (dict(recording=one_text(), layers=[2]), ValueError, r"layers \[2\]: choose different ones from 0 to 1"),
        (dict(recording=one_text(), heads=[]), ValueError, "at least one"),
        (dict(recording=one_text(), heads=[1, 1]), ValueError, "choose different ones from 0 to 2"),
        (dict(recording=one_text(), layers=1), TypeError, r"layers=\[1\]"),
        (dict(encoder=two_texts()), ValueError, "give it as cross="),
        (dict(encoder=one_text(T=6), cross=two_texts()), ValueError, "other encoder_tokens than encoder="),
        (dict(decoder=one_text(T=4, name="u"), cross=two_texts()), ValueError, "other decoder_tokens than decoder="),
        (dict(decoder=one_text(3, 3, 4), cross=two_texts()), ValueError, r"Decoder \(3, 3\), Cross \(2, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        views.bertviz(**arguments)


@pytest.mark.parametrize(("q", "k"), [((3, 2), (3, 4)), ((4, 2), (4, 2)), ((3,), (3,)), ((1, 1, 1, 3, 2),) * 2])
def test_queries_and_keys_that_do_not_fit_are_refused(q: tuple, k: tuple) -> None:
    with pytest.raises(ValueError, match=r"both are \(T, D\)"):
        views.bertviz_neuron(np.ones(q), np.ones(k), list("abc"))


def test_without_bertviz_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bertviz", None)
    for show in (lambda: views.bertviz(one_text()), lambda: views.bertviz_neuron(np.eye(2), np.eye(2), list("ab"))):
        with pytest.raises(ImportError, match=r"pip install bertviz; views\.heads"):
            show()


@pytest.mark.parametrize("path", [("no-such-package", "a.js"), ("mpld3", "mpld3/js/d3.v4.js")])
def test_without_a_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, path: tuple) -> None:
    monkeypatch.setitem(bertviz_page.LIBRARIES, "d3", path)
    with pytest.raises(ImportError, match=f"needs {path[1]} of the package {path[0]}: pip install {path[0]}"):
        views.bertviz(one_text())._repr_html_()


def test_another_bertviz_than_1_4_1_is_told_apart() -> None:
    with pytest.raises(RuntimeError, match=r"bertviz==1\.4\.1"):
        bertviz_page.page_parts("<div></div>")


def test_importing_the_views_does_not_import_bertviz() -> None:
    code = "import sys, minigpt.views; print(sorted({'bertviz', 'mpld3', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "[]", run.stderr


def test_64_tokens_in_144_heads_stay_under_0_7_mb_in_a_saved_notebook() -> None:
    scores = np.random.default_rng(0).normal(size=(12, 12, 64, 64)) * 3
    weights = softmax(np.where(np.tril(np.ones((64, 64), dtype=bool)), scores, -np.inf))
    view = views.bertviz(Recording(tuple(f" t{i}" for i in range(64)), weights))
    assert len(json.dumps(view._repr_mimebundle_())) < 700_000
