"""The encoder-decoder: against PyTorch's own, and by what padding, masks and the cache must leave as it is."""

import math

import pytest
import torch
import torch.nn.functional as F
from small_models import close, randomised
from torch import nn

from minigpt.config import TranslatorConfig
from minigpt.models.translator import Sinusoids, Translator

V, C, H, L = 23, 12, 3, 2
PAD, BOS, EOS = 0, 1, 2
SOURCE = torch.tensor([[5, 6, 7, 8, 9, 10, EOS], [11, 12, 13, EOS, PAD, PAD, PAD]])
TARGET = torch.tensor([[BOS, 14, 15, EOS, PAD], [BOS, 16, 17, 18, EOS]])


def config(**changes):
    return TranslatorConfig(n_vocab=V, n_ctx=11, n_embd=C, n_head=H, n_layer=L, **changes)


def small_translator(**changes):
    return randomised(Translator(config(**changes)))


def pytorchs_own(ours: Translator) -> nn.Transformer:
    """`nn.Transformer` with our weights. Its post-norm stacks end in one LayerNorm more than the paper's: left out."""
    pre = ours.config.norm == "pre"
    sizes = {"d_model": C, "nhead": H, "dim_feedforward": 4 * C, "batch_first": True, "norm_first": pre}
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**sizes), L, nn.LayerNorm(C) if pre else None, enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**sizes), L, nn.LayerNorm(C) if pre else None)
    theirs = nn.Transformer(C, H, batch_first=True, custom_encoder=encoder, custom_decoder=decoder)
    names = {"attn.c_attn.": "self_attn.in_proj_", "cross.c_attn.": "multihead_attn.in_proj_"}
    names |= {"attn.c_proj": "self_attn.out_proj", "cross.c_proj": "multihead_attn.out_proj", "ln_": "norm"}
    names |= {"mlp.c_fc": "linear1", "mlp.c_proj": "linear2", "norm_": "norm"}
    weights = {}
    for name, weight in ours.state_dict().items():
        if name.startswith(("encoder.", "decoder.")):
            name = name.replace("coder.", "coder.layers.", 1)
        name = name.replace("ln_encoder", "encoder.norm").replace("ln_decoder", "decoder.norm")
        for mine, their in names.items():
            name = name.replace("." + mine, "." + their)
        weights[name] = weight
    del weights["wte.weight"]
    theirs.load_state_dict(weights)
    return theirs.eval()


@pytest.mark.parametrize("norm", ["post", "pre"])
@torch.no_grad()
def test_it_equals_pytorchs_transformer_on_the_same_weights_with_padding(norm):
    ours = small_translator(norm=norm)
    theirs = pytorchs_own(ours)
    hidden = theirs(
        ours.embed(SOURCE),
        ours.embed(TARGET),
        tgt_mask=~torch.ones(5, 5, dtype=torch.bool).tril(),
        src_key_padding_mask=SOURCE == PAD,
        memory_key_padding_mask=SOURCE == PAD,
        tgt_key_padding_mask=TARGET == PAD,
        tgt_is_causal=True,
    )
    counts = TARGET != PAD
    expected = F.linear(hidden, ours.wte.weight)[counts]
    assert expected.std() > 0.1
    close(ours(SOURCE, TARGET)[counts], expected, 1e-5)


def test_sinusoids_are_those_of_the_paper():
    table = Sinusoids(n_ctx=9, n_embd=6).weight
    for position in range(9):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_learned_positions_learn_and_sinusoids_do_not():
    names = {positions: dict(Translator(config(positions=positions)).named_parameters()) for positions in POSITIONS}
    assert "wpe.weight" in names["learned"]
    assert "wpe.weight" not in names["sinusoidal"]
    assert "wpe.weight" not in Translator(config()).state_dict(), "a table that a formula gives is not stored"


POSITIONS = ("learned", "sinusoidal")


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_the_config_counts_what_the_model_has(norm, positions):
    model = Translator(config(norm=norm, positions=positions))
    assert model.config.n_params() == model.n_params()


def test_the_base_model_has_about_the_65_million_parameters_of_the_papers_table():
    assert TranslatorConfig().n_params() == pytest.approx(65e6, rel=0.03)  # the paper rounds, and had more tokens


@torch.no_grad()
def test_padding_changes_nothing():
    model = small_translator()
    short, longer = SOURCE[1:, :4], F.pad(SOURCE[1:], (0, 2))
    close(model(longer, TARGET[1:]), model(short, TARGET[1:]), 1e-5)
    close(model(SOURCE, TARGET)[1:], model(short, TARGET[1:]), 1e-5)


def test_a_target_token_sees_the_whole_source_and_its_own_past_only():
    model, embedded = small_translator(), []

    def watch(module, inputs, output):
        output.retain_grad()
        embedded.append(output)

    model.wte.register_forward_hook(watch)
    for t in range(5):
        model(SOURCE[1:], TARGET[1:])[0, t].square().sum().backward()
        from_source, from_target = (x.grad[0].abs().sum(-1) for x in embedded)
        embedded.clear()
        assert (from_source[:4] > 0).all()
        assert (from_source[4:] == 0).all(), "padding is seen by nobody"
        assert (from_target[: t + 1] > 0).all()
        assert (from_target[t + 1 :] == 0).all()


@pytest.mark.parametrize("norm", ["post", "pre"])
@torch.no_grad()
def test_with_the_cache_a_target_in_pieces_gives_the_same_logits(norm):
    model = small_translator(norm=norm)
    memory, mask, cache = model.encode(SOURCE), model.source_mask(SOURCE), model.new_cache(2, 7)
    pieces = [model.decode(piece, memory, mask, cache) for piece in TARGET.split([1, 3, 1], dim=1)]
    close(torch.cat(pieces, 1), model(SOURCE, TARGET), 1e-5)
    assert cache.length == 5


@torch.no_grad()
def test_keys_and_values_of_the_source_are_computed_once():
    model = small_translator()
    memory, mask, cache = model.encode(SOURCE), model.source_mask(SOURCE), model.new_cache(2, 7)
    model.decode(TARGET[:, :1], memory, mask, cache)
    with_memory = model.decode(TARGET[:, 1:2], torch.full_like(memory, math.nan), mask, cache)
    assert with_memory.isfinite().all(), "after the first token nobody reads the encoder's output again"


@torch.no_grad()
def test_a_cache_goes_on_with_the_rows_that_are_chosen():
    model = small_translator()
    memory, mask, cache = model.encode(SOURCE), model.source_mask(SOURCE), model.new_cache(2, 7)
    model.decode(TARGET[:, :2], memory, mask, cache)
    rows = torch.tensor([1, 1, 0])
    cache.select(rows)
    logits = model.decode(TARGET[rows, 2:3], memory[rows], mask[rows], cache)
    close(logits, model(SOURCE, TARGET)[rows, 2:3], 1e-5)


def test_the_loss_is_the_mean_surprise_at_target_tokens_without_padding():
    model = small_translator()
    probabilities = model(SOURCE, TARGET).softmax(-1).detach()
    told = [(b, t) for b in range(2) for t in range(4) if TARGET[b, t + 1] != PAD]
    assert len(told) == 3 + 4
    surprise = [-math.log(probabilities[b, t, TARGET[b, t + 1]]) for b, t in told]
    assert model.loss(SOURCE, TARGET).item() == pytest.approx(sum(surprise) / 7, rel=1e-5)


def test_smoothed_labels_count_in_training_only_and_ask_for_a_little_of_each_token():
    """Section 5.4 cites Szegedy et al. 2016: the target is (1 - ε) of the truth and ε spread evenly over all V."""
    model = small_translator(dropout=0.0, label_smoothing=0.2)
    log_probs = model(SOURCE, TARGET).log_softmax(-1)[:, :-1]
    told = TARGET[:, 1:] != PAD
    wanted = 0.8 * F.one_hot(TARGET[:, 1:], V) + 0.2 / V
    smoothed = -(wanted * log_probs).sum(-1)[told].mean()
    plain = model.loss(SOURCE, TARGET)
    model.train()
    close(model.loss(SOURCE, TARGET), smoothed, 1e-5)
    assert abs(smoothed.item() - plain.item()) > 1e-3


def test_an_untrained_model_finds_all_tokens_about_equally_likely():
    model = Translator(TranslatorConfig(n_vocab=200, n_ctx=20, n_embd=64, n_head=4, n_layer=2)).eval()
    source, target = torch.randint(3, 200, (8, 12)), torch.randint(3, 200, (8, 12))
    assert model.loss(source, target).item() == pytest.approx(math.log(200), rel=0.15)


def test_sentences_that_are_too_long_and_unknown_ids_are_refused():
    model = small_translator()
    with pytest.raises(ValueError, match="12 tokens do not fit into n_ctx=11"):
        model(torch.full((1, 12), 3), TARGET[:1])
    with pytest.raises(ValueError, match="12 tokens do not fit into n_ctx=11"):
        model(SOURCE[:1], torch.full((1, 12), 3))
    with pytest.raises(ValueError, match="token id 23 is outside the vocabulary, 0 to 22"):
        model(SOURCE, torch.full((2, 3), 23))
    with pytest.raises(ValueError, match=r"expected \(B, T\)"):
        model(SOURCE[0], TARGET[0])
