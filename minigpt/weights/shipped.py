"""The models that come with the course, in assets/checkpoints/NAME.

The folder is in transformers' format, and not in one of our own, so that one loader serves all, and readers can take
the model to other tools: `GPT2LMHeadModel.from_pretrained("assets/checkpoints/story")`. Beside it lie our tokenizer and
a card. (tokenizer.json is ours: transformers' tokenizers have another format of that name.)
"""

import hashlib
import os
from pathlib import Path

import torch

from minigpt.assets import ASSETS, asset
from minigpt.models.gpt import GPT
from minigpt.text.tokenizers import Tokenizer, load_tokenizer
from minigpt.weights.files import CONFIG
from minigpt.weights.load import load_pretrained
from minigpt.weights.save import all_or_nothing, write_model

TOKENIZER, CARD = "tokenizer.json", "README.md"


def load_shipped(name: str = "story") -> tuple[GPT, Tokenizer]:
    """A model that comes with the course, and its tokenizer: `model, tokenizer = load_shipped()`."""
    names = sorted(file.parent.name for file in ASSETS.glob(f"checkpoints/*/{CONFIG}"))
    if names and name not in names:
        raise ValueError(f"no model {name!r} comes with the course, only {', '.join(names)}; see load_pretrained too")
    folder = asset(f"checkpoints/{name}")
    model, tokenizer = load_pretrained(folder), load_tokenizer(folder / TOKENIZER)
    check_fit(model, tokenizer)
    return model, tokenizer


def save_shipped(
    model: GPT,
    tokenizer: Tokenizer,
    folder: str | os.PathLike[str],
    dtype: torch.dtype = torch.float16,
    card: str = "",
) -> None:
    """Write a folder for `load_shipped`: model, tokenizer and README.md, which is `card` and then a table of the files.

    Errors as in `save_pretrained`; ValueError if the tokenizer has not as many tokens as the model.
    """
    check_fit(model, tokenizer)
    folder = Path(folder)
    with all_or_nothing(folder) as beside:
        write_model(model, beside, dtype, tokenizer.end_of_text)
        tokenizer.save(beside / TOKENIZER)
        text = f"{card.strip() or f'# {folder.name}'}\n\n{facts(model, beside, folder.name)}"
        (beside / CARD).write_text(text, encoding="utf-8", newline="\n")


def check_fit(model: GPT, tokenizer: Tokenizer) -> None:
    if tokenizer.n_vocab != model.config.n_vocab:
        raise ValueError(
            f"the tokenizer has {tokenizer.n_vocab:,} tokens and the model n_vocab={model.config.n_vocab:,}: they "
            "belong together, take the tokenizer that the model was trained with"
        )


def facts(model: GPT, folder: Path, name: str) -> str:
    """The part of the card that a program can write: size, files, checksums, how to load it."""
    config = model.config
    rows = [
        f"| {file.name} | {file.stat().st_size:,} | {hashlib.sha256(file.read_bytes()).hexdigest()} |"
        for file in sorted(folder.iterdir())
    ]
    table = "\n".join(["| file | bytes | sha256 |", "|---|---:|---|", *rows])
    return f"""\
## Files
A GPT-2 of {model.n_params():,} parameters: {config.n_layer} blocks, {config.n_head} heads, width {config.n_embd}, \
context {config.n_ctx}, vocabulary {config.n_vocab:,}.

{table}

Load it with `minigpt.weights.load_shipped("{name}")`, or in transformers with
`GPT2LMHeadModel.from_pretrained("assets/checkpoints/{name}")`; `{TOKENIZER}` is read by
`minigpt.text.tokenizers.load_tokenizer`, not by transformers, whose file of that name has another format.
"""
