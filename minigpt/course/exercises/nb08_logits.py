"""Exercise of notebook 08: the whole forward pass, from ids to logits.

Shapes: B batch, T time, C channels (n_embd), V vocabulary.
"""

import torch
import torch.nn.functional as F

from minigpt.config import GPTConfig
from minigpt.course.exercise import Exercise, Misconception
from minigpt.course.run import drawn_state
from minigpt.models.gpt import GPT


def logits(model, ids):
    return model(ids)


def through(model, x, blocks=None, norm=True, each=False):
    """Logits of what the tables gave, by way of some of the blocks."""
    for block in model.h if blocks is None else blocks:
        x = block(x)
        x = model.ln_f(x) if each else x
    return F.linear(model.ln_f(x) if norm else x, model.wte.weight)


def embedded(model, ids):
    return model.wte(ids) + model.wpe.weight[: ids.size(1)]


def logits_inputs():
    config = GPTConfig(n_vocab=7, n_ctx=4, n_embd=4, n_head=1, n_layer=2)
    model = GPT(config).eval().requires_grad_(False)
    model.load_state_dict(drawn_state(GPT, (config,)))
    yield model, torch.tensor([[3, 1]])
    yield model, torch.tensor([[6, 0, 2], [5, 5, 5]])


LOGITS = Exercise(
    id="08.logits",
    title="From ids to logits",
    difficulty=2,
    minutes=10,
    contract="my_logits(model, ids) takes a GPT and ids (B, T), and returns the logits (B, T, V) without calling the "
    "model as a whole, from its parts wte, wpe, h and ln_f: tokens and positions are looked up and added, run through "
    "the blocks and the last LayerNorm, and compared with every row of the token table.",
    returns="(B, T, V)",
    reference=logits,
    inputs=logits_inputs,
    misconceptions=(
        Misconception(
            "no positions",
            lambda model, ids: through(model, model.wte(ids)),
            "The table of positions plays no part yet: where does a token learn at which place it stands?",
        ),
        Misconception(
            "one position for all",
            lambda model, ids: through(model, model.wte(ids) + model.wpe.weight[0]),
            "Every token got the vector of position 0: each place has a row of its own.",
        ),
        Misconception(
            "positions from 1",
            lambda model, ids: through(model, model.wte(ids) + model.wpe.weight[1 : ids.size(1) + 1]),
            "The positions were counted from 1: the first row of the table belongs to the first token.",
        ),
        Misconception(
            "positions by id",
            lambda model, ids: through(model, model.wte(ids) + model.wpe.weight[ids % len(model.wpe.weight)]),
            "The table of positions was asked for token ids: it wants places, 0 to T - 1.",
        ),
        Misconception(
            "multiplied",
            lambda model, ids: through(model, model.wte(ids) * model.wpe.weight[: ids.size(1)]),
            "Token and position were multiplied: GPT-2 adds them.",
        ),
        Misconception(
            "no last LayerNorm",
            lambda model, ids: through(model, embedded(model, ids), norm=False),
            "The stream was read out as it is: one LayerNorm stands between the last block and the scores.",
        ),
        Misconception(
            "LayerNorm after every block",
            lambda model, ids: through(model, embedded(model, ids), norm=False, each=True),
            "ln_f came after every block: it stands once, behind the last.",
        ),
        Misconception(
            "no blocks",
            lambda model, ids: through(model, embedded(model, ids), blocks=[]),
            "The blocks play no part yet: `model.h` holds them.",
        ),
        Misconception(
            "one block",
            lambda model, ids: through(model, embedded(model, ids), blocks=model.h[:1]),
            "Only the first block was run: there are as many as `model.h` holds.",
        ),
        Misconception(
            "each block on the embeddings",
            lambda model, ids: through(model, embedded(model, ids), blocks=model.h[-1:]),
            "The last block read the embeddings: each is to read what the one before it has left.",
        ),
        Misconception(
            "blocks backwards",
            lambda model, ids: through(model, embedded(model, ids), blocks=reversed(model.h)),
            "The blocks ran from the last to the first.",
        ),
        Misconception(
            "probabilities",
            lambda model, ids: model(ids).softmax(-1),
            "These are probabilities: the contract asks for what goes into the softmax.",
        ),
    ),
)

EXERCISES = (LOGITS,)
