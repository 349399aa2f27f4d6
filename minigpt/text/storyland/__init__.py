"""Storyland: endless English and Portuguese text whose truth is known.

A small probabilistic grammar of our own writes children's sentences in two languages at once. As we know the grammar,
we know what can only be estimated for natural text: the entropy, the probability of each next word, the translation,
which word belongs to which, which of its senses a word has, and which verb agrees with which noun.

    >>> land = Storyland(seed=0)
    >>> sentence = land.sentence(8)
    >>> sentence.text("en"), sentence.text("pt")
    ('Daniel kept his money in the bank.', 'Daniel guardou seu dinheiro no banco.')
    >>> sentence.senses[0]
    Sense(language='en', position=6, word='bank', name='money')
    >>> {word: round(p, 3) for word, p in land.next_words("Rita sat on the").items()}
    {'bank': 0.5, 'bench': 0.5}

**How the entropy is computed.** A derivation chooses a rule r for a symbol X with probability p_r, then derives each
of the symbols on its right-hand side independently. The entropy of a chain of choices is the sum of their expected
entropies, so the entropy H(X) of the derivations of X obeys

    H(X) = Σ_r p_r · ( -log2 p_r + Σ_{Y in r} H(Y) ).

Symbols of our grammar cannot contain themselves, so H follows in one pass, children first. (In a recursive grammar it
is a system of linear equations.) The same recursion with "number of words" in place of -log2 p_r gives the expected
number of tokens, and with "number of characters" that of characters. (S. Soule, "Entropies of probabilistic grammars",
Information and Control 25, 1974, derives the entropies of a derivation, of a sentence, and of the average symbol in a
stream of sentences; Z. Chi, "Statistical properties of probabilistic context-free grammars", Computational Linguistics
25, 1999, shows for a wide class of grammars that they are finite.)

**From derivations to sentences.** A model sees words, not derivations. The entropy of the sentences is that of the
derivations minus what a sentence leaves open about its derivation; it leaves nothing open if no sentence has two
derivations. `reader.two_derivations` proves this for the whole grammar, in each language, by exhaustion. Hence:

- H(English) = H(Portuguese) = H(derivation), exactly;
- each English sentence has one translation and each Portuguese one too: H(Portuguese | English) = 0 bits, so the share
  of exact matches is a fair score for a translator, and 100 % can be reached.

**From sentences to tokens.** A text is a stream of independent sentences, and "." ends each, and only ends. The loss
per token of the best possible model on a long text tends to H(sentence) / E[tokens per sentence], with "." counted as
a token: this is `Entropy.per_token_bits`. No model can stay below it, except by luck on a short text; on a given text
`Storyland.log_prob` is the best model's own result. `per_char_bits` is the same for characters of `text()`: writing
sentences with capitals, spaces and line breaks loses nothing (`split` undoes it), so it adds no entropy.

Portuguese spelling is Brazilian and follows the agreement of 1990; so does usage ("sentou no banco", not "sentou-se").
"""

from minigpt.text.storyland.grammar import LANGUAGES, Grammar
from minigpt.text.storyland.land import Entropy, Recall, Storyland
from minigpt.text.storyland.reader import Reader, two_derivations
from minigpt.text.storyland.sentences import Agreement, Sense, Sentence, Story, join, split

__all__ = [
    "LANGUAGES",
    "Agreement",
    "Entropy",
    "Grammar",
    "Reader",
    "Recall",
    "Sense",
    "Sentence",
    "Story",
    "Storyland",
    "join",
    "split",
    "two_derivations",
]
