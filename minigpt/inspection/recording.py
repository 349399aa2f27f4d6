"""What went on inside a model during one forward pass, as numpy arrays, in memory and in a file.

Shapes: T time, S source time, C channels (n_embd), H heads, L layers, V vocabulary; no B, as one text is recorded.
"""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

FORMAT = "minigpt recording 1"


@dataclass(frozen=True, eq=False)
class Recording:
    """Attention weights, activations and logits of one text: numpy arrays of float32 that cannot be written to."""

    tokens: tuple[str, ...]
    """A label for each of the T positions."""
    source_tokens: tuple[str, ...] | None
    """Labels of the S positions that cross-attention looks at; None where a text looks at itself."""
    attention: Mapping[str, np.ndarray]
    """Module name -> (H, T, S), in the order of the forward pass; each row sums to 1."""
    activations: Mapping[str, np.ndarray]
    """Module name -> what the module put out, (T, C), in the order of the forward pass."""
    logits: np.ndarray | None
    """(T, V), or None where the model gives none."""
    model: str
    """The model's class name."""

    def __post_init__(self):
        for field in ("attention", "activations"):
            arrays = {name: frozen(array) for name, array in getattr(self, field).items()}
            object.__setattr__(self, field, MappingProxyType(arrays))
        if self.logits is not None:
            object.__setattr__(self, "logits", frozen(self.logits))

    def attention_stack(self) -> np.ndarray:
        """All layers' attention in one array (L, H, T, S). Raises ValueError where there is none, or shapes differ."""
        if not self.attention:
            raise ValueError(
                f"no attention was found in {self.model}: it is seen where a module calls scaled_dot_product_attention "
                "or softmax over a matrix of scores; nn.MultiheadAttention, also inside of nn.Transformer, hides these"
            )
        shapes = {name: array.shape for name, array in self.attention.items()}
        if len(set(shapes.values())) > 1:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ValueError(f"these do not stack, take them one by one from `attention`: {listed}")
        return np.stack(list(self.attention.values()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recording to a .npz file, numbers and text only."""
        header = {"format": FORMAT, "tokens": self.tokens, "source_tokens": self.source_tokens, "model": self.model}
        arrays = {"header": np.array(json.dumps(header))}
        arrays |= {f"attention {name}": array for name, array in self.attention.items()}
        arrays |= {f"activations {name}": array for name, array in self.activations.items()}
        if self.logits is not None:
            arrays["logits"] = self.logits
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
        Path(path).write_bytes(content.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Recording":
        """Read what `save` wrote; nothing is unpickled. Raises ValueError for a torn file, or one of another kind."""
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = dict(file)
            header = json.loads(str(arrays.pop("header")))
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
        except FileNotFoundError:
            raise
        except Exception as error:  # numpy has no one error for files that are torn or foreign
            raise ValueError(f"{path} is no recording, or a torn one: {error}. Write it with recording.save") from error
        kinds: dict[str, dict[str, np.ndarray]] = {"attention": {}, "activations": {}}
        for key, array in arrays.items():
            kind, _, name = key.partition(" ")
            if name:
                kinds[kind][name] = array
        source = header["source_tokens"]
        return cls(
            tokens=tuple(header["tokens"]),
            source_tokens=None if source is None else tuple(source),
            logits=arrays.get("logits"),
            model=header["model"],
            **kinds,
        )


def frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
