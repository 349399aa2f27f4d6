"""Tokens on the disk: the same as of the whole text, in little memory, and nothing lost when it is stopped."""

import json
import lzma
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.cli import main
from minigpt.text import shards
from minigpt.text.batches import Batches
from minigpt.text.shards import INDEX, TokenShards, prepare
from minigpt.text.storyland import Storyland
from minigpt.text.tokenizers import END_OF_TEXT, BPETokenizer, CharTokenizer

TEXT = (Storyland().text(400) + f"\n\n{END_OF_TEXT}Olá,  ラーメン\u3000e\u00a0pão \U0001f600!\n \n\t fim") * 3
TOKENIZER = BPETokenizer.train(TEXT, 400)
WHOLE = TOKENIZER.encode(TEXT, allowed_special="all")


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 1000)
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8", newline="")
    return path


def test_the_ids_are_those_of_the_whole_text(text, tmp_path):
    found = prepare(text, tmp_path / "tokens", TOKENIZER, n_tokens=700)
    assert len(found.files) > 3
    assert found[:].tolist() == WHOLE
    assert found.dtype == np.uint16
    assert TOKENIZER.end_of_text in WHOLE


def test_a_packed_text_gives_the_same_files(text, tmp_path):
    packed = tmp_path / "text.txt.xz"
    packed.write_bytes(lzma.compress(text.read_bytes()))
    one, other = (prepare(path, tmp_path / path.suffix[1:], TOKENIZER, n_tokens=700) for path in (text, packed))
    assert one.sha256 == other.sha256


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab'1é\u3000 \n\t\x1c\x85!\U0001f600"), min_size=1, max_size=80), st.integers(1, 9)
)
def test_pieces_are_cut_where_no_word_is(tmp_path_factory, text, block):
    file = tmp_path_factory.mktemp("any") / "text"
    file.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patched, open(file, "rb") as opened:
        patched.setattr(shards, "BLOCK", block)
        pieces = list(shards.pieces(opened))
    assert "".join(piece for piece, _, _ in pieces) == text
    assert [is_last for _, _, is_last in pieces] == [False] * (len(pieces) - 1) + [True]
    assert sum(n for _, n, _ in pieces) == len(text.encode())
    assert [i for piece, _, _ in pieces for i in TOKENIZER.encode(piece)] == TOKENIZER.encode(text)


class StoppedHere(Exception):
    pass


@pytest.mark.parametrize("suffix", ["", ".xz"])
def test_stopped_after_any_file_it_goes_on_and_ends_the_same(text, tmp_path, suffix):
    if suffix:
        text = tmp_path / "packed.xz"
        text.write_bytes(lzma.compress(TEXT.encode()))
    whole = prepare(text, tmp_path / "whole", TOKENIZER, n_tokens=700)

    def stop(n_bytes, n_tokens):
        raise StoppedHere

    for _ in whole.files[:-1]:
        with pytest.raises(StoppedHere):
            prepare(text, tmp_path / "parts", TOKENIZER, 700, progress=stop)
        with pytest.raises(ValueError, match="not finished: run `minigpt data prepare` again"):
            TokenShards(tmp_path / "parts")
    assert prepare(text, tmp_path / "parts", TOKENIZER, 700).sha256 == whole.sha256


def test_a_finished_folder_is_taken_as_it_is(text, tmp_path):
    prepare(text, tmp_path / "tokens", TOKENIZER, n_tokens=700)

    def never(n_bytes, n_tokens):
        raise AssertionError("nothing was left to do")

    assert len(prepare(text, tmp_path / "tokens", TOKENIZER, 700, never)) == len(WHOLE)


def test_another_text_or_tokenizer_is_refused(text, tmp_path):
    prepare(text, tmp_path / "tokens", TOKENIZER)
    with pytest.raises(ValueError, match="holds tokens of another run: tokenizer differs"):
        prepare(text, tmp_path / "tokens", CharTokenizer.train(TEXT))
    text.write_text(TEXT + "more", encoding="utf-8")
    with pytest.raises(ValueError, match="size differs from what is asked for now; choose another folder"):
        prepare(text, tmp_path / "tokens", TOKENIZER)


def test_slices_cross_the_files_as_if_there_were_none(text, tmp_path):
    found = prepare(text, tmp_path / "tokens", TOKENIZER, n_tokens=700)
    ids = np.array(WHOLE)
    n = len(ids)
    for a, b in ((0, 0), (0, 5), (690, 710), (0, n), (699, 2200), (n - 3, n + 50), (-7, None), (5, 2)):
        assert np.array_equal(found[a:b], ids[a:b]), (a, b)
    part = found.part(650, 1500)
    assert (len(part), part.shape) == (850, (850,))
    assert np.array_equal(part[:], ids[650:1500])
    assert np.array_equal(part.part(10, 20)[2:8], ids[662:668])
    assert np.array_equal(part[840:2000], ids[1490:1500])
    with pytest.raises(ValueError, match=r"part\(5, 5\) of 850 tokens"):
        part.part(5, 5)
    with pytest.raises(ValueError, match="a slice with step 2"):
        found[::2]


def test_batches_are_those_of_the_ids_in_memory(text, tmp_path):
    found = prepare(text, tmp_path / "tokens", TOKENIZER, n_tokens=700)
    on_disk, in_memory = (Batches(ids, 16, 4, seed=3) for ids in (found, np.array(WHOLE, dtype=np.uint16)))
    assert on_disk.meta() == in_memory.meta()
    for step in range(5):
        for ours, theirs in zip(on_disk.batch(step), in_memory.batch(step), strict=True):
            assert torch.equal(ours, theirs)


def test_a_file_that_has_changed_is_named(text, tmp_path):
    found = prepare(text, tmp_path / "tokens", TOKENIZER, n_tokens=700)
    found.verify()
    second = tmp_path / "tokens" / "tokens-00001.bin"
    content = second.read_bytes()
    second.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"tokens-00001\.bin has changed"):
        TokenShards(tmp_path / "tokens").verify()
    second.write_bytes(content[:-2])
    with pytest.raises(ValueError, match=r"tokens-00001\.bin is not there or has another size"):
        TokenShards(tmp_path / "tokens")


def test_what_is_no_folder_of_tokens_is_told(tmp_path):
    with pytest.raises(ValueError, match="holds no tokens: `minigpt data prepare"):
        TokenShards(tmp_path)
    for content, message in (
        ("[]", "is no index"),
        ("{", "is no index"),
        (json.dumps({"format": "x"}), "the format 'x'"),
    ):
        (tmp_path / INDEX).write_text(content)
        with pytest.raises(ValueError, match=message):
            TokenShards(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="is empty: give some text"):
        prepare(tmp_path / "empty", tmp_path / "tokens", TOKENIZER)


@pytest.mark.slow
def test_the_memory_it_takes_does_not_grow_with_the_text(tmp_path):
    peaks = []
    for n in (1, 6):
        text = tmp_path / f"{n}.txt"
        text.write_text(TEXT * 20 * n, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(shards, "BLOCK", 1 << 16)
            tracemalloc.start()
            prepare(text, tmp_path / str(n), TOKENIZER, n_tokens=20_000)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0], f"six times the text took {peaks[1] / peaks[0]:.1f} times the memory"


@pytest.mark.slow
def test_a_model_is_trained_on_a_prepared_folder(text, tmp_path, capsys):
    tokenizer = tmp_path / "tokenizer.json"
    TOKENIZER.save(tokenizer)
    tokens = str(tmp_path / "tokens")
    assert main(["data", "prepare", str(text), "--folder", tokens, "--tokenizer", str(tokenizer)]) == 0
    assert f"{len(WHOLE):,} tokens: minigpt train" in capsys.readouterr().out
    short = ["--n-steps", "2", "--eval-every", "2", "--batch-size", "2"]
    assert main(["train", tokens, "--folder", str(tmp_path / "run"), *short]) == 0
    assert f"{len(WHOLE) * 9 // 10:,} tokens" in capsys.readouterr().out
