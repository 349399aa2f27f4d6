"""Write with the model: what may come next as a tree, in which the reader picks the path."""

import html
from functools import lru_cache
from typing import Any

import ipywidgets
import torch
from torch import Tensor

from minigpt import views
from minigpt.course.machine import is_static
from minigpt.models.gpt import GPT
from minigpt.sampling import evaluating, last_logits, next_token_probs

KEPT = 500  # contexts in memory: moving a slider runs no model again
MOST = 10  # branches


def write_tree(model: GPT, tokenizer: Any, prompt: str, k: int = 5, depth: int = 2, **rule: Any) -> Any:
    """The tree of the k likeliest next tokens after a prompt that can be changed; `rule` as in `next_token_probs`.

    Raises ValueError for a prompt that is empty or does not fit into n_ctx, and for a k below 1 or above 10. In a page
    that is only read there is the tree of this prompt. Raises TypeError for another kind of model.
    """
    if not isinstance(model, GPT):
        raise TypeError(f"{type(model).__name__} is no GPT of minigpt: write_tree(model, tokenizer, prompt)")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise ValueError(f"k={k!r}: a whole number of branches, 1 to {MOST}")
    view = views.token_tree(Branches(model, tokenizer, prompt, k).after, prompt, depth=depth, **rule)
    if is_static():
        return view
    wide = ipywidgets.Layout(width="auto")
    box = ipywidgets.Text(value=prompt, description="Beginning", layout=wide, continuous_update=False)
    output = ipywidgets.HTML()

    def begin(change: Any) -> None:
        try:
            view.show(Branches(model, tokenizer, box.value, k).after, box.value)
            output.value = ""
        except ValueError as error:  # what is shown stays
            output.value = f'<p role="status">{html.escape(str(error))}</p>'

    box.observe(begin, names="value")
    return ipywidgets.VBox([box, output, view])


class Branches:
    """What follows a prompt: `after` is what `views.token_tree` asks."""

    def __init__(self, model: GPT, tokenizer: Any, prompt: str, k: int):
        self.model, self.tokenizer, self.k = model, tokenizer, k
        self.prompt = tokenizer.encode(prompt)
        n_ctx = model.config.n_ctx
        if not self.prompt:
            raise ValueError("Nothing is typed yet: begin with a word.")
        if len(self.prompt) > n_ctx:
            raise ValueError(
                f"This text has {len(self.prompt):,} tokens, and {n_ctx:,} fit (n_ctx={n_ctx}): take away "
                f"{len(self.prompt) - n_ctx:,}."
            )
        self.logits = lru_cache(KEPT)(self._logits)

    def after(self, path: list[int], temperature: float, top_k: int | None, top_p: float | None) -> dict[str, Any]:
        """The k likeliest tokens after the prompt and the path, by the model and by the rule."""
        n = len(self.prompt) + len(path)
        nothing = {"rows": [], "kept": 0, "of": self.model.config.n_vocab}
        if path and path[-1] == self.tokenizer.end_of_text:
            return nothing | {"note": "The text has ended here: this is what the token for end of text is for."}
        if n > self.model.config.n_ctx:
            return nothing | {"note": f"The context is full: the model reads n_ctx={n - 1:,} tokens."}
        logits = self.logits(tuple(path))
        before = next_token_probs(logits)
        now = next_token_probs(logits, temperature, top_k, top_p)
        best = [token for token in before.argsort(descending=True, stable=True)[: self.k].tolist() if before[token] > 0]
        labels = self.tokenizer.labels(best)
        rows = list(zip(best, labels, before[best].tolist(), now[best].tolist(), strict=True))
        return {"rows": rows, "kept": int((now > 0).sum()), "of": len(now), "held": float(before[now > 0].sum())}

    def _logits(self, path: tuple[int, ...]) -> Tensor:
        ids = torch.tensor([[*self.prompt, *path]], device=self.model.wte.weight.device)
        with torch.inference_mode(), evaluating(list(self.model.modules())):
            return last_logits(self.model, ids)[0]
