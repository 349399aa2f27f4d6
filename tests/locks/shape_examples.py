"""Small calls, all sizes different, that reach each shape comment of a module. A new tensor module adds its own here.

The functions import inside, because only then do they get the module whose comments run.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

B, T, S, H, D = 2, 5, 7, 3, 4
C, V = H * D, 11
SIZES = {"B": {B}, "T": {T, 1}, "S": {S, T, T + 1}, "H": {H}, "D": {D}, "C": {C}, "V": {V}}
"""What a letter may be in these examples: T also one new token, S also the T of self-attention, and one more."""
SIZES["split_heads.T"] = {T, S, 1}  # it splits keys too
SIZES["Attention.forward.S"] = {S, T, T + 1, 1, 2}  # a translation's first token has only itself in the cache


def attention() -> None:
    from minigpt.models.attention import Attention, attend, attention_weights, causal_mask
    from minigpt.models.cache import LayerCache

    q, k, v = torch.randn(B, H, T, D), torch.randn(B, H, S, D), torch.randn(B, H, S, D)
    attention_weights(q, k)
    attention_weights(q, k, causal_mask(T, S))
    for fused in (True, False):
        attend(q, k, v, "causal", fused=fused)
    attn = Attention(C, H)
    x, source = torch.randn(B, T, C), torch.randn(B, S, C)
    attn(x, mask="causal")
    attn(x, source=source)
    cache = LayerCache(B, H, 9, D)
    attn(x, mask="causal", cache=cache)
    attn(x[:, :1], mask="causal", cache=cache)


def blocks() -> None:
    from minigpt.config import GPTConfig
    from minigpt.models.blocks import Block

    Block(GPTConfig(V, 9, C, H, 1))(torch.randn(B, T, C))


def gpt() -> None:
    from minigpt.config import GPTConfig
    from minigpt.models.gpt import GPT

    model = GPT(GPTConfig(V, 9, C, H, 2))
    ids = torch.randint(V, (B, T))
    model(ids)
    model(ids, cache=model.new_cache(B))
    model.loss(ids, ids)


def chunked() -> None:
    from minigpt.models.chunked import chunked_cross_entropy

    for n_rows in (3, 10):
        chunked_cross_entropy(
            torch.randn(B, T, C, requires_grad=True), torch.randn(V, C), torch.randint(V, (B, T)), n_rows
        )


def batches() -> None:
    from minigpt.text.batches import Batches

    Batches(np.arange(40), n_ctx=T, batch_size=B).batch(0)


def loop() -> None:
    from minigpt.config import GPTConfig
    from minigpt.models.gpt import GPT
    from minigpt.text.batches import Batches
    from minigpt.training.loop import TrainConfig, Trainer

    Trainer(GPT(GPTConfig(V, T, C, H, 1)), Batches(np.arange(40) % V, T, B), TrainConfig(n_steps=1)).run()


def record() -> None:
    from minigpt.inspection.record import record

    class CrossAttention(nn.Module):
        def forward(self, x):
            q, k = torch.randn(1, H, T, D), torch.randn(1, H, S, D)
            return nn.functional.scaled_dot_product_attention(q, k, k)

    record(CrossAttention(), torch.randn(T, C), source_tokens="s" * S)


def sampling() -> None:
    from minigpt.config import GPTConfig
    from minigpt.models.gpt import GPT
    from minigpt.sampling import generate_batch, last_logits, next_token_probs

    model = GPT(GPTConfig(V, 9, C, H, 1))
    prompts = [list(range(T))] * B
    list(generate_batch(model, prompts, max_new_tokens=2, top_k=6, top_p=0.9))
    last_logits(lambda ids: model(ids), torch.tensor(prompts))  # a model that cannot leave out positions
    next_token_probs(torch.randn(B, V), temperature=0)


def alignment() -> None:
    from minigpt.evaluation.alignment import shared_out

    shared_out(np.random.default_rng(0).random((T, S)))


def inference() -> None:
    from minigpt.config import GPTConfig
    from minigpt.inference import FORMATS, Int8Linear, prepared
    from minigpt.models.gpt import GPT

    for precision in FORMATS:
        ready, ids = prepared(GPT(GPTConfig(V, 9, C, H, 1)), precision), torch.randint(V, (B, T))
        ready(ids)
        ready(ids, cache=ready.new_cache(B))
    if prepared(GPT(GPTConfig(V, 9, C, H, 1)), "int8").precision == "int8":
        Int8Linear(torch.randn(V, C))(torch.randn(B, T, C))


def translator() -> None:
    from minigpt.config import TranslatorConfig
    from minigpt.models.translator import Translator

    model = Translator(TranslatorConfig(V, 9, C, H, 2, dropout=0.0))
    source, target = torch.randint(3, V, (B, T)), torch.randint(3, V, (B, 1))  # attention calls the source's length T
    model(source, target)
    memory, mask, cache = model.encode(source), model.source_mask(source), model.new_cache(B, T)
    model.decode(target, memory, mask, cache)
    model.decode(target, memory, mask, cache)


def translating() -> None:
    from minigpt.config import TranslatorConfig
    from minigpt.models.translator import Translator
    from minigpt.translating import Decoder

    source = torch.randint(3, V, (B, T))
    for use_cache in (True, False):
        Decoder(Translator(TranslatorConfig(V, 9, C, H, 1)), source, use_cache).next_log_probs(source[:, :1])


def encoder() -> None:
    from minigpt.config import EncoderConfig
    from minigpt.models.encoder import MaskedLM

    config = EncoderConfig(V, 9, C, H, 2, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
    ids = torch.randint(V, (B, T))
    MaskedLM(config).loss(ids, ids)


def minilm() -> None:
    from minigpt.weights.minilm import sentence_vectors

    sentence_vectors(torch.randn(B, T, C), torch.ones(B, T, dtype=torch.bool))


def baselines() -> None:
    from minigpt.models.baselines import KINDS, BaselineConfig, lstm

    config = BaselineConfig(V, n_ctx=9, n_embd=C, n_hidden=6, n_layer=2, window=8)
    ids = torch.randint(V, (B, T))
    for kind in KINDS.values():
        kind(config).loss(ids, ids)
    lstm(torch.randn(B, T, C), torch.randn(4 * 6, C), torch.randn(4 * 6, 6), torch.zeros(4 * 6))


def gradients() -> None:
    from minigpt.config import GPTConfig
    from minigpt.inspection.gradients import gradient_by_distance
    from minigpt.models.gpt import GPT
    from minigpt.text.batches import Batches

    gradient_by_distance(GPT(GPTConfig(V, 9, C, H, 1)), Batches(np.arange(40) % V, T, B), n_batches=1)


def recall() -> None:
    from minigpt.text.recall import RecallBatches, RecallTask

    RecallBatches(RecallTask(), ks=[T - 2], batch_size=B).batch(0)


def short_attention() -> None:
    from minigpt.training.short_attention import Short

    Short.apply(*(torch.randn(B, H, T, D, requires_grad=True) for _ in "qkv")).sum().backward()


def word2vec() -> None:
    from minigpt.models.word2vec import SkipGram

    SkipGram(V, C).loss(torch.randint(V, (B,)), torch.randint(V, (B,)), torch.randint(V, (B, 4)))


EXAMPLES: dict[str, Callable[[], None]] = {
    "minigpt.evaluation.alignment": alignment,
    "minigpt.inference": inference,
    "minigpt.inspection.gradients": gradients,
    "minigpt.inspection.record": record,
    "minigpt.models.attention": attention,
    "minigpt.models.baselines": baselines,
    "minigpt.models.blocks": blocks,
    "minigpt.models.chunked": chunked,
    "minigpt.models.encoder": encoder,
    "minigpt.models.gpt": gpt,
    "minigpt.models.translator": translator,
    "minigpt.models.word2vec": word2vec,
    "minigpt.sampling": sampling,
    "minigpt.text.batches": batches,
    "minigpt.text.recall": recall,
    "minigpt.training.loop": loop,
    "minigpt.training.short_attention": short_attention,
    "minigpt.translating": translating,
    "minigpt.weights.minilm": minilm,
}
