"""How far the vectors of an ambiguous word part by its sense, layer by layer, in each model that the course has.

    python benchmarks/senses.py            a row for each model and set of sentences: the mean over its words
    python benchmarks/senses.py --words    … and a row for each word

The number is `minigpt.inspection.senses.separation`: the mean cosine of two sentences of the same sense, minus that of
two with different ones. Column 0 is after the embeddings, where a word knows its place but not its neighbours; in the
token table alone it is 0. MiniLM is left out where it is not installed.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import torch

from minigpt.config import EncoderConfig, GPTConfig
from minigpt.inspection.senses import separation_by_layer, word_layers
from minigpt.models.encoder import Encoder, MaskedLM
from minigpt.models.gpt import GPT
from minigpt.text.senses import Use, as_rows, natural_uses, uses
from minigpt.text.storyland import LANGUAGES, Storyland, split
from minigpt.weights import load_shipped
from minigpt.weights.minilm import INSTALL, load_minilm, minilm_folder
from minigpt.weights.recorded import load_run

Rows = Callable[[list[Use]], tuple[np.ndarray, list[tuple[int, int]]]]


def models() -> Iterator[tuple[str, GPT | Encoder, Rows, bool]]:
    """Name, model, how sentences become its rows, and whether it knows any words or Storyland's English ones alone."""
    if minilm_folder():
        minilm, pieces = load_minilm()
        cls, sep, pad = (pieces.special_ids[name] for name in ("cls_id", "sep_id", "pad_id"))
        yield "MiniLM", minilm, lambda group: as_rows(group, pieces.encode, [cls], [sep], pad), True
    else:
        print(f"MiniLM is not installed: {INSTALL}")
    story, tokenizer = load_shipped("story")
    end = tokenizer.end_of_text
    assert end is not None
    yield "story", story, lambda group: as_rows(group, tokenizer.encode, [end]), True
    words = ["<pad>", "<cls>", "<sep>", "<mask>", *Storyland(9).vocabulary()]  # of notebook 09
    number = {word: i for i, word in enumerate(words)}
    sizes = dict(n_vocab=len(words), n_ctx=16, n_embd=64, n_head=4, n_layer=2)
    masked = MaskedLM(EncoderConfig(**sizes, cls_id=1, sep_id=2, mask_id=3))
    masked.load_state_dict(load_run("blanks/encoder")[0])
    decoder = GPT(GPTConfig(**sizes))
    decoder.load_state_dict(load_run("blanks/decoder")[0])

    def rows(group: list[Use]) -> tuple[np.ndarray, list[tuple[int, int]]]:
        return as_rows(group, lambda text: [number[word] for word in split(text)], [1], [2])

    yield "encoder of 09", masked.encoder, rows, False
    yield "decoder of 09", decoder, rows, False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", action="store_true", help="a row for each word, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets = {f"Storyland {language}": uses(Storyland(0), language) for language in LANGUAGES}
    sets |= {f"as written {language}": natural_uses(language) for language in LANGUAGES}
    for name, model, rows, knows_all in models():
        for kind in sets if knows_all else ["Storyland en"]:
            gaps = {}
            for word, group in sets[kind].items():
                group = [use for use in group if len(use.words) <= model.config.n_ctx - 2]
                gaps[word] = separation_by_layer(word_layers(model, *rows(group)), [use.sense for use in group])
            show(f"{name}, {kind}, {len(gaps)} words", np.mean(list(gaps.values()), axis=0))
            for word, gap in gaps.items() if options.words else ():
                show(f"    {word}", gap)


def show(name: str, gaps: np.ndarray) -> None:
    print(f"{name:<36}", *(f"{gap:6.3f}" for gap in gaps))


if __name__ == "__main__":
    main()
