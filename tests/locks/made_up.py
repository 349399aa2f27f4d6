"""Notebooks and packages made up for the tests of the locks."""

import copy
import json
from pathlib import Path


def markdown(source: str, *tags: str) -> dict:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": source}


def code(source: str, *tags: str, outputs: list[dict] | None = None) -> dict:
    metadata = {"tags": list(tags)}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": outputs or []}


def printed(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: str) -> dict:
    """An output; `text_html="<b>"` stands for the mime type text/html."""
    mimes = {mime.replace("__", "+").replace("_", "/"): value for mime, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def good_cells() -> list[dict]:
    """32 cells that keep every rule."""
    start = code('import torch\nfrom minigpt import course\n\ntorch.manual_seed(0)\ncourse.start("05")')
    cells = [markdown("# Attention\n" + "word " * 200), start]
    for i in range(15):
        cells += [markdown(f"## Step {i}\n\nWhy we do this."), code("print(1)", outputs=[printed("1\n")])]
    return copy.deepcopy(cells)


def save(folder: Path, cells: list[dict], name: str = "05_attention.ipynb") -> Path:
    """A notebook file; outputs and ids are filled in."""
    for i, cell in enumerate(cells):
        cell.setdefault("id", f"cell-{i}")
        if cell["cell_type"] == "code":
            cell.setdefault("execution_count", None)
            for output in cell["outputs"]:
                if output["output_type"] == "execute_result":
                    output.setdefault("execution_count", None)
    path = folder / name
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")
    return path


def package(folder: Path, **modules: str) -> Path:
    """A package `minigpt`; `models__attention="…"` stands for models/attention.py."""
    for name, source in modules.items():
        file = folder / "minigpt" / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    return folder / "minigpt"
