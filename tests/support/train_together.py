"""What tests/test_distributed.py starts, alone or under torchrun: a small run in the folder that it is given."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from minigpt.config import GPTConfig
from minigpt.models import chunked
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training import distributed
from minigpt.training.loop import TrainConfig, Trainer

CONFIG = GPTConfig(n_vocab=11, n_ctx=6, n_embd=8, n_head=2, n_layer=2)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    chunked.MOST_LOGITS = int(os.environ.get("MOST_LOGITS", chunked.MOST_LOGITS))
    ids = np.random.default_rng(0).integers(CONFIG.n_vocab, size=500).astype(np.uint16)
    batches, valid = (Batches(ids, CONFIG.n_ctx, 8, seed) for seed in (1, 2))
    way = os.environ.get("PARALLEL", "ddp")
    config = TrainConfig(8, n_warmup=2, eval_every=4, save_every=1, n_eval_batches=2, n_accumulate=2, parallel=way)
    trainer = Trainer(GPT(CONFIG), batches, config, valid, folder)
    for record in trainer.steps():
        if record["step"] == int(os.environ.get("KILL_AT", -1)) and distributed.rank() == 1:
            mark = Path(os.environ["KILLED"])
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if str(record["step"]) == os.environ.get("STOP"):
            break


if __name__ == "__main__":
    with distributed.joined():
        main(Path(sys.argv[1]))
