"""A small model, and the same model saved in a folder, for all tests of weights."""

import pytest
from small_models import small_gpt

from minigpt.weights import save_pretrained


@pytest.fixture
def model():
    return small_gpt()


@pytest.fixture
def folder(model, tmp_path):
    save_pretrained(model, tmp_path / "model")
    return tmp_path / "model"
