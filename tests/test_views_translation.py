"""Three panels of one translation: what Python checks, and what the face and the description say."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_up import Recording, Tags, softmax
from traitlets import TraitError

from minigpt import views
from minigpt.views.attention import dequantised

SOURCE, READ, WRITTEN = ("the", "red", "dog", "."), ("<bos>", "o", "cachorro"), ("o", "cachorro", "vermelho")
L, H, T, S = 2, 3, 3, 4


def made_up(**changes: Any) -> Any:
    rng = np.random.default_rng(0)
    past = np.where(np.tri(T, dtype=bool), rng.normal(size=(L, H, T, T)), -np.inf)
    cross = np.full((L, H, T, S), 0.05, dtype=np.float32)
    for row, column in enumerate((0, 2, 1)):  # the adjective and the noun change places
        cross[..., row, column] = 0.85
    parts = dict(
        encoder=Recording(SOURCE, softmax(rng.normal(size=(L, H, S, S)))),
        decoder=Recording(READ, softmax(past)),
        cross=Recording(READ, cross, SOURCE),
        written=WRITTEN,
    )
    return SimpleNamespace(**{**parts, **changes})


def test_the_page_gets_the_weights_of_all_three_parts() -> None:
    view, recording = views.translation(made_up()), made_up()
    assert view.causal == {"encoder": False, "cross": False, "decoder": True}
    for part in ("encoder", "cross", "decoder"):
        weights = getattr(recording, part).stack
        for n in range(L * H):
            shown = dequantised(getattr(view, part), view.shapes[part], view.causal[part], n)
            np.testing.assert_allclose(shown, weights[divmod(n, H)], atol=0.004)


def test_it_begins_with_the_last_layer_and_rows_named_by_what_is_written() -> None:
    view = views.translation(made_up())
    assert (view.encoder_head, view.cross_head, view.decoder_head) == ((1, 0),) * 3
    assert view.by_written
    assert not views.translation(made_up(written=None)).by_written
    assert views.translation(made_up(), cross_head=(0, 2)).cross_head == (0, 2)


def test_the_description_says_where_each_word_looks_most() -> None:
    text = views.translation(made_up()).describe()
    assert "reads 'the red dog .' and writes 'o cachorro vermelho'" in text
    assert "'o' at 'the', 'cachorro' at 'dog', 'vermelho' at 'red'" in text


def test_the_face_is_one_picture_with_the_description() -> None:
    view = views.translation(made_up())
    (_, attributes), *others = Tags(view.face()).found
    assert not others
    assert attributes["alt"] == view.describe()
    for title in ("Encoder, layer 1, head 0", "Cross, layer 1, head 0", "Decoder, layer 1, head 0"):
        assert title.replace(",", "%2C") in str(attributes["src"]) or title in str(attributes["src"])


def test_another_translation_keeps_the_heads_that_it_has() -> None:
    view = views.translation(made_up(), cross_head=(1, 2))
    view.target = 2
    one_head = made_up()
    for part in ("encoder", "decoder", "cross"):
        recording = getattr(one_head, part)
        setattr(one_head, part, Recording(recording.tokens, recording.stack[:, :1], recording.source_tokens))
    view.show(one_head)
    assert view.cross_head == (1, 0)
    assert (view.target, view.version) == (-1, 1)


def test_parts_that_do_not_belong_together_are_refused() -> None:
    other = Recording(("a", "b"), softmax(np.zeros((L, H, 2, 2))))
    with pytest.raises(ValueError, match="the parts are not of one translation"):
        views.translation(made_up(encoder=other))
    with pytest.raises(TypeError, match=r"recording with `encoder`, `decoder` and `cross`, not Recording"):
        views.translation(other)
    with pytest.raises(ValueError, match="2 tokens written at 3 positions"):
        views.translation(made_up(written=("a", "b")))
    with pytest.raises(ValueError, match="padding for 1 tokens, and the source has 4"):
        views.translation(made_up(), padding=[True])


def test_rows_that_do_not_sum_to_1_are_shown_with_a_warning() -> None:
    recording = made_up()
    halved = SimpleNamespace(**{**vars(recording), "cross": replace(recording.cross, stack=recording.cross.stack / 2)})
    with pytest.warns(UserWarning, match=r"Cross: \d+ of \d+ rows of attention do not sum to 1"):
        view = views.translation(halved)
    assert view.warning.startswith("Cross: ")
    assert views.translation(recording).warning == ""


def test_pandas_gets_the_exact_weights_of_all_three_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = SimpleNamespace(Index=lambda labels, name: (name, labels), DataFrame=lambda x, **labels: (x, labels))
    monkeypatch.setitem(sys.modules, "pandas", frame)
    recording = made_up()
    view = views.translation(recording, cross_head=(0, 2))
    tables = view.to_pandas()
    assert list(tables) == ["encoder", "cross", "decoder"]
    for part, head in (("encoder", (1, 0)), ("cross", (0, 2)), ("decoder", (1, 0))):
        assert (tables[part][0] == getattr(recording, part).stack[head]).all()
    assert tables["encoder"][1] == dict(index=("token", list(SOURCE)), columns=("looks at", list(SOURCE)))
    assert tables["cross"][1] == dict(index=("token", list(WRITTEN)), columns=("looks at", list(SOURCE)))
    view.by_written = False
    assert view.to_pandas()["decoder"][1] == dict(index=("token", list(READ)), columns=("looks at", list(READ)))


def test_without_pandas_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        views.translation(made_up()).to_pandas()


def test_views_heads_sends_a_translation_to_where_it_is_shown() -> None:
    with pytest.raises(TypeError, match=r"recording\.cross, \.encoder or \.decoder.*views\.translation"):
        views.heads(made_up())
    assert views.heads(made_up().cross).source_tokens == list(SOURCE)


def test_heads_and_tokens_that_are_not_there_are_refused() -> None:
    view = views.translation(made_up())
    with pytest.raises(TraitError, match="the cross has no layer 2, head 0: its layers go from 0 to 1"):
        view.cross_head = (2, 0)
    with pytest.raises(TraitError, match="source=4: positions go from 0 to 3, -1 frees the pinned token"):
        view.source = 4


def test_a_sentence_that_is_none_is_refused() -> None:
    long = tuple(map(str, range(129)))
    parts = dict(encoder=Recording(long, np.full((1, 1, 129, 129), 1 / 129, dtype=np.float32)))
    parts |= dict(cross=Recording(READ, np.full((1, 1, 3, 129), 1 / 129, dtype=np.float32), long))
    parts |= dict(decoder=Recording(READ, softmax(np.zeros((1, 1, 3, 3)))))
    with pytest.raises(ValueError, match="129 tokens are no sentence: at most 128"):
        views.translation(SimpleNamespace(**parts))
