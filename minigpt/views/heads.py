"""All attention heads of a model at once, and any one of them enlarged."""

from traitlets import Bool, Bytes, Int, List, Unicode

from minigpt.views import static
from minigpt.views.attention import Recording, attention_traits, dequantised
from minigpt.views.view import View


class Heads(View):
    """See `heads`. `layer` and `head` are the enlarged head; `show` puts another recording into the same view."""

    name = "heads"
    _esm = static.module("heads")
    _css = static.style("heads")
    tokens = List(Unicode()).tag(sync=True)
    source_tokens = List(Unicode()).tag(sync=True)
    shape = List(Int()).tag(sync=True)
    causal = Bool(False).tag(sync=True)
    data = Bytes(b"").tag(sync=True)
    version = Int(0).tag(sync=True)  # counts recordings: equal bytes alone would fire no change
    layer = Int(0).tag(sync=True)
    head = Int(0).tag(sync=True)

    def __init__(self, recording: Recording, layer: int = 0, head: int = 0) -> None:
        traits = attention_traits(recording)
        _check_head(traits["shape"], layer, head)
        super().__init__(layer=layer, head=head, **traits)

    def show(self, recording: Recording) -> None:
        """Show another recording; the enlarged head stays where it is, if the new model has it."""
        traits = attention_traits(recording)
        n_layer, n_head = traits["shape"][:2]
        with self.hold_sync():  # one message, so that no half-changed state is drawn
            self.set_trait("layer", min(self.layer, n_layer - 1))
            self.set_trait("head", min(self.head, n_head - 1))
            for name, value in traits.items():
                self.set_trait(name, value)
            self.version += 1

    def describe(self) -> str:
        """Size of the model and the text, and where the last token of the enlarged head looks most."""
        n_layer, n_head, n_tokens, _ = self.shape
        weights = dequantised(self.data, self.shape, self.causal, self.layer * n_head + self.head)
        most = int(weights[-1].argmax())
        return (
            f"Attention weights of {n_layer} layers with {n_head} heads each over {n_tokens} tokens; enlarged: "
            f"layer {self.layer}, head {self.head}, whose last token, {self.tokens[-1]!r}, looks most at "
            f"{self.source_tokens[most]!r}, position {most}: {weights[-1, most]:.0%}."
        )

    def face(self) -> str:
        """A small picture of every head, and the enlarged one with its labels."""
        from minigpt.views import figures

        n_layer, n_head = self.shape[:2]
        weights = [dequantised(self.data, self.shape, self.causal, n) for n in range(n_layer * n_head)]
        title = f"Layer {self.layer}, head {self.head}"
        large = weights[self.layer * n_head + self.head]
        figure = figures.all_heads(weights, n_head, large, self.tokens, self.source_tokens, self.causal, title)
        return static.image(figures.to_svg(figure), self.describe())


def heads(recording: Recording, *, layer: int = 0, head: int = 0) -> Heads:
    """Show the attention of every head; click, or Enter, enlarges one; its rows tell in words who looks at whom.

    `recording` has `tokens` and `attention_stack() -> (L, H, T, S)`, weights from 0 to 1, as `inspection.record` gives.
    Weights travel as one byte each, the square root in 255 steps, so that what is shown is off by at most 0.004.
    Raises TypeError for another object, ValueError for weights that are none or too many to show.
    """
    return Heads(recording, layer, head)


def _check_head(shape: list[int], layer: int, head: int) -> None:
    if not (0 <= layer < shape[0] and 0 <= head < shape[1]):
        raise ValueError(
            f"no layer {layer}, head {head}: layers go from 0 to {shape[0] - 1}, heads from 0 to {shape[1] - 1}"
        )
