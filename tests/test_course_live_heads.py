"""Heads that follow a typed text: of every kind of model that reads one, with all quantities, and with bad input."""

import re

import numpy as np
import pytest
import torch
import transformers
from small_models import randomised
from torch import nn

from minigpt import course, views
from minigpt.config import EncoderConfig, GPTConfig, TranslatorConfig
from minigpt.course.live_heads import LiveHeads
from minigpt.course.real_model import with_class
from minigpt.inspection.adapters import from_transformers
from minigpt.inspection.heads import head_scores
from minigpt.inspection.record import record
from minigpt.inspection.rollout import attention_rollout
from minigpt.inspection.scores import attention_scores
from minigpt.models.encoder import Encoder, MaskedLM
from minigpt.models.gpt import GPT
from minigpt.models.translator import Translator
from minigpt.text.tokenizers import BPETokenizer
from minigpt.text.wordpiece import WordPiece

BYTES = BPETokenizer([])
ALL = ["weights", "scores", "by value", "rollout"]
WORDS = ["<pad>", "<cls>", "<sep>", "<mask>", "the", "dog", "cat", "sleeps", "."]
PIECES = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "the", "dog", "cat", "##s", "."]


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)


@pytest.fixture
def gpt():
    torch.manual_seed(0)
    return randomised(GPT(GPTConfig(n_vocab=257, n_ctx=16, n_embd=12, n_head=3, n_layer=2)))


def encoder(cls):
    torch.manual_seed(0)
    return randomised(cls(EncoderConfig(10, 8, 12, 3, 2, cls_id=1, sep_id=2, mask_id=3)))


def parts(box):
    """The field, the message as text, and the view."""
    field, output, view = box.children
    assert output.value.startswith('<p role="status">')
    return field, re.sub("<[^>]+>", "", output.value), view


def typed(box, text):
    box.children[0].value = text
    return parts(box)[1:]


def same(view, recording, scores=None):
    """The view shows what was recorded, every quantity of it, exactly."""
    assert view.tokens == list(recording.tokens)
    shown = dict(zip(ALL, (recording.attention_stack(), None, None, attention_rollout(recording)), strict=True))
    if scores is not None:
        shown["scores"] = np.stack(list(scores.raw.values()))
        if scores.values:
            shown["by value"] = shown["weights"] * np.stack(list(scores.values.values()))[:, :, None]
    for quantity in view.quantities:
        for layer, head in np.ndindex(*view.shape[:2]):
            expected = shown[quantity][layer] if quantity == "rollout" else shown[quantity][layer, head]
            np.testing.assert_allclose(view._numbers(quantity, layer, head), expected, atol=1e-5)


class Loop(nn.Module):
    """A learner's attention: head by head, its softmax written out as a call, its mask its own."""

    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)

    def forward(self, x):
        q, k, v = (part.chunk(self.n_head, dim=-1) for part in self.c_attn(x).chunk(3, dim=-1))
        T = x.size(1)
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        found = []
        for h in range(self.n_head):
            scores = q[h] @ k[h].transpose(1, 2) / q[h].size(-1) ** 0.5
            found.append(scores.masked_fill(future, -torch.inf).softmax(-1) @ v[h])
        return self.c_proj(torch.cat(found, dim=-1))


class Own(nn.Module):
    """A learner's own model, which says neither how long a text may be nor how many tokens there are."""

    def __init__(self):
        super().__init__()
        self.table, self.places, self.attention = nn.Embedding(257, 12), nn.Embedding(9, 12), Loop(12, 2, 0)

    def forward(self, ids):
        return self.attention(self.table(ids) + self.places.weight[torch.arange(ids.size(1))])


def test_each_key_brings_the_recording_of_the_text_with_every_quantity_and_its_scores(gpt):
    box = course.live_heads(gpt, BYTES, "abc", layer=1, head=2)
    for text in ("abc", "abca", "abcabc", "b"):
        said, view = typed(box, text)
        ids = BYTES.encode(text)
        recording = record(gpt, ids, BYTES.labels(ids))
        assert view.quantities == ALL
        same(view, recording, attention_scores(gpt, ids))
        assert said == ("1 token." if text == "b" else f"{len(text)} tokens.")
        assert (view.layer, view.head) == (1, 2)
        finite = {name: a for name, a in head_scores(recording).items() if np.isfinite(a).all()}
        assert view.scores == {name: a.ravel().tolist() for name, a in finite.items()}
    assert "induction" not in view.scores


def test_what_is_chosen_stays_while_one_types(gpt):
    view = parts(box := course.live_heads(gpt, BYTES, "abcabc", sort="induction"))[2]
    view.quantity, view.lines, view.overlay, view.row, view.layer = "scores", True, [(0, 1)], 2, 1
    said, _ = typed(box, "abcd")
    assert "Nothing in this text to sort by “induction”" in said
    said, _ = typed(box, "abcdab")
    assert said == "6 tokens."
    assert (view.score, view.quantity, view.lines, view.overlay) == ("induction", "scores", True, [(0, 1)])
    assert (view.row, view.layer) == (2, 1)


def test_without_a_model_it_is_the_one_of_the_course():
    _, said, view = parts(course.live_heads())
    assert view.shape[:2] == [6, 6]
    assert view.causal
    assert said == f"{len(view.tokens)} tokens."
    assert "".join(view.tokens).startswith("Once upon a time")


def test_scores_can_be_left_out(gpt):
    view = parts(box := course.live_heads(gpt, BYTES, "abcabc", scores=False))[2]
    typed(box, "abab")
    assert view.scores == {}


def test_a_learners_attention_in_a_gpt_shows_the_same_heads_as_the_gpt(gpt):
    patched = with_class(gpt, Loop, "attn")
    said, view = typed(course.live_heads(patched, BYTES, "abc"), "abcab")
    ids = BYTES.encode("abcab")
    assert view.quantities == ["weights", "scores", "rollout"]  # its values are not seen from outside
    same(view, record(gpt, ids, BYTES.labels(ids)), attention_scores(gpt, ids))
    assert said == "5 tokens."


def test_a_learners_own_model_is_shown_and_its_errors_are_said():
    torch.manual_seed(0)
    model = Own()
    box = course.live_heads(model, BYTES, "abc")
    said, view = typed(box, "abcab")
    ids = BYTES.encode("abcab")
    same(view, record(model, ids, "abcab"), attention_scores(model, ids))
    assert view.shape == [1, 2, 5, 5]
    said, view = typed(box, "abcabcabcab")
    assert "IndexError" in said
    assert "too long for the model" in said
    assert view.tokens == list("abcab")


def test_rows_that_do_not_sum_to_1_are_shown_without_a_rollout():
    class Unmasked(Own):
        def forward(self, ids):
            x = self.table(ids)
            return (x @ x.transpose(1, 2) / 12).softmax(dim=-2) @ x  # over the wrong dimension

    with pytest.warns(UserWarning, match="do not sum to 1"):
        box = course.live_heads(Unmasked(), BYTES, "abc")
    said, view = typed(box, "abcd")
    assert said == "4 tokens."
    assert "do not sum to 1" in view.warning
    assert view.quantities == ["weights", "scores"]


@pytest.mark.parametrize("cls", [Encoder, MaskedLM])
def test_an_encoder_reads_words_of_a_list_between_its_own_two_tokens(cls):
    model = encoder(cls)
    said, view = typed(course.live_heads(model, WORDS, "The dog sleeps."), "The ___ sleeps.")
    assert view.tokens == ["<cls>", "the", "<mask>", "sleeps", ".", "<sep>"]
    assert not view.causal
    assert view.quantities == ALL
    same(view, record(model, [1, 4, 3, 7, 8, 2], view.tokens), attention_scores(model, [1, 4, 3, 7, 8, 2]))
    assert said == "6 tokens."


def test_an_encoder_reads_word_pieces():
    _, view = typed(course.live_heads(encoder(Encoder), WordPiece(PIECES), "the dog"), "Dogs.")
    assert view.tokens == ["[CLS]", "dog", "##s", ".", "[SEP]"]


def test_a_function_may_read_the_texts(gpt):
    def letters(text):
        return [ord(letter) for letter in text], [letter.upper() for letter in text]

    _, view = typed(course.live_heads(gpt, letters, "abc"), "cba")
    assert view.tokens == ["C", "B", "A"]
    same(view, record(gpt, [99, 98, 97], "CBA"), attention_scores(gpt, [99, 98, 97]))


def test_a_tokenizer_without_labels_is_asked_for_each_text(gpt):
    class Bare:
        def encode(self, text):
            return [ord(letter) for letter in text]

        def decode(self, ids):
            return "".join(map(chr, ids))

    _, view = typed(course.live_heads(gpt, Bare(), "abc"), "cb")
    assert view.tokens == ["c", "b"]


@pytest.fixture
def tokenizer():
    """Of transformers, with words of its own."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(PIECES)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "BertModel"])
def test_a_model_of_transformers_is_shown(name, implementation, tokenizer):
    sizes = {
        "GPT2LMHeadModel": dict(n_embd=12, n_head=3, n_layer=2, n_positions=8),
        "BertModel": dict(
            hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=16, max_position_embeddings=8
        ),
    }
    torch.manual_seed(0)
    cls = getattr(transformers, name)
    config = cls.config_class(vocab_size=10, **sizes[name])
    model = randomised(cls._from_config(config, attn_implementation=implementation))
    box = course.live_heads(model, tokenizer, "the dog")
    said, view = typed(box, "the cat and the dog")
    assert [label.strip() for label in view.tokens] == ["the", "cat", "[UNK]", "the", "dog"]
    assert view.causal == name.startswith("GPT2")
    assert view.quantities == (ALL if implementation == "sdpa" else ["weights", "scores", "rollout"])
    same(view, from_transformers(model, tokenizer, "the cat and the dog"), attention_scores(model, [5, 7, 4, 5, 6]))
    view.quantity = "scores"
    said, view = typed(box, "the dog . " * 3)
    assert said.startswith("This text has 9 tokens, and 8 fit: take away 1.")
    assert len(view.tokens) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Nothing is typed yet"),
        ("   ", "Nothing is typed yet"),
        ("x" * 17, "This text has 17 tokens, and 16 fit: take away 1."),
    ],
)
def test_a_text_that_does_not_fit_is_said_and_the_picture_stays(gpt, text, message):
    box = course.live_heads(gpt, BYTES, "abcab")
    shown = parts(box)[2].get_state()
    said, view = typed(box, text)
    assert said.startswith(message)
    assert said.endswith("The heads are still those of the text before.")
    assert view.get_state() == shown
    assert box.children[0].value == text  # what is typed stays too
    assert typed(box, "abca")[0] == "4 tokens."


def test_an_unknown_word_is_said_with_words_near_it():
    box = course.live_heads(encoder(MaskedLM), WORDS, "The dog sleeps.")
    said, view = typed(box, "The cats sleeps.")
    assert said.startswith("“cats” is not among the 9 words of the model: near it are cat")
    assert view.tokens[2] == "dog"


def test_an_error_of_the_model_is_said_as_text(gpt, monkeypatch):
    def fail(x):
        raise RuntimeError("<b>broken</b>")

    box = course.live_heads(gpt, BYTES, "abc")
    with monkeypatch.context() as broken:
        broken.setattr(gpt.h[1].mlp, "forward", fail)
        box.children[0].value = "abcd"
    assert "RuntimeError: &lt;b&gt;broken&lt;/b&gt;." in box.children[1].value
    assert typed(box, "abcde")[1].tokens == list("abcde")


def test_a_model_that_reads_two_texts_is_refused():
    class Both(nn.Module):
        def forward(self, source, target):
            return source

    t5 = transformers.T5Config(vocab_size=9, d_model=12, d_kv=4, d_ff=16, num_layers=1, num_heads=3)
    refused = [
        Translator(TranslatorConfig(9, n_ctx=9, n_embd=8, n_head=2, n_layer=1)),
        transformers.T5ForConditionalGeneration(t5),
        Both(),
    ]
    for model in refused:
        with pytest.raises(TypeError, match=r"views\.translation.*from_transformers.*course\.try_translator"):
            course.live_heads(model, BYTES, "abc")
    with pytest.raises(TypeError, match=r"runs a torch\.nn\.Module, not int"):
        course.live_heads(3, BYTES, "abc")


def test_a_model_that_takes_long_says_so_before_the_next_text(gpt):
    view, said = views.heads(record(gpt, [1, 2])), []
    output = LiveHeads(gpt, lambda text: (BYTES.encode(text), list(text)), "ab", view, scores=True)
    output.output.observe(lambda change: said.append(change["new"]), names="value")
    output.text.value = "abc"
    output.seconds = 12.3
    output.text.value = "abcd"
    words = [re.sub("<[^>]+>", "", one) for one in said]
    assert words == ["3 tokens.", "Reading; the text before took 12 s.", "4 tokens."]
    assert output.seconds != 12.3


def test_what_cannot_be_shown_at_first_is_an_error(gpt):
    for options, error, message in [
        (dict(text=""), ValueError, "Nothing is typed yet"),
        (dict(layer=2), ValueError, "no layer 2, head 0"),
        (dict(sort="beauty"), Exception, "no score 'beauty'"),
        (dict(tokenizer=7), TypeError, "int is no tokenizer"),
        (dict(tokenizer=lambda text: [1, 2]), TypeError, "gave list"),
        (dict(tokenizer=None), ValueError, "together with its tokenizer"),
    ]:
        with pytest.raises(error, match=message):
            course.live_heads(**{"model": gpt, "tokenizer": BYTES, "text": "abc", **options})


def test_lines_of_a_text_have_a_field_that_keeps_them(gpt):
    field, _, view = parts(course.live_heads(gpt, BYTES, "ab\nc"))
    assert (type(field).__name__, len(view.tokens)) == ("Textarea", 4)
    assert type(parts(course.live_heads(gpt, BYTES, "abc"))[0]).__name__ == "Text"


def test_in_a_page_that_is_only_read_there_is_one_picture(gpt, monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.live_heads(gpt, BYTES, "abcab", layer=1, sort="induction")
    assert view.tokens == list("abcab")
    face = view._repr_mimebundle_()["text/html"]
    assert "<img" in face
    assert "layer 1, head 0" in face


def test_the_lab_names_what_shows_other_models(gpt):
    with pytest.raises(TypeError, match=r"course\.live_heads"):
        course.lab(encoder(Encoder), BYTES, "abc")
