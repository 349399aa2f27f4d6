import numpy as np
import pytest
import torch

from minigpt.text.batches import Batches, encode_documents
from minigpt.text.tokenizers import BPETokenizer, CharTokenizer


def test_targets_are_the_inputs_shifted_by_one():
    x, y = Batches(np.arange(50, dtype=np.uint16), n_ctx=7, batch_size=3).batch(0)
    assert x.shape == y.shape == (3, 7)
    assert x.dtype == torch.int64
    assert torch.equal(y, x + 1)  # the text counts up, so the token after n is n + 1


def test_a_batch_depends_on_seed_and_step_alone():
    ids = np.arange(1000, dtype=np.int32)
    first, second = Batches(ids, 5, 4, seed=3), Batches(ids, 5, 4, seed=3)
    for _ in range(3):
        first.batch(0)  # drawing others in between changes nothing
    assert torch.equal(first.batch(9)[0], second.batch(9)[0])
    assert not torch.equal(first.batch(9)[0], first.batch(8)[0])
    assert not torch.equal(first.batch(9)[0], Batches(ids, 5, 4, seed=4).batch(9)[0])


def test_every_window_can_be_drawn_and_none_runs_over_the_end():
    batches = Batches(np.arange(6, dtype=np.uint16), n_ctx=3, batch_size=64)
    assert set(batches.batch(0)[0][:, 0].tolist()) == {0, 1, 2}
    assert batches.batch(0)[1].max() == 5


def test_documents_are_separated_by_the_end_of_text_token():
    tokenizer = BPETokenizer([], special_tokens=("<|endoftext|>",))
    ids = encode_documents(tokenizer, ["ab", "c"])
    assert ids.dtype == np.uint16
    assert ids.tolist() == [*tokenizer.encode("ab"), 256, *tokenizer.encode("c"), 256]


def test_a_tokenizer_without_end_of_text_joins_documents():
    assert encode_documents(CharTokenizer("abc"), ["ab", "c"]).tolist() == [0, 1, 2]
    assert len(encode_documents(CharTokenizer("abc"), [])) == 0


def test_epochs_count_how_often_the_text_is_drawn():
    assert Batches(np.zeros(100, dtype=np.uint16), 10, 4).epochs(5) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("ids", "n_ctx", "batch_size", "message"),
    [
        (np.zeros(5, dtype=np.uint16), 5, 1, "fewer than one window"),
        (np.zeros((2, 9), dtype=np.uint16), 4, 1, "in one row"),
        (np.zeros(9), 4, 1, "whole numbers"),
        (np.zeros(9, dtype=np.uint16), 4, 0, "at least 1"),
    ],
)
def test_what_cannot_be_cut_into_batches_is_refused(ids, n_ctx, batch_size, message):
    with pytest.raises(ValueError, match=message):
        Batches(ids, n_ctx, batch_size)
