"""The bench behind the live lab: its answers are what the model computes, with heads scaled where asked."""

import copy
import math
import re

import numpy as np
import pytest
import torch
from small_models import randomised

from minigpt.config import GPTConfig
from minigpt.course.lab import Bench, lab
from minigpt.models.gpt import GPT
from minigpt.sampling import next_token_probs
from minigpt.text.tokenizers import BPETokenizer
from minigpt.views.lab import REQUEST

CONFIG = GPTConfig(n_vocab=257, n_ctx=16, n_embd=12, n_head=3, n_layer=2)


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return randomised(GPT(CONFIG))


@pytest.fixture
def bench(model) -> Bench:
    return Bench(model, BPETokenizer([]))


def ask(bench: Bench, prompt: str = "abcab", **changes):
    return bench.answer({**REQUEST, "changes": {}, "prompt": prompt, **changes})


def ids(text: str) -> torch.Tensor:
    return torch.tensor([BPETokenizer([]).encode(text)])


def scaled_by_hand(model: GPT, layer: int, head: int, factor: float) -> GPT:
    """A copy whose c_proj takes this head's D = 4 columns times the factor: the same as scaling what the head found."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.h[layer].attn.c_proj.weight[:, head * 4 : head * 4 + 4] *= factor
    return other


def test_the_next_tokens_are_the_models_own(bench, model):
    answer = ask(bench, temperature=0.7, top_k=20)
    probs = next_token_probs(model(ids("abcab"))[0, -1], 0.7, 20)
    shares = [now for _, _, now in answer["next"]["rows"]]
    assert shares == pytest.approx(probs.sort(descending=True).values[:12].tolist(), abs=1e-6)
    assert [before for _, before, _ in answer["next"]["rows"]] == shares  # nothing is switched
    assert (answer["next"]["kept"], answer["next"]["of"]) == (20, 257)


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_a_scaled_head_is_one_whose_columns_of_c_proj_are_scaled(bench, model, factor):
    answer = ask(bench, changes={(0, 2): factor})
    with torch.no_grad():
        expected = scaled_by_hand(model, 0, 2, factor)(ids("abcab"))[0]
        untouched = model(ids("abcab"))[0, -1].softmax(-1)
    np.testing.assert_allclose(answer["recording"].logits, expected, atol=1e-5)
    assert not torch.allclose(expected[-1].softmax(-1), untouched, atol=1e-3)
    for label, before, now in answer["next"]["rows"]:
        (token,) = BPETokenizer([]).encode(label) if label.isascii() and len(label) == 1 else (None,)
        if token is not None:
            assert before == pytest.approx(float(untouched[token]), abs=1e-5)
            assert now == pytest.approx(float(expected[-1].softmax(-1)[token]), abs=1e-5)


def test_the_model_is_untouched_afterwards(bench, model):
    before = model(ids("abc"))
    ask(bench, changes={(1, 0): 0.0})
    assert torch.equal(model(ids("abc")), before)


def test_a_factor_of_one_is_no_change_and_no_run(bench, model):
    runs = []
    model.drop.register_forward_hook(lambda *_: runs.append(1))
    ask(bench, changes={(1, 0): 1.0})
    assert len(runs) == 1


def test_a_slider_or_a_cursor_runs_the_model_no_more(bench, model):
    runs = []
    model.drop.register_forward_hook(lambda *_: runs.append(1))
    ask(bench)
    ask(bench, temperature=0.5, row=1, column=0, position=2, layer=1, head=2)
    assert len(runs) == 1


def test_a_model_that_is_trained_on_is_run_anew(bench, model):
    first = ask(bench)["recording"]
    with torch.no_grad():
        model.wpe.weight.mul_(0.5)
    assert not np.allclose(ask(bench)["recording"].logits, first.logits)


def test_the_lens_ends_in_what_the_model_says_and_begins_with_the_embedding(bench, model):
    rows = ask(bench, position=3)["lens"]["rows"]
    labels = BPETokenizer([]).labels
    with torch.no_grad():
        last = model(ids("abcab"))[0, 3].softmax(-1)
        x = model.wte(ids("abcab"))[0, 3] + model.wpe.weight[3]
        first = model.head(model.ln_f(x)).softmax(-1)
    assert [name for name, _, _ in rows] == ["the embedding", "block 0", "block 1"]
    for (_, label, share), probs in ((rows[0], first), (rows[-1], last)):
        assert label == labels([int(probs.argmax())])[0]
        assert share == pytest.approx(float(probs.max()), abs=1e-5)


def test_the_dot_products_of_a_row_give_its_weights(bench):
    weights = ask(bench)["recording"].attention["h.1.attn"][2]
    pairs = [ask(bench, layer=1, head=2, row=3, column=j)["pair"] for j in range(4)]
    scores = np.array([pair["query"] @ pair["key"] / math.sqrt(4) for pair in pairs])
    powers = np.exp(scores - scores.max())
    np.testing.assert_allclose(powers / powers.sum(), weights[3, :4], atol=1e-5)
    np.testing.assert_allclose(pairs[0]["weights"], weights[3])
    assert (pairs[2]["row"], pairs[2]["column"]) == (3, 2)


def test_the_values_of_a_head_weighted_are_what_c_proj_receives(bench, model):
    received = []
    model.h[0].attn.c_proj.register_forward_pre_hook(lambda _, args: received.append(args[0][0, -1, 4:8]))
    pairs = [ask(bench, layer=0, head=1, column=j)["pair"] for j in range(5)]
    np.testing.assert_allclose(sum(p["weights"][p["column"]] * p["value"] for p in pairs), received[0], atol=1e-5)


def test_without_a_column_the_strongest_of_the_row_is_taken(bench):
    pair = ask(bench, layer=1)["pair"]
    assert pair["row"] == 4
    assert pair["column"] == pair["weights"].argmax()


def test_what_a_shorter_text_does_not_have_is_brought_into_it(bench):
    answer = ask(bench, "ab", row=9, column=9, position=9, layer=7, head=7)
    assert [answer["pair"][name] for name in ("layer", "head", "row", "column")] == [1, 2, 1, 1]
    assert answer["lens"]["position"] == 1


def test_one_token_is_a_text(bench):
    answer = ask(bench, "a")
    assert answer["pair"]["weights"] == pytest.approx([1.0])


def test_a_second_prompt_is_untouched_by_switched_heads(bench, model):
    answer = ask(bench, other_prompt="abcab", changes={(0, 0): 0.0})
    np.testing.assert_allclose(answer["other"].logits, model(ids("abcab"))[0].detach(), atol=1e-5)
    assert not np.allclose(answer["recording"].logits, answer["other"].logits)


def test_a_head_at_its_mean_is_one_whose_outputs_are_averaged_over_the_text(bench, model):
    answer = ask(bench, changes={(1, 0): "mean"})

    def averaged(_, args):
        x = args[0].clone()
        x[..., :4] = x[..., :4].mean(dim=-2, keepdim=True)
        return (x,)

    with torch.no_grad(), model.h[1].attn.c_proj.register_forward_pre_hook(averaged):
        expected = model(ids("abcab"))[0]
    np.testing.assert_allclose(answer["recording"].logits, expected, atol=1e-5)
    assert not torch.allclose(expected, model(ids("abcab"))[0], atol=1e-3)


def test_a_patched_head_hands_on_what_it_hands_on_in_the_second_prompt(bench, model):
    answer = ask(bench, other_prompt="xbcab", changes={(0, 1): "patch"})
    found = []

    def patched(_, args):
        x = args[0].clone()
        x[..., 4:8] = found[0][..., 4:8]
        return (x,)

    with torch.no_grad():
        with model.h[0].attn.c_proj.register_forward_pre_hook(lambda _, args: found.append(args[0])):
            model(ids("xbcab"))
        with model.h[0].attn.c_proj.register_forward_pre_hook(patched):
            expected = model(ids("abcab"))[0]
    np.testing.assert_allclose(answer["recording"].logits, expected, atol=1e-5)
    assert not torch.allclose(expected, model(ids("abcab"))[0], atol=1e-3)
    assert (answer["idle"], answer["error"]) == ([], "")


def test_a_patch_from_the_same_text_changes_nothing(bench, model):
    answer = ask(bench, other_prompt="abcab", changes={(0, 1): "patch", (1, 2): "patch"})
    np.testing.assert_allclose(answer["recording"].logits, model(ids("abcab"))[0].detach(), atol=1e-5)


@pytest.mark.parametrize(
    ("other_prompt", "message"),
    [
        (None, "compare with one, and type it"),
        ("abc", r"second prompt, 3 tokens, takes the place of what it does in the first, 5 tokens, position by"),
        ("", "The second prompt: Nothing is typed yet"),
    ],
)
def test_a_head_that_cannot_be_patched_stays_as_it_is_and_the_reason_is_told(bench, other_prompt, message):
    answer = ask(bench, other_prompt=other_prompt, changes={(0, 1): "patch", (1, 0): 0.0})
    assert answer["idle"] == [(0, 1)]
    assert re.search(message, answer["error"])
    np.testing.assert_array_equal(answer["recording"].logits, ask(bench, changes={(1, 0): 0.0})["recording"].logits)


def test_a_head_is_patched_from_the_second_model_where_that_has_it(model):
    second = randomised(GPT(GPTConfig(n_vocab=257, n_ctx=16, n_embd=8, n_head=2, n_layer=1)))
    bench = Bench(model, BPETokenizer([]), second)
    changes = {(0, 1): "patch", (1, 1): "patch"}
    answer = ask(bench, other_prompt="xbcab", changes=changes)
    assert answer["idle"] == [(1, 1)]
    assert "second model lacks a head" in answer["error"]
    assert not np.allclose(answer["recording"].logits, ask(bench)["recording"].logits)
    narrow = randomised(GPT(GPTConfig(n_vocab=257, n_ctx=16, n_embd=6, n_head=2, n_layer=2)))
    answer = ask(Bench(model, BPETokenizer([]), narrow), other_prompt="xbcab", changes=changes)
    assert answer["idle"] == list(changes)
    assert "different numbers" in answer["error"]


def test_a_second_model_that_is_trained_on_patches_anew(model):
    second = randomised(GPT(CONFIG))
    bench = Bench(model, BPETokenizer([]), second)
    first = ask(bench, other_prompt="xbcab", changes={(0, 1): "patch"})["recording"]
    with torch.no_grad():
        second.wpe.weight.mul_(0.5)
    assert not np.allclose(
        ask(bench, other_prompt="xbcab", changes={(0, 1): "patch"})["recording"].logits, first.logits
    )


def test_an_unknown_change_is_told_with_those_that_there_are(bench):
    with pytest.raises(ValueError, match="'median': a factor, 'mean' or 'patch'"):
        ask(bench, changes={(0, 0): "median"})


def test_the_next_tokens_of_both_sides_stand_side_by_side(bench, model):
    answer = ask(bench, other_prompt="xyz", temperature=0.7, top_k=50)
    with torch.no_grad():
        first, second = (next_token_probs(model(ids(text))[0, -1], 0.7, 50) for text in ("abcab", "xyz"))
    rows = answer["both"]["rows"]
    assert len(rows) == 12
    for label, a, b in rows:
        if label.isascii() and len(label) == 1:
            (token,) = BPETokenizer([]).encode(label)
            assert (a, b) == (
                pytest.approx(float(first[token]), abs=1e-5),
                pytest.approx(float(second[token]), abs=1e-5),
            )
    assert rows[0][1] == pytest.approx(float(first.max()), abs=1e-5)
    assert max(b for _, _, b in rows) == pytest.approx(float(second.max()), abs=1e-5)
    assert ask(bench)["both"] is None


def test_a_second_prompt_that_does_not_fit_leaves_the_first(bench):
    answer = ask(bench, other_prompt="x" * 17)
    assert answer["other"] is None
    assert answer["error"].startswith("The second prompt: This text has 17 tokens")
    assert len(answer["recording"].tokens) == 5


def test_a_second_model_reads_the_second_prompt(model):
    second = randomised(GPT(GPTConfig(n_vocab=257, n_ctx=16, n_embd=8, n_head=2, n_layer=1)))
    answer = Bench(model, BPETokenizer([]), second).answer(
        {**REQUEST, "changes": {}, "prompt": "ab", "other_prompt": "xy"}
    )
    assert answer["other"].attention_stack().shape == (1, 2, 2, 2)
    np.testing.assert_allclose(answer["other"].logits, second(ids("xy"))[0].detach(), atol=1e-5)


def test_an_empty_text_and_one_too_long_are_told_with_what_fits(bench):
    with pytest.raises(ValueError, match="begin with a word"):
        ask(bench, "")
    with pytest.raises(ValueError, match=r"has 20 tokens, and 16 fit \(n_ctx=16\): take away 4"):
        ask(bench, "x" * 20)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>"[:16], "שלום עו", "👍👍", "\u202eab", "e\u0301"])
def test_no_text_is_too_strange_for_the_view(model, text):
    view = lab(model, BPETokenizer([]), text)
    assert view.error == ""
    assert len(view.tokens) == view.shape[2]


def test_typing_switching_and_comparing_reach_the_view(model):
    view = lab(model, BPETokenizer([]), "abc", other_prompt="abd")
    assert view.other_tokens == list("abd")
    before = view.next
    view.ask(changes=[[1, 0, 0.0]])
    assert view.next != before
    view.ask(prompt="x" * 17)
    assert "16 fit" in view.error
    assert view.tokens == list("abc")  # what was shown stays
    view.ask(prompt="")
    assert "begin with a word" in view.error


def test_the_head_to_begin_with_is_enlarged_and_its_dot_product_drawn(model):
    view = lab(model, BPETokenizer([]), "abc", layer=1, head=2)
    assert (view.request["layer"], view.request["head"]) == (1, 2)
    assert (view.pair["layer"], view.pair["head"]) == (1, 2)
    assert "Enlarged: layer 1, head 2" in view.describe()


@pytest.mark.parametrize("place", [dict(layer=2), dict(head=3), dict(layer=-1)])
@pytest.mark.parametrize("prompt", ["abc", ""])
def test_a_head_that_is_not_there_is_refused_with_those_that_are(model, place, prompt):
    with pytest.raises(ValueError, match=r"no layer .*: layers go from 0 to 1, heads from 0 to 2"):
        lab(model, BPETokenizer([]), prompt, **place)


def test_a_second_model_is_compared_on_the_first_prompt_unless_told_otherwise(model):
    view = lab(model, BPETokenizer([]), "abc", other=randomised(GPT(CONFIG)))
    assert view.two_models
    assert view.other_tokens == list("abc")


def test_the_model_of_the_course_is_there_without_asking():
    assert lab().shape[:2] == [6, 6]


def test_a_tokenizer_of_transformers_reads_and_labels_as_ours_does(bench, model):
    class Bytes:  # what the bench asks of one
        def __call__(self, text):
            return {"input_ids": BPETokenizer([]).encode(text)}

        def encode(self, text):
            return [*BPETokenizer([]).encode(text), 256]  # with more than the text

        def convert_ids_to_tokens(self, ids):
            return [self.decode([i]) for i in ids]

        def decode(self, ids, **_):
            return "".join(map(chr, ids))

    theirs = Bench(model, Bytes())
    assert theirs.encode(model, "abcab") == bench.encode(model, "abcab")
    ours = [share for _, _, share in ask(bench)["next"]["rows"]]
    assert [share for _, _, share in ask(theirs)["next"]["rows"]] == ours
    with pytest.raises(ValueError, match="Nothing is typed yet"):
        theirs.encode(model, "")


def test_a_model_needs_its_tokenizer_and_has_to_be_a_gpt(model):
    with pytest.raises(ValueError, match="together with its tokenizer"):
        lab(model)
    with pytest.raises(TypeError, match="not Linear"):
        lab(torch.nn.Linear(2, 2), BPETokenizer([]))  # type: ignore[arg-type]
