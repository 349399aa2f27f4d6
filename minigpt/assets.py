"""Where the shipped files are: vocabulary, checkpoints, figures, recorded runs."""

import os
from pathlib import Path

ASSETS = Path(os.environ.get("MINIGPT_ASSETS") or Path(__file__).resolve().parents[1] / "assets")


def asset(name: str) -> Path:
    """Path of a shipped file or folder, e.g. `asset("gpt2/vocab.bpe")`.

    Raises FileNotFoundError, with what to do, when the file is not there: the assets lie beside the package in the
    repository, so the package runs from a checkout (`pip install -e .`) or with MINIGPT_ASSETS pointing to the folder.
    """
    path = ASSETS / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: restore it with `git checkout assets/{name}`, or point MINIGPT_ASSETS to the folder "
            "`assets` of a complete checkout"
        )
    return path
