"""A run of a few steps, for tests of training: the same each time but for what is changed."""

import dataclasses

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training.loop import TrainConfig, Trainer

CONFIG = GPTConfig(n_vocab=11, n_ctx=6, n_embd=8, n_head=2, n_layer=2, dropout=0.1)
TRAIN = TrainConfig(n_steps=6, n_warmup=2, eval_every=3, save_every=2, n_eval_batches=2)


def trainer(folder=None, model_config=CONFIG, **changes) -> Trainer:
    torch.manual_seed(0)
    ids = np.random.default_rng(0).integers(model_config.n_vocab, size=500).astype(np.uint16)
    batches, valid = (Batches(ids, model_config.n_ctx, 4, seed) for seed in (1, 2))
    return Trainer(GPT(model_config), batches, dataclasses.replace(TRAIN, **changes), valid, folder)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def losses(records: list[dict]) -> list[float]:
    return [record["loss"] for record in records]
