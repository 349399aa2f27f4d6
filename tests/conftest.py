"""For all tests: no network, one thread, and the same random numbers each time."""

import offline  # noqa: F401
import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)
