"""Attention rollout on models in which the way of each word is known."""

import numpy as np
import pytest

from minigpt.inspection.record import Recording, record
from minigpt.inspection.rollout import attention_rollout
from tests import handmade


def recording(*layers):
    """A recording of layers of heads of rows."""
    attention = {f"h.{i}.attn": np.array(heads, dtype=np.float32) for i, heads in enumerate(layers)}
    labels = tuple(map(str, range(len(layers[0][0]))))
    return Recording(labels, None, attention, {}, None, "by hand")


BACK = [[1, 0, 0], [1, 0, 0], [0, 1, 0]]  # to the token before
HERE = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_two_layers_that_look_back_worked_by_hand():
    rollout = attention_rollout(recording([BACK], [BACK]))
    np.testing.assert_allclose(rollout[0], [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]])
    np.testing.assert_allclose(rollout[1], [[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.5, 0.25]])


def test_heads_are_averaged():
    np.testing.assert_allclose(
        attention_rollout(recording([BACK, HERE]))[0], [[1, 0, 0], [0.25, 0.75, 0], [0, 0.25, 0.75]]
    )


def test_the_residual_connection_alone_moves_nothing_and_without_it_attention_moves_all():
    layers = recording([BACK], [BACK])
    assert (attention_rollout(layers, residual=1) == np.eye(3)).all()
    np.testing.assert_array_equal(attention_rollout(layers, residual=0)[1], [[1, 0, 0], [1, 0, 0], [1, 0, 0]])


def test_rows_sum_to_1_and_no_word_comes_from_the_future():
    rollout = attention_rollout(record(handmade.random_gpt(), [3, 22, 0, 7, 7, 1]))
    assert rollout.shape == (2, 6, 6)
    np.testing.assert_allclose(rollout.sum(-1), 1, rtol=1e-6)
    assert (np.triu(rollout, 1) == 0).all()


def test_in_the_previous_token_model_the_first_layer_takes_a_quarter_from_the_word_before():
    ids = handmade.repeated(6)
    first = attention_rollout(record(handmade.previous_token_gpt(), ids))[0]
    # Of two heads one looks back, with a half of a half; the other, idle, looks at all i + 1 positions alike.
    for i in range(2, len(ids)):
        assert first[i, i - 1] == pytest.approx(0.25 + 0.25 / (i + 1))
        assert first[i, i] == pytest.approx(0.5 + 0.25 / (i + 1))


def test_the_order_of_the_layers_matters_and_the_lower_comes_first():
    to_first = [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    rollout = attention_rollout(recording([BACK], [to_first]), residual=0)
    np.testing.assert_array_equal(rollout[1], to_first)
    rollout = attention_rollout(recording([[[1, 0, 0], [0, 1, 0], [0, 1, 0]]], [BACK]), residual=0)
    np.testing.assert_array_equal(rollout[1], BACK)  # the last looks at 1, which holds word 1


@pytest.mark.parametrize("residual", [-0.1, 1.5])
def test_a_residual_that_is_no_share_is_refused(residual):
    with pytest.raises(ValueError, match=f"residual={residual} is a share"):
        attention_rollout(recording([BACK]), residual)


def test_weights_that_are_no_shares_are_refused():
    with pytest.raises(ValueError, match="do not sum to 1"):
        attention_rollout(recording([[[1, 0], [3, 4]]]))
