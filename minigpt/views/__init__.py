"""Views: small widgets for notebooks, and figures. They take plain numbers and strings, never a model.

Each works live (anywidget), and leaves a static face in a saved notebook (static.py says how and why). A view has the
name of its module, so all are imported here: the function takes the name before anything else can.
"""

from minigpt.views.beam_tree import beam_tree
from minigpt.views.bertviz import bertviz, bertviz_neuron
from minigpt.views.costs import costs
from minigpt.views.dashboard import dashboard
from minigpt.views.embedding_map import embedding_map
from minigpt.views.follow import follow
from minigpt.views.guess import guess, guess_number
from minigpt.views.heads import heads
from minigpt.views.kv_cache import kv_cache
from minigpt.views.lab import lab
from minigpt.views.mask_painter import mask_painter
from minigpt.views.merges import merges
from minigpt.views.next_tokens import next_tokens
from minigpt.views.ngrams import ngrams
from minigpt.views.query_key import query_key
from minigpt.views.roofline import roofline
from minigpt.views.sense_slider import sense_slider
from minigpt.views.time_machine import time_machine
from minigpt.views.token_tree import token_tree
from minigpt.views.tokens import tokens
from minigpt.views.translation import translation

__all__ = [
    "beam_tree",
    "bertviz",
    "bertviz_neuron",
    "costs",
    "dashboard",
    "embedding_map",
    "follow",
    "guess",
    "guess_number",
    "heads",
    "kv_cache",
    "lab",
    "mask_painter",
    "merges",
    "next_tokens",
    "ngrams",
    "query_key",
    "roofline",
    "sense_slider",
    "time_machine",
    "token_tree",
    "tokens",
    "translation",
]
