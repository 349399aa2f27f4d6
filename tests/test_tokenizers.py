"""Tokenizers against tiktoken, against Hugging Face's trainer and encoder, and against merges worked by hand."""

import hashlib
import json
import logging
import os
import pickle
import random
import string
import time
import unicodedata
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import regex
import tiktoken
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public
from tokenizers import models, pre_tokenizers, trainers

from minigpt.assets import asset
from minigpt.text import bpe
from minigpt.text import tokenizers as ours
from minigpt.text.gpt2_files import gpt2_files, tiktoken_gpt2
from minigpt.text.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer

settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no deadline")

MIRROR = Path(os.environ.get("MINIGPT_DATA") or "no mirror folder")
SHAKESPEARE = MIRROR / "train/tinyshakespeare.txt"
WIKITEXT = [MIRROR / "eval/wikitext-2-raw.test.txt", MIRROR / "eval/wikitext-2.valid.tokens"]

STORY = """Once upon a time there was a little bear. The little bear liked honey, honey, honey!
Bears don't hum - they're hummmming: "aaaa", aaaaaaa, abababab… Não há mel?  Há 10 potes.\r\n\r\n  C'est l'été 🐻🐻‍❄️.
"""

KNOWN_TEXT = st.text(st.characters(exclude_categories=["Cn", "Cs"]), min_size=1)  # no characters of tomorrow


@pytest.fixture(scope="module")
def gpt2() -> BPETokenizer:
    return BPETokenizer.gpt2()


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> tiktoken.Encoding:
    """tiktoken's own GPT-2, from an empty cache folder and without a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path_factory.mktemp("tiktoken")))
        return tiktoken_gpt2()


@pytest.fixture(scope="module")
def small() -> BPETokenizer:
    return BPETokenizer.train(STORY, 300)


def needs(path: Path):
    return pytest.mark.skipif(not path.exists(), reason=f"set MINIGPT_DATA to a folder that has {path.name}")


# Training


def train_with_hugging_face(text: str, n_vocab: int) -> tokenizers.Tokenizer:
    trained = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=n_vocab, initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator([text], trainer)
    return trained


def merges_of(trained: tokenizers.Tokenizer) -> list[tuple[bytes, bytes]]:
    merges = json.loads(trained.to_str())["model"]["merges"]
    return [(bpe.from_letters(left), bpe.from_letters(right)) for left, right in merges]


def learn_by_recounting(text: str, n_merges: int) -> list[tuple[bytes, bytes, int]]:
    """The definition: count all pairs anew before each merge, on lists of ids."""
    words = [[bpe.BYTE_TO_ID[byte] for byte in word.encode()] for word in bpe.PRE_SPLIT.findall(text)]
    token_bytes = [bytes([byte]) for byte in bpe.BYTE_ORDER]
    merges = []
    for _ in range(n_merges):
        counts: dict[tuple[int, int], int] = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append((token_bytes[pair[0]], token_bytes[pair[1]], counts[pair]))
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == pair:
                    word[i : i + 2] = [len(token_bytes)]
                i += 1
        token_bytes.append(token_bytes[pair[0]] + token_bytes[pair[1]])
    return merges


def test_merges_of_a_tiny_text_are_those_worked_by_hand():
    # Words "hug", " pug", " hugs": u-g occurs 3 times; then h-ug 2 times; then of the pairs that occur once, the one
    # with the smallest ids. A space has id 220 (GPT-2 puts it after the printable bytes), "p" 79, "hug" 257.
    steps = list(BPETokenizer.train_steps("hug pug hugs"))
    assert steps == [
        (b"u", b"g", 3),
        (b"h", b"ug", 2),
        (b"p", b"ug", 1),
        (b" ", b"hug", 1),
        (b" ", b"pug", 1),
        (b" hug", b"s", 1),
    ]


def test_of_equally_frequent_pairs_the_one_with_the_smaller_ids_wins():
    assert [step.left for step in BPETokenizer.train_steps("zy ba")][:2] == [b"b", b"z"]


def test_a_run_of_one_letter_is_merged_from_the_left_without_overlap():
    assert BPETokenizer.train("aaaaa", 257, []).encode("aaaaa") == [256, 256, ord("a") - ord("!")]


@given(st.text(alphabet="ab c", max_size=60) | st.text(max_size=60))
@example("aaaa aaa aa aaaaaaa")
@example("abababa bababab abab")
def test_incremental_counts_give_what_recounting_gives(text):
    assert list(bpe.learn_merges(bpe.count_words(text))) == learn_by_recounting(text, 10**6)


@given(st.text(alphabet="abc A1.'é\n🐻", min_size=1, max_size=80))
def test_merges_equal_those_of_hugging_faces_trainer(text):
    mine = BPETokenizer.train_steps(text, [])
    assert [merge[:2] for merge in islice(mine, 44)] == merges_of(train_with_hugging_face(text, 300))


@needs(SHAKESPEARE)
def test_merges_of_shakespeare_equal_those_of_hugging_faces_trainer():
    text = SHAKESPEARE.read_text(encoding="utf-8")
    mine = BPETokenizer.train(text, 4096, [])
    theirs = train_with_hugging_face(text, 4096)
    assert mine.n_vocab == 4096
    assert mine.merges == merges_of(theirs)


def test_training_on_parts_equals_training_on_the_whole():
    lines = STORY.splitlines(keepends=True)
    assert BPETokenizer.train(lines, 320).merges == BPETokenizer.train("<|endoftext|>".join(lines), 320).merges


def test_special_tokens_in_the_text_are_not_learnt():
    learnt = BPETokenizer.train("<|endoftext|>ab" * 50, 258).merges
    assert learnt == [(b"a", b"b")]


@given(st.text(alphabet="a1 .\n\t'sé\u3000\x1c\x85"), st.integers(1, 5))
def test_cutting_a_long_text_into_pieces_does_not_change_its_words(text, size):
    pieces = list(bpe.pieces(text, size))
    assert [word for piece in pieces for word in bpe.split_words(piece)] == bpe.split_words(text)


def test_training_steps_count_how_often_the_pair_occurs():
    first = next(BPETokenizer.train_steps("the cat, the hat, the mat"))
    assert first == (b"a", b"t", 3)


def test_training_stops_and_says_so_when_the_text_has_no_pair_left(caplog):
    with caplog.at_level(logging.WARNING):
        tokenizer = BPETokenizer.train("abc", 1000)
    assert tokenizer.n_vocab == 256 + 2 + 1
    assert "259 of 1000" in caplog.text


@pytest.mark.parametrize("text", ["", "<|endoftext|>", [], ["", ""]])
def test_training_on_nothing_says_what_to_do(text):
    with pytest.raises(ValueError, match="empty: give some text"):
        BPETokenizer.train(text, 300)


def test_a_vocabulary_too_small_for_the_bytes_says_how_small_it_may_be():
    assert BPETokenizer.train("ab", 257).merges == []
    with pytest.raises(ValueError, match=r"n_vocab=256 is too small.*257"):
        BPETokenizer.train("ab", 256)


@pytest.mark.parametrize("names", ["<|endoftext|>", [""], ["<a>", "<a>"]])
def test_special_tokens_must_be_a_list_of_different_names(names):
    with pytest.raises(ValueError, match="give a list of names"):
        BPETokenizer([], names)
    with pytest.raises(ValueError, match="give a list of names"):
        BPETokenizer.train("ab", 300, names)


@pytest.mark.parametrize("merges", [[(b"a", b"bc")], [(b"a", b"b"), (b"a", b"b")], [(b"", b"a")]])
def test_merges_that_cannot_follow_from_training_are_named(merges):
    with pytest.raises(ValueError, match=f"merge {len(merges) - 1} joins"):
        BPETokenizer(merges)


# Encoding, against tiktoken


@settings(max_examples=500)
@given(st.text())
@example("I'll've  \n\n 12½ x² __init__ \u02bcs 's'S \x1c\x85\u2028\u180e")
@example("<|endoftext|>")
def test_our_encoder_equals_tiktoken_on_any_text(gpt2, reference, text):
    assert gpt2.encode(text) == reference.encode_ordinary(text)
    assert gpt2.decode(gpt2.encode(text)) == text


@pytest.mark.parametrize(("beside", "kind"), [("a", r"\p{L}"), ("1", r"\p{N}"), ("!", r"[^\s\p{L}\p{N}]")])
def test_tiktokens_engine_takes_the_same_characters_for_letters_digits_and_signs(beside, kind):
    # With only the merges of "a" and each first byte of a character, "a" merges where the engine joins both in a word.
    first_bytes = [bytes([byte]) for byte in range(0xC2, 0xF5)]
    engine = BPETokenizer([(beside.encode(), byte) for byte in first_bytes]).as_tiktoken()
    alone = engine.encode_single_token(beside)
    known = [char for char in map(chr, range(128, 0x110000)) if unicodedata.category(char) not in ("Cn", "Cs", "Co")]
    of_kind = regex.compile(kind)
    ids = engine.encode_ordinary("".join(beside + char for char in known))
    joined = [i != alone for i in ids if i == alone or i >= 256]
    assert joined == [bool(of_kind.match(char)) for char in known]


@pytest.mark.parametrize("path", [pytest.param(path, marks=needs(path)) for path in [SHAKESPEARE, *WIKITEXT]])
def test_our_encoder_equals_tiktoken_on_books_and_articles(gpt2, reference, path):
    text = path.read_text(encoding="utf-8")
    ids = gpt2.encode(text)
    assert ids == reference.encode_ordinary(text)
    assert gpt2.decode(ids) == text


@given(st.text(st.characters(categories=["Cs", "Ll"])))
@example("\ud83d\ude42 \ude42\ud83d")
def test_surrogates_are_taken_as_tiktoken_takes_them(gpt2, reference, text):
    assert gpt2.encode(text) == reference.encode(text)


@given(st.text(string.printable) | st.text())
def test_words_of_ascii_text_are_those_of_gpt2s_pattern(text):
    assert bpe.split_words(text) == bpe.PRE_SPLIT.findall(text)
    assert "".join(bpe.split_words(text)) == text


def test_a_very_long_word_takes_seconds_at_most(gpt2, reference):
    random.seed(0)
    words = ["a" * 100_000, "".join(random.choices(string.ascii_letters, k=50_000))]
    start = time.process_time()
    ids = [gpt2.encode(word) for word in words]
    assert time.process_time() - start < 5  # 0.4 s here
    assert ids == [reference.encode_ordinary(word) for word in words]


@given(st.text("abc", min_size=1) | st.text("hello wrd.", min_size=1) | st.text(min_size=1))
def test_long_words_are_encoded_as_short_ones(small, gpt2, word):
    for tokenizer in (small, gpt2):
        *_, ids = tokenizer.encode_steps(word)
        assert bpe.merge_long(word, tokenizer._after, tokenizer._pair_of) == ids


def test_the_word_cache_starts_anew_when_it_is_full(gpt2, monkeypatch):
    monkeypatch.setattr(ours._WordIds, "LIMIT", 3)
    tokenizer = BPETokenizer(gpt2.merges)
    assert tokenizer.encode(STORY) == gpt2.encode(STORY)
    assert len(tokenizer._word_ids) <= 3


def test_the_steps_of_a_word_lead_from_its_bytes_to_its_encoding(small):
    steps = list(small.encode_steps(" little"))
    assert [len(ids) for ids in steps] == list(range(7, len(steps[-1]) - 1, -1))  # one token fewer at each step
    assert {small.decode(ids) for ids in steps} == {" little"}
    assert steps[0] == [small.encode(char)[0] for char in " little"]
    assert steps[-1] == small.encode(" little")


@given(train_on=KNOWN_TEXT, text=KNOWN_TEXT, n_merges=st.integers(0, 60))
def test_our_own_merges_run_the_same_in_tiktokens_engine(train_on, text, n_merges):
    tokenizer = BPETokenizer([merge[:2] for merge in islice(BPETokenizer.train_steps(train_on, []), n_merges)])
    engine = tokenizer.as_tiktoken()
    assert engine.n_vocab == tokenizer.n_vocab
    for one in (text, train_on, train_on + text):
        assert engine.encode_ordinary(one) == tokenizer.encode(one)
        assert engine.encode("<|endoftext|>" + one, allowed_special="all", disallowed_special=()) == tokenizer.encode(
            "<|endoftext|>" + one, "all"
        )


@given(text=st.text(alphabet="abehilnort .,éã🐻"))
def test_our_own_merges_run_the_same_in_hugging_faces_encoder(small, text):
    files = gpt2_files(small)
    merges = [tuple(line.split()) for line in files["vocab.bpe"].decode().splitlines()[1:]]
    theirs = tokenizers.Tokenizer(models.BPE(json.loads(files["encoder.json"]), merges))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert small.encode(text) == theirs.encode(text).ids


# Special tokens


def test_a_special_token_in_the_text_is_text_unless_it_is_allowed(gpt2, reference):
    text = "one<|endoftext|>two<|endoftext|>"
    assert gpt2.end_of_text == 50256
    assert 50256 not in gpt2.encode(text)
    assert gpt2.encode(text) == reference.encode(text, disallowed_special=())
    for allowed in ("all", "<|endoftext|>", ["<|endoftext|>"]):
        assert gpt2.encode(text, allowed) == reference.encode(text, allowed_special="all")
    assert gpt2.decode(gpt2.encode(text, "all")) == text


def test_only_the_allowed_ones_of_several_special_tokens_count():
    tokenizer = BPETokenizer([], ["<a>", "<a>b", "<c>"])
    assert tokenizer.end_of_text is None
    assert tokenizer.encode("<a>b<c><a>", "all") == [257, 258, 256]
    assert tokenizer.encode("<a><c>", ["<c>"]) == [*tokenizer.encode("<a>"), 258]


def test_a_special_token_that_does_not_exist_cannot_be_allowed(gpt2):
    with pytest.raises(ValueError, match=r"\['<pad>'\] cannot be allowed.*<|endoftext|>"):
        gpt2.encode("x", ["<pad>"])
    with pytest.raises(ValueError, match="cannot be allowed"):
        CharTokenizer("x").encode("x", "<|endoftext|>")


# Decoding


@given(st.lists(st.integers(0, 50256)))
def test_decoding_never_raises_and_equals_tiktoken(gpt2, reference, ids):
    assert gpt2.decode(ids) == reference.decode(ids)
    assert "".join(gpt2.decode_stream(ids)) == reference.decode(ids)


def test_ids_may_come_from_numpy(gpt2):
    assert gpt2.decode(np.array(gpt2.encode(STORY), dtype=np.uint16)) == STORY


def test_a_stream_holds_back_half_a_character(gpt2):
    ids = gpt2.encode("a 🐻!")
    assert len(ids) == 5  # "a", three tokens for " 🐻", "!"
    assert list(gpt2.decode_stream(ids)) == ["a", " ", "🐻", "!"]
    assert list(gpt2.decode_stream(ids[:-2])) == ["a", " ", "\ufffd"]


def test_a_stream_gives_text_before_the_next_id_is_asked_for(gpt2):
    asked = []
    pieces = gpt2.decode_stream(asked.append(i) or i for i in gpt2.encode("Hello world"))
    assert next(pieces) == "Hello"
    assert len(asked) == 1


@pytest.mark.parametrize("bad", [-1, 50257])
def test_ids_out_of_range_are_named_with_what_fits(gpt2, bad):
    for use in (gpt2.token_bytes, lambda i: gpt2.decode([0, i]), lambda i: gpt2.labels([i])):
        with pytest.raises(ValueError, match=f"^{bad} is no token id here: ids run from 0 to 50256"):
            use(bad)


def test_labels_keep_spaces_and_spell_out_broken_utf8(gpt2):
    assert gpt2.labels(gpt2.encode("Hello world é 🐻")) == ["Hello", " world", " é", " \\xf0\\x9f", "\\x90", "\\xbb"]
    assert gpt2.labels([50256]) == ["<|endoftext|>"]


# GPT-2's files


def test_the_shipped_vocabulary_is_the_one_that_tiktoken_expects():
    digest = hashlib.sha256(asset("gpt2/vocab.bpe").read_bytes()).hexdigest()
    assert digest == "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"


@pytest.mark.slow
def test_both_published_files_follow_from_our_merges(gpt2):
    files = gpt2_files(gpt2)
    digest = hashlib.sha256(files["encoder.json"]).hexdigest()
    assert digest == "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
    assert files["vocab.bpe"] == asset("gpt2/vocab.bpe").read_bytes()


def test_ids_of_gpt2s_vocabulary_are_tiktokens(gpt2, reference):
    assert gpt2.n_vocab == reference.n_vocab == 50257
    assert [gpt2.token_bytes(i) for i in range(50257)] == [reference.decode_single_token_bytes(i) for i in range(50257)]


@pytest.mark.slow
def test_tiktoken_mends_nothing_and_asks_nobody_after_our_loader(tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "new"))
    monkeypatch.setattr(tiktoken.load, "read_file", lambda address: pytest.fail(f"asked for {address}"))
    tiktoken_gpt2()
    for path in (tmp_path / "new").iterdir():
        path.write_bytes(path.read_bytes()[:100])  # torn: the loader writes it again
    tiktoken_gpt2()
    assert openai_public.gpt2()["explicit_n_vocab"] == 50257  # reads both files anew, and checks their SHA-256


def test_a_tiktoken_that_keeps_no_files_is_named(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(ValueError, match="unset it or name a folder"):
        tiktoken_gpt2()


# Characters


def test_characters_get_ids_in_order_of_their_code_points():
    tokenizer = CharTokenizer.train("banana é")
    assert tokenizer.chars == " abné"
    assert tokenizer.encode("ban é") == [2, 1, 3, 0, 4]
    assert (tokenizer.n_vocab, tokenizer.end_of_text) == (5, None)
    assert tokenizer.labels([0, 4]) == [" ", "é"]


@given(st.text(min_size=1))
def test_characters_survive_the_way_to_ids_and_back(text):
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_an_unknown_character_is_named_with_its_place_and_what_fits():
    with pytest.raises(ValueError, match=r"'é' \(U\+00E9\) at position 3 is unknown.* 3 characters: 'abc'") as error:
        CharTokenizer("abc").encode("abcéa")
    assert "Remove it, or train" in str(error.value)
    with pytest.raises(ValueError, match="…"):
        CharTokenizer(map(chr, range(100, 300))).encode("a")


@pytest.mark.parametrize("chars", ["", "aa", "\ud800"])
def test_characters_must_be_there_and_differ_and_exist(chars):
    with pytest.raises(ValueError, match=r"each once|surrogates"):
        CharTokenizer(chars)
    with pytest.raises(ValueError, match="empty"):
        CharTokenizer.train("")


# Files


@given(st.text(min_size=1), st.integers(258, 300))
def test_a_saved_tokenizer_loads_as_it_was(tmp_path_factory, text, n_vocab):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    trained = BPETokenizer(
        [merge[:2] for merge in islice(BPETokenizer.train_steps(text, []), n_vocab - 258)], ["<|endoftext|>", "<pad>"]
    )
    trained.save(path)
    loaded = BPETokenizer.load(path)
    assert (loaded.merges, loaded.special_tokens) == (trained.merges, trained.special_tokens)
    CharTokenizer.train(text).save(path)  # over the other
    assert load_tokenizer(path).encode(text) == CharTokenizer.train(text).encode(text)
    assert [file.name for file in path.parent.iterdir()] == ["tokenizer.json"]


def test_a_tokenizer_can_be_pickled_for_worker_processes(small):
    assert pickle.loads(pickle.dumps(small)).encode(STORY) == small.encode(STORY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1, 2]",
        b"\xff\xfe\x00",
        b'{"format": "another", "kind": "bpe"}',
        b'{"format": "minigpt tokenizer 1", "kind": "words"}',
        b'{"format": "minigpt tokenizer 1", "kind": "char"}',
        b'{"format": "minigpt tokenizer 1", "kind": "char", "chars": 5}',
        b'{"format": "minigpt tokenizer 1", "kind": "bpe", "merges": ["a b c"], "special_tokens": []}',
        b'{"format": "minigpt tokenizer 1", "kind": "bpe", "merges": ["ab c"], "special_tokens": []}',
        b'{"format": "minigpt tokenizer 1", "kind": "bpe", "merges": [], "special_tokens": [5]}',
    ],
)
def test_a_file_that_is_no_tokenizer_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json is no tokenizer file of minigpt, or a torn one"):
        load_tokenizer(path)


def test_a_torn_file_is_never_taken_for_a_tokenizer(tmp_path, small):
    path = tmp_path / "tokenizer.json"
    small.save(path)
    whole = path.read_bytes()
    for n in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match="torn"):
            load_tokenizer(path)


def test_a_save_that_fails_leaves_the_old_file(tmp_path, small, monkeypatch):
    path = tmp_path / "tokenizer.json"
    CharTokenizer("ab").save(path)

    def full_disk(part, content):
        with open(part, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        small.save(path)
    assert load_tokenizer(path).n_vocab == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_tokenizer_of_another_kind_says_how_to_load_it(tmp_path):
    CharTokenizer("ab").save(tmp_path / "chars.json")
    with pytest.raises(ValueError, match=r"kind 'char'.*load_tokenizer"):
        BPETokenizer.load(tmp_path / "chars.json")
    with pytest.raises(FileNotFoundError):
        load_tokenizer(tmp_path / "nowhere.json")
