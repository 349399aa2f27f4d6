"""A GPT whose sizes all differ, with weights so large that a mistake shows, for comparing models with each other."""

import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT

CONFIG = GPTConfig(n_vocab=23, n_ctx=13, n_embd=12, n_head=3, n_layer=2)
IDS = torch.tensor([[3, 22, 0, 7, 7], [1, 2, 3, 4, 5]])


def randomised(module, std=0.3):
    """The module in evaluation mode, all its parameters drawn anew, those of LayerNorms and biases too."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=std)
    return module.eval()


def small_gpt():
    return randomised(GPT(CONFIG))


def transformers_model(**changes):
    """The same shape from transformers, with weights of its own."""
    sizes = {"vocab_size": 23, "n_positions": 13, "n_embd": 12, "n_head": 3, "n_layer": 2}
    fixed = {"bos_token_id": None, "eos_token_id": None, "attn_implementation": "eager"}
    return randomised(GPT2LMHeadModel(GPT2Config(**{**sizes, **fixed, **changes})))


def close(ours, theirs, tolerance=1e-6):
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def same_weights(one, other):
    """Both models have the same config and, to the bit and in the same number format, the same parameters."""
    assert one.config == other.config
    for (name, p), (_, q) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert p.dtype == q.dtype
        assert torch.equal(p, q), name


def rounded(model, dtype):
    """The model with its weights rounded to another number format."""
    return model.to(dtype).float()
