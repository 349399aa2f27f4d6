"""Weights in and out: GPT-2 as published, as transformers keeps it, and the models that come with the course.

There is one format for all of them, a folder that transformers loads too: `config.json` and `model.safetensors`.
"""

from minigpt.weights.load import load_pretrained
from minigpt.weights.save import save_pretrained
from minigpt.weights.shipped import load_shipped, save_shipped

__all__ = ["load_pretrained", "load_shipped", "save_pretrained", "save_shipped"]
