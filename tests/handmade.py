"""GPTs whose weights are set by hand, so that what each head does is known before any instrument looks.

The residual stream is three blocks of channels of one-hot vectors: the token itself (OWN), its place (PLACE), and the
token before it (PREVIOUS), which the embedding leaves at zero. A head reads one block with its queries and one with
its keys; equal one-hots give a score of 30 and others 0, so that softmax leaves e⁻³⁰ for each position that does not
match. A head that is not set has queries and keys of zero, looks at all that it may see alike, and writes nothing; the
MLPs write nothing.

LayerNorm would be in the way, as it shifts and scales. But each row that comes to a head that matters holds the same
number of ones and else zeros, so LayerNorm shifts and scales all of them by the same two numbers, and its gain and bias
are set to undo just that: it is the identity.
"""

import math

import torch
from torch import Tensor, nn

from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT

V, N_CTX, H, L = 16, 32, 2, 3
C = 2 * V + N_CTX
D = C // H
OWN, PLACE, PREVIOUS = slice(0, V), slice(V, V + N_CTX), slice(V + N_CTX, C)
CURRENT_HEAD, PREVIOUS_HEAD, FIRST_HEAD, DUPLICATE_HEAD = (0, 0), (0, 1), (1, 0), (1, 1)
INDUCTION_HEAD = (1, 0)
SHARP = 30.0  # the score of a match; all others are 0


def previous_token_gpt() -> GPT:
    """Head (0, 1) looks at the token before and writes it into PREVIOUS; all other heads look everywhere alike."""
    model = idle_gpt(n_ones=2)
    set_previous_token_head(model)
    return model


def induction_gpt() -> GPT:
    """Head (0, 1) is as above; head (1, 0) looks for the token that came after the present one, and predicts it.

    Its query is the own token, its key the token before: they match where the same token came before.
    """
    model = idle_gpt(n_ones=3)  # from block 1 on, each row holds own token, place and token before
    set_previous_token_head(model)
    key = reads(PREVIOUS)
    # Place 0 has nothing before it, so head (0, 1) looks at place 0 itself and PREVIOUS holds its own token. Minus one
    # in each number of its key takes that match back.
    key[:V, PLACE.start] = -1
    # Four times as strong as the token's own vector, which would predict the token itself.
    set_head(model, INDUCTION_HEAD, reads(OWN), key, value=reads(OWN), output=4 * reads(OWN).T)
    with torch.no_grad():
        model.ln_f.weight.fill_(4.0)  # only how sure the prediction is; by now rows differ in norm
    return model


def many_heads_gpt() -> GPT:
    """One head each for the present, the previous, the first, and the same token; none writes anything."""
    model = idle_gpt(n_ones=2)
    everywhere, at_first = torch.zeros(D, C), torch.zeros(D, C)
    everywhere[0, OWN] = 1  # a row holds exactly one token
    at_first[0, PLACE.start] = 1
    set_head(model, CURRENT_HEAD, reads(PLACE), reads(PLACE))
    set_head(model, PREVIOUS_HEAD, reads(PLACE).roll(-1, dims=0), reads(PLACE))
    set_head(model, FIRST_HEAD, everywhere, at_first)
    set_head(model, DUPLICATE_HEAD, reads(OWN), reads(OWN))  # matches all places of the token, its own too
    return model


def random_gpt() -> GPT:
    """Nothing is known of this one: all parameters are drawn, biases and LayerNorms too, and all sizes differ."""
    model = GPT(GPTConfig(n_vocab=23, n_ctx=13, n_embd=12, n_head=3, n_layer=2)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def idle_gpt(n_ones: int) -> GPT:
    """No head does anything. `n_ones`: how many ones a row holds from block 1 on; in block 0 there are two."""
    model = GPT(GPTConfig(n_vocab=V, n_ctx=N_CTX, n_embd=C, n_head=H, n_layer=L)).eval()
    with torch.no_grad():
        for parameter in model.h.parameters():
            parameter.zero_()
        model.wte.weight.zero_()[:, OWN] = torch.eye(V)
        model.wpe.weight.zero_()[:, PLACE] = torch.eye(N_CTX)
        for i, block in enumerate(model.h):
            mean = (n_ones if i else 2) / C
            variance = mean - mean**2  # as 1² = 1
            block.ln_1.weight.fill_(math.sqrt(variance + block.ln_1.eps))
            block.ln_1.bias.fill_(mean)
    return model


def set_previous_token_head(model: GPT) -> None:
    """The query of place t is the key of place t - 1: rows of the reading matrix, rolled by one."""
    write = torch.zeros(C, D)
    write[PREVIOUS, :V] = torch.eye(V)
    set_head(model, PREVIOUS_HEAD, reads(PLACE).roll(-1, dims=0), reads(PLACE), value=reads(OWN), output=write)


def reads(channels: slice) -> Tensor:
    """The matrix (D, C) that copies a block of channels into the first numbers of a head."""
    n = channels.stop - channels.start
    matrix = torch.zeros(D, C)
    matrix[:n, channels] = torch.eye(n)
    return matrix


def set_head(model: GPT, head: tuple[int, int], query: Tensor, key: Tensor, value=None, output=None) -> None:
    """Set the weights of one head: query, key and value are (D, C), output is (C, D)."""
    layer, h = head
    attn = model.h[layer].attn
    own = slice(h * D, (h + 1) * D)
    with torch.no_grad():
        attn.c_attn.weight[:C][own] = SHARP * math.sqrt(D) * query  # attention divides by √D
        attn.c_attn.weight[C : 2 * C][own] = key
        if value is not None:
            attn.c_attn.weight[2 * C :][own] = value
            attn.c_proj.weight[:, own] = output


def repeated(n_tokens: int, n_repeats: int = 2) -> list[int]:
    """Different tokens in an order that is not their own, several times over."""
    return [(7 * i + 3) % V for i in range(n_tokens)] * n_repeats
