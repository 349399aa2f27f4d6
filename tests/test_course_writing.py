"""The tree of next tokens over a model: the numbers are those of sampling, and what does not fit is said in words."""

import pytest
import torch
from small_models import CONFIG, small_gpt

from minigpt import course
from minigpt.course.writing import Branches
from minigpt.sampling import generate, next_token_probs
from minigpt.text.tokenizers import CharTokenizer

LETTERS = "abcdefghijklmnopqrstuvw"


@pytest.fixture
def model():
    torch.manual_seed(4)
    return small_gpt()


@pytest.fixture
def tokenizer():
    found = CharTokenizer.train(LETTERS)
    assert found.n_vocab == CONFIG.n_vocab
    return found


def test_the_branches_are_the_likeliest_tokens_with_both_probabilities(model, tokenizer):
    found = Branches(model, tokenizer, "cab", 4).after([7], 0.5, 3, None)
    logits = model(torch.tensor([[*tokenizer.encode("cab"), 7]]))[0, -1].detach()
    before, now = next_token_probs(logits), next_token_probs(logits, 0.5, 3)
    best = before.argsort(descending=True)[:4].tolist()
    assert [token for token, *_ in found["rows"]] == best
    assert [label for _, label, *_ in found["rows"]] == tokenizer.labels(best)
    torch.testing.assert_close(torch.tensor([row[2:] for row in found["rows"]]), torch.stack([before, now])[:, best].T)
    assert (found["kept"], found["of"]) == (3, 23)
    assert found["held"] == pytest.approx(before[best[:3]].sum().item(), abs=1e-6)


def test_the_first_branch_each_time_is_what_greedy_writes(model, tokenizer, monkeypatch):
    monkeypatch.setenv("MINIGPT_STATIC", "1")
    view = course.write_tree(model, tokenizer, "abc", k=2)
    for _ in range(6):
        view.path = [*view.path, view.answers[",".join(map(str, view.path))]["rows"][0][0]]
    assert view.path == list(generate(model, tokenizer.encode("abc"), max_new_tokens=6, temperature=0))


def test_a_full_context_ends_the_tree_with_a_word(model, tokenizer):
    branches = Branches(model, tokenizer, "a" * 12, 2)
    assert branches.after([1], 1.0, None, None)["rows"]  # 13 tokens fit
    assert branches.after([1, 2], 1.0, None, None)["note"] == "The context is full: the model reads n_ctx=13 tokens."


def test_the_end_of_a_text_ends_the_tree(model, tokenizer):
    tokenizer.__class__ = type("Ending", (CharTokenizer,), {"end_of_text": 5})
    found = Branches(model, tokenizer, "ab", 2).after([3, 5], 1.0, None, None)
    assert found["rows"] == []
    assert "has ended" in found["note"]


def test_what_cannot_be_shown_is_refused_and_leaves_the_tree_as_it_was(model, tokenizer, monkeypatch):
    for prompt, said in (("", "Nothing is typed yet"), ("a" * 14, "This text has 14 tokens, and 13 fit")):
        with pytest.raises(ValueError, match=said):
            course.write_tree(model, tokenizer, prompt)
    for k in (0, 11, 2.0, True):
        with pytest.raises(ValueError, match="a whole number of branches, 1 to 10"):
            course.write_tree(model, tokenizer, "a", k=k)
    with pytest.raises(TypeError, match=r"no GPT of minigpt: write_tree\(model, tokenizer, prompt\)"):
        course.write_tree(tokenizer, model, "a")
    monkeypatch.delenv("MINIGPT_STATIC", raising=False)
    box, output, view = course.write_tree(model, tokenizer, "abc").children
    for text, said in (("", "Nothing is typed yet"), ("b" * 20, "take away 7")):
        box.value = text
        assert said in output.value
        assert view.prompt == "abc"
    box.value = "ba"
    assert (view.prompt, view.path, output.value) == ("ba", [], "")


def test_damaged_weights_are_told(model, tokenizer):
    with torch.no_grad():
        model.wte.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        course.write_tree(model, tokenizer, "abc")
