"""Pieces of words as tokens of both languages, for sentence pairs that no list of words could hold."""

from collections.abc import Iterable

from minigpt.text.pairs import BOS, EOS, PAD
from minigpt.text.tokenizers import BPETokenizer


class PieceVocabulary:
    """What `WordVocabulary` is for whole words, over byte-pair encoding: one table of pieces for source and target."""

    def __init__(self, tokenizer: BPETokenizer):
        missing = {PAD, BOS, EOS} - set(tokenizer.special_tokens)
        if missing:
            raise ValueError(f"the tokenizer has no {', '.join(sorted(missing))}: train it with PieceVocabulary.of")
        self.tokenizer = tokenizer
        self.pad_id, self.bos_id, self.eos_id = (tokenizer.special_tokens[name] for name in (PAD, BOS, EOS))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], n_vocab: int) -> "PieceVocabulary":
        """Learn the merges from both sides of these pairs of texts. Raises what `BPETokenizer.train` raises."""
        texts = [text for pair in pairs for text in pair]
        return cls(BPETokenizer.train(texts, n_vocab, special_tokens=(PAD, BOS, EOS)))

    @property
    def n_vocab(self) -> int:
        return self.tokenizer.n_vocab

    def source(self, text: str) -> list[int]:
        """What the encoder reads: `p1 … pn eos`. Any text has pieces: in the worst case each byte is one."""
        return [*self.tokenizer.encode(text), self.eos_id]

    def target(self, text: str) -> list[int]:
        """What the decoder reads and is to write: `bos p1 … pm eos`."""
        return [self.bos_id, *self.source(text)]

    def labels(self, ids: Iterable[int]) -> list[str]:
        """A piece for each id, special tokens too."""
        return self.tokenizer.labels(ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence, without special tokens."""
        special = {self.pad_id, self.bos_id, self.eos_id}
        return self.tokenizer.decode(i for i in ids if i not in special).strip()
