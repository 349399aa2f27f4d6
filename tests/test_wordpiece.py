"""WordPiece: against transformers' tokenizer of BERT, character by character and on any text; and by hand."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from minigpt.text.wordpiece import LONGEST, WordPiece, split_words

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdeijnosuxлж中ß"
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{c}" for c in LETTERS), *".,!?'^$%-¿—", "ba", "##na", "##nas", "ban", "em"]
OURS = WordPiece(VOCABULARY)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    path = tmp_path_factory.mktemp("wordpiece") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    assert WordPiece.load(path).vocabulary == OURS.vocabulary
    return BertTokenizer(str(path))


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer.encode(text, add_special_tokens=False))


def test_a_word_is_cut_into_the_longest_pieces_from_the_left():
    assert OURS.pieces("bananas") == ["ban", "##a", "##nas"]  # "ban" is longer than "ba", so ##na is out of reach
    assert OURS.pieces("emu") == ["em", "##u"]
    assert OURS.pieces("bz") == ["[UNK]"], "one unknown piece makes the whole word unknown"
    assert OURS.pieces("a" * LONGEST) == ["a", *["##a"] * (LONGEST - 1)]
    assert OURS.pieces("a" * (LONGEST + 1)) == ["[UNK]"]
    assert OURS.encode("") == []


def test_text_is_split_at_spaces_and_signs_and_loses_capitals_and_accents():
    assert split_words("Não, it's\u00a0$5!") == ["nao", ",", "it", "'", "s", "$", "5", "!"]
    assert split_words("中文 a\u200bb\0") == ["中", "文", "ab"]
    assert OURS.labels(OURS.encode("[SEP]")) != ["[SEP]"], "nobody's text can end a sentence"


@pytest.mark.parametrize(
    "text",
    [
        "Bananas!",
        "São João—¿no?",
        "naïve Ünïcödé",
        "ba\tna\r\nnas",
        "İstanbul \u03a3\u039f\u03a3 ß ẞ",
        "  ",
        "don't",
        "x" * 101 + " a",
        "中ab文",
        "a\u0301b e\u0301",
    ],
)
def test_pieces_are_those_of_transformers(theirs, text):
    assert OURS.labels(OURS.encode(text)) == pieces(theirs, text)


@given(st.text(alphabet=LETTERS + "BÉãçõÏ ЛЖ.,!^\t\u00a0\u200b\u0301中文日", max_size=30))
@settings(deadline=None, max_examples=300)
def test_pieces_of_any_text_are_those_of_transformers(theirs, text):
    assert OURS.labels(OURS.encode(text)) == pieces(theirs, text)


@pytest.mark.slow
def test_each_character_of_unicode_3_2_is_treated_as_transformers_does(theirs):
    """Alone it may be unknown to the vocabulary; between letters it shows whether it separates, is dropped or stays."""
    old = unicodedata.ucd_3_2_0  # what came or changed later may be in the tables of one of the two only
    chars = [c for c in map(chr, range(0x20000)) if old.category(c) == unicodedata.category(c) not in ("Cn", "Cs")]
    assert len(chars) > 50_000
    different = [c for c in chars if OURS.labels(OURS.encode(f"a{c}b")) != pieces(theirs, f"a{c}b")]
    assert different == []


def test_rows_have_both_ends_and_padding():
    ids = OURS.rows(["ban a", "em", ""])
    assert ids.dtype == np.int64
    assert [" ".join(OURS.labels(row)) for row in ids] == [
        "[CLS] ban a [SEP]",
        "[CLS] em [SEP] [PAD]",
        "[CLS] [SEP] [PAD] [PAD]",
    ]


def test_a_vocabulary_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"the vocabulary of 6 pieces lacks \[MASK\]"):
        WordPiece([*SPECIAL[:-1], "a", "b"])
    with pytest.raises(ValueError, match="has a piece twice"):
        WordPiece([*SPECIAL, "a", "a"])
