"""Next-token bars: the browser computes what minigpt.sampling computes."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from minigpt import views
from minigpt.sampling import next_token_probs
from minigpt.views import static

LOGITS = np.random.default_rng(0).normal(size=200) * 3
LABELS = [f"t{k}" for k in range(200)]
ASK = """import {{ distribution, logitsOf }} from "{module}";
const bytes = Uint8Array.from({data});
const logits = logitsOf(new DataView(bytes.buffer), {low}, {high});
console.log(JSON.stringify(Array.from(distribution(logits, {temperature}, {top_k}, {top_p}).shares)));"""


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(1, 0, 1), (0.7, 40, 1), (1.5, 0, 0.9), (0.8, 20, 0.5)])
def test_the_browser_gives_the_probabilities_of_the_sampler(temperature: float, top_k: int, top_p: float) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    view = views.next_tokens(LOGITS, LABELS)
    module = (static.FOLDER / "next_tokens.js").as_uri()
    numbers = dict(low=view.low, high=view.high, temperature=temperature, top_k=top_k, top_p=top_p)
    script = ASK.format(module=module, data=list(view.data), **numbers)
    run = subprocess.run([node, "--input-type=module"], input=script, text=True, capture_output=True, check=True)
    expected = next_token_probs(LOGITS, temperature, top_k or None, top_p).sort(descending=True).values.numpy()
    np.testing.assert_allclose(json.loads(run.stdout), expected, atol=2e-4)


def test_labels_are_those_of_the_largest_logits_in_order() -> None:
    view = views.next_tokens([0.0, 3.0, 1.0], ["a", "b", "c"])
    assert view.labels == ["b", "c", "a"]


def test_a_large_vocabulary_is_asked_for_the_labels_shown_only() -> None:
    asked = []

    def labels(ids: list[int]) -> list[str]:
        asked.extend(ids)
        return [str(token) for token in ids]

    view = views.next_tokens(np.arange(1000.0), labels, show=3)
    assert asked == [999, 998, 997]
    assert view.labels == ["999", "998", "997"]


def test_the_description_tells_probabilities() -> None:
    text = views.next_tokens(np.log([0.2, 0.5, 0.3]), ["a", "<b>", "c"], text="Once\n").describe()
    assert text == "Likeliest next tokens after “Once⏎”, of 3: “<b>” 50.0%, “c” 30.0%, “a” 20.0%."


def test_equal_logits_are_no_division_by_zero() -> None:
    assert "50.0%" in views.next_tokens([1.0, 1.0], ["a", "b"]).describe()


def test_gpt2_s_vocabulary_stays_small_in_a_saved_notebook() -> None:
    logits = np.random.default_rng(0).normal(size=50257) * 3
    assert len(views.next_tokens(logits, lambda ids: list(map(str, ids))).static_html()) < 120_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(logits=[np.nan, 1.0]), "not finite"),
        (dict(labels=["a"]), "1 labels do not fit 2 logits"),
        (dict(temperature=-1), "temperature=-1"),
        (dict(top_p=1.5), "top_p=1.5"),
        (dict(top_k=0), "top_k=0"),
        (dict(show=0), "show=0"),
        (dict(logits=np.zeros((2, 2))), r"1 dimension\(s\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict, message: str) -> None:
    arguments = dict(logits=[0.0, 1.0], labels=["a", "b"]) | change
    with pytest.raises(ValueError, match=message):
        views.next_tokens(**arguments)
