"""Exercise of notebook 07: the block as a class, which then runs in the real model.

Shapes: B batch, T time, C channels (n_embd).
"""

from torch import nn

from minigpt.config import GPTConfig
from minigpt.course.exercise import Call, Exercise, Misconception
from minigpt.course.exercises.inputs import numbers
from minigpt.models.blocks import Block


class Wrong(Block):
    """A block in small steps, for subclasses that get one of them wrong."""

    def forward(self, x, mask="causal"):
        x = x + self.look(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))

    def look(self, x):
        return self.attn(x, mask="causal")


class PostNorm(Wrong):
    def forward(self, x, mask="causal"):
        x = self.ln_1(x + self.look(x))
        return self.ln_2(x + self.mlp(x))


class NormOnBranch(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.ln_1(self.look(x))
        return x + self.ln_2(self.mlp(x))


class NoResidual(Wrong):
    def forward(self, x, mask="causal"):
        return self.mlp(self.ln_2(self.look(self.ln_1(x))))


class NoFirstResidual(Wrong):
    def forward(self, x, mask="causal"):
        x = self.look(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class NoSecondResidual(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.look(self.ln_1(x))
        return self.mlp(self.ln_2(x))


class ToNormed(Wrong):
    def forward(self, x, mask="causal"):
        x = self.ln_1(x)
        x = x + self.look(x)
        x = self.ln_2(x)
        return x + self.mlp(x)


class FirstToNormed(Wrong):
    def forward(self, x, mask="causal"):
        x = self.ln_1(x)
        x = x + self.look(x)
        return x + self.mlp(self.ln_2(x))


class MLPOfAttention(Wrong):
    def forward(self, x, mask="causal"):
        return x + self.mlp(self.ln_2(self.look(self.ln_1(x))))


class Parallel(Wrong):
    def forward(self, x, mask="causal"):
        return x + self.look(self.ln_1(x)) + self.mlp(self.ln_2(x))


class MLPFirst(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.mlp(self.ln_2(x))
        return x + self.look(self.ln_1(x))


class OneNorm(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.look(self.ln_1(x))
        return x + self.mlp(self.ln_1(x))


class NormsSwapped(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.look(self.ln_2(x))
        return x + self.mlp(self.ln_1(x))


class NoNorm(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.look(x)
        return x + self.mlp(x)


class NoSecondNorm(Wrong):
    def forward(self, x, mask="causal"):
        x = x + self.look(self.ln_1(x))
        return x + self.mlp(x)


class NoMask(Wrong):
    def look(self, x):
        return self.attn(x)


class ExactGELU(Wrong):
    def __init__(self, config):
        super().__init__(config)
        self.mlp.gelu = nn.GELU()


def block_inputs():
    yield Call((GPTConfig(n_embd=4, n_head=1),), (2 * numbers(1, 2, 4) + 1,))
    yield Call((GPTConfig(n_embd=6, n_head=2),), (2 * numbers(2, 3, 6),))


BLOCK = Exercise(
    id="07.block",
    title="The block as a class",
    difficulty=3,
    minutes=15,
    contract="MyBlock(config) has the layers ln_1, attn, ln_2 and mlp, of the widths that config.n_embd and "
    "config.n_head give; forward(x) takes the stream (B, T, C), lets causal attention and then the MLP each read it "
    "through a LayerNorm of its own and add to it, and returns the stream (B, T, C). Attention and MLP are given.",
    returns="(B, T, C)",
    reference=Block,
    inputs=block_inputs,
    misconceptions=(
        Misconception(
            "post-norm",
            PostNorm,
            "The sums were normalised, as in 2017: in GPT-2 the LayerNorm stands on the branch, before the part.",
        ),
        Misconception(
            "norm at the end of the branch",
            NormOnBranch,
            "What the parts put out was normalised: it is what they read that should be.",
        ),
        Misconception(
            "no residual",
            NoResidual,
            "The parts stand one after the other, and nothing is added: where does the stream go on?",
        ),
        Misconception(
            "attention is not added",
            NoFirstResidual,
            "What attention puts out has taken the place of the stream: it is to be added.",
        ),
        Misconception(
            "the MLP is not added",
            NoSecondResidual,
            "What the MLP puts out has taken the place of the stream: it is to be added.",
        ),
        Misconception(
            "added to what was normalised",
            ToNormed,
            "The parts add to the normalised stream: it is read through a LayerNorm, and goes on without one.",
        ),
        Misconception(
            "attention added to what was normalised",
            FirstToNormed,
            "x was replaced by what ln_1 made of it, and attention added to that: the stream goes on as it was.",
        ),
        Misconception(
            "the MLP of attention alone",
            MLPOfAttention,
            "What attention found reaches the MLP, and not the stream: it is to be added before the MLP reads.",
        ),
        Misconception(
            "side by side",
            Parallel,
            "Both parts read the same x: the MLP should read what attention has written.",
        ),
        Misconception("the MLP first", MLPFirst, "The MLP came before attention: look at the order of the two."),
        Misconception(
            "one norm for both",
            OneNorm,
            "ln_1 stands before both parts: each has its own, with weights of its own.",
        ),
        Misconception("norms swapped", NormsSwapped, "ln_1 and ln_2 have changed places."),
        Misconception(
            "no norm",
            NoNorm,
            "The residual sums are there, and no part reads through a LayerNorm.",
        ),
        Misconception("no second norm", NoSecondNorm, "The MLP reads the stream without its LayerNorm."),
        Misconception(
            "no mask",
            NoMask,
            "A position has looked into its future: attention has to be told which mask to use.",
        ),
        Misconception(
            "exact GELU",
            ExactGELU,
            "All but the MLP's GELU is right: this one is the exact GELU, and GPT-2 has the one with tanh.",
        ),
    ),
)

EXERCISES = (BLOCK,)
