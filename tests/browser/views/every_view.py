"""One notebook with every view on small data, some of it mean."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from minigpt.course.execute import KERNEL

SETUP = """import numpy as np
from types import SimpleNamespace
from minigpt import course, views
from minigpt.views import figures

class Recording:
    tokens = ["<script>alert(1)</script>", " שלום", " cat", " e\\u0301", "\\u202eabc", "$x$"]
    def attention_stack(self):
        weights = np.tril(np.random.default_rng(0).random((2, 3, 6, 6)))
        return weights / weights.sum(-1, keepdims=True)

def encode(text):
    return [(letter, ord(letter), letter.encode()) for letter in text]

def compute(n, context):
    return {"next": [("a", 0.75), (" ", 0.25)], "sample": f"n={n} {context}", "used": context[1 - n:] if n > 1 else ""}

def stage(name, array):
    return {"name": name, "shape": "(T, C)", "explanation": "Numbers.", "array": array}

def measured(step):
    heads = dict.fromkeys(("induction", "previous", "ablated"), [[0, 0.1, 0.2], [0.3, step / 10, 0.5]])
    return dict(step=step, valid_loss=6 - step / 3, early=5, late=4, first=5, repeat=5 - step / 3) | heads

def stages(prompt):
    attention = [Recording().attention_stack()] * 2
    return {"tokens": Recording.tokens, "attention": attention, "written": ["<script>", "$x$"]}

kept = []

def answer(request):
    recording = Recording()
    pair = {"layer": 0, "head": 0, "row": 5, "column": 1, "query": [1, -2], "key": [2, 1], "value": [0, 3]}
    return {
        "recording": recording,
        "next": {"rows": [("<b>", 0.5, 0.7), ("$x$", 0.2, 0.1)], "kept": 2, "of": 9},
        "lens": {"position": 5, "rows": [("the embedding", "<i>", 0.5), ("block 0", "\u202eb", 0.25)]},
        "pair": pair | {"weights": recording.attention_stack()[0, 0, 5]},
    }"""
CELLS = {
    "heads": "heads = views.heads(Recording())\nheads",
    "guess": "views.guess('g1', 'Which <b>?', ['this', 'that'], 1, 'So it is.', on_guess=lambda *g: kept.append(g))",
    "number": "views.guess_number('g2', 'How many?', 50257, factor=2, unit='tokens')",
    "merges": "views.merges(['low', 'lot'], [('l', 'o', 2), ('lo', 'w', 1)])",
    "tokens": "views.tokens({'letters': encode}, 'cat', examples=['doggy'])",
    "ngrams": "views.ngrams(compute, {1: 9, 2: 4, 3: 2}, {1: 9, 2: 6, 3: 8}, context='the', n=2, floor=1.5)",
    "query_key": "plane = views.query_key()\nplane",
    "next_tokens": "views.next_tokens(np.log([0.5, 0.3, 0.2]), ['a', 'b', '<i>'], text='Once')",
    "follow": "views.follow([stage('ids', [1, 2]), stage('vectors', np.eye(2))], ['x', 'y'])",
    "mask_painter": "views.mask_painter(Recording.tokens, np.tri(6, dtype=bool), n_layer=3)",
    "lab": "views.lab(answer, prompt='<script>alert(2)</script>')",
    "translation": "views.translation(SimpleNamespace(**dict.fromkeys(('encoder', 'cross', 'decoder'), Recording())))",
    "embedding_map": "map_ = views.embedding_map(Recording.tokens, np.random.default_rng(0).normal(size=(6, 4)))\nmap_",
    "sense_slider": "views.sense_slider(np.random.default_rng(0).normal(size=(3, 4, 5)), [(Recording.tokens, n) "
    "for n in (0, 1, 0, 2)], ['<b>', 'x', '<b>', 'x'], word='<i>')",
    "beam_tree": "views.beam_tree([([(['<b>'], -1, -1, False)], [(['$x$'], -2, -2, False)])], source='<i>')",
    "dashboard": "views.dashboard([{'step': n, 'loss': 9 / (n + 1)} for n in range(30)], title='<b>', floor=0.1)",
    "kv_cache": "views.kv_cache(2, 3, 8, seconds=([0.2, 0.3, 0.4], [0.2, 0.1, 0.1]))",
    "token_tree": "views.token_tree(lambda path, *rule: {'rows': [(0, '<b>', 0.5, 0.5), (1, '$x$', 0.25, 0)]}, '<i>')",
    "costs": "course.cost_calculator('tiny')",
    "roofline": "views.roofline([dict(name='<b>', kind='$x$', number_format='float32', operations=9, n_bytes=3, "
    "seconds=1)], {'float32': 20}, 4, others=[dict(name='<i>', peaks={'float32': 90}, bandwidth=9, source='a sheet')])",
    "time_machine": "views.time_machine([0, 9], [measured(0), measured(9)], stages, '<b>', levels={'<i>': 3})",
    "figure": "figures.show(figures.bars(['a', 'b'], [1, 2]), alt='Two bars')",
}
WIDGETS = [name for name in CELLS if name != "figure"]


def notebook(*names: str) -> nbformat.NotebookNode:
    """A notebook with these views, or with all of them; it has not run."""
    sources = [SETUP, *(CELLS[name] for name in names or CELLS)]
    return new_notebook(cells=[new_code_cell(source) for source in sources], metadata=KERNEL)
