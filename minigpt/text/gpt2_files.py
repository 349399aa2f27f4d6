"""GPT-2's published tokenizer files, made from our merges, and put where tiktoken looks for them."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from minigpt.text.bpe import format_merge, to_letters
from minigpt.text.tokenizers import BPETokenizer, write_whole

if TYPE_CHECKING:
    import tiktoken

PUBLISHED = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"


def gpt2_files(tokenizer: BPETokenizer) -> dict[str, bytes]:
    """`encoder.json` (token -> id) and `vocab.bpe` (the merges) of a tokenizer, in the format of GPT-2's release.

    For `BPETokenizer.gpt2()` these are the published files, byte for byte. transformers knows them as `vocab.json` and
    `merges.txt`.
    """
    tokens = [to_letters(tokenizer.token_bytes(i)) for i in range(tokenizer.n_vocab - len(tokenizer.special_tokens))]
    ids = {token: i for i, token in enumerate(tokens)} | tokenizer.special_tokens
    lines = ["#version: 0.2", *map(format_merge, tokenizer.merges), ""]
    return {"encoder.json": json.dumps(ids).encode(), "vocab.bpe": "\n".join(lines).encode()}


def tiktoken_gpt2() -> "tiktoken.Encoding":
    """`tiktoken.get_encoding("gpt2")` without the network; from then on it works alone, in any program here.

    tiktoken downloads GPT-2's two files once, into a cache folder. This writes the same bytes there, in tiktoken's own
    way (`tiktoken.load.read_file_cached`): each named by the SHA-1 of its address, and checked by tiktoken against its
    SHA-256 when read. TIKTOKEN_CACHE_DIR moves the folder, for tiktoken as for this function.
    """
    import tiktoken

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in gpt2_files(BPETokenizer.gpt2()).items():
        path = folder / hashlib.sha1((PUBLISHED + name).encode()).hexdigest()
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    return tiktoken.get_encoding("gpt2")


def cache_folder() -> Path:
    """Where tiktoken keeps what it downloaded. Raises ValueError if it was told to keep nothing."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        raise ValueError("TIKTOKEN_CACHE_DIR is set to nothing, so tiktoken keeps no files: unset it or name a folder")
    return Path(folder) if folder else Path(tempfile.gettempdir(), "data-gym-cache")
