"""Storyland: the mechanism against enumeration, the whole grammar against proofs, the language against examples."""

import doctest
import hashlib
import math
import random
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigpt.text.storyland
from minigpt.text.storyland import LANGUAGES, Grammar, Reader, Sense, Storyland, join, split, two_derivations
from minigpt.text.storyland.reader import Expansions
from minigpt.text.storyland.rules import storyland_grammar
from minigpt.text.storyland.words import NOUNS, entries, noun_forms

LAND = Storyland(seed=0)
SAMPLE = LAND.sentences(2000)
MANY = Storyland(seed=5).sentences(5000)
SMALL = """
    S 3  -> NP VP .        | NP VP .
    S    -> today NP VP .  | hoje NP VP .
    NP   -> the^1 N        | o^1 N
    NP 2 -> the^1 ADJ N    | o^1 N ADJ
    N    -> dog            | cachorro
    N 4  -> cat            | gato
    ADJ  -> red            | vermelho
    ADJ  -> big            | grande
    ADJ 2 -> small         | pequeno
    VP   -> sleeps         | dorme
    VP   -> sees NP        | vê NP
"""


def log_prob(derivation):
    rule, children = derivation
    return rule.log_prob + sum(map(log_prob, children))


def enumerate_sentences(grammar, left="S"):
    """(English words, Portuguese words, probability) of every derivation."""
    for derivation in grammar.derivations(left):
        reading = grammar.read(derivation)
        yield tuple(reading.en), tuple(reading.pt), math.exp(log_prob(derivation))


def entropy_of(probs):
    return -math.fsum(p * math.log2(p) for p in probs)


@st.composite
def layered_grammars(draw, distinct):
    """Small grammars of four layers. With `distinct` each rule begins with a word of its own, so none is ambiguous."""
    words = iter(range(1000))
    lines = []
    for layer in range(4):
        for _ in range(draw(st.integers(1, 3))):
            lower = [f"N{i}" for i in range(layer)]
            children = draw(st.lists(st.sampled_from(lower), max_size=2, unique=True)) if lower else []
            word = f"w{next(words)}" if distinct else draw(st.sampled_from(["a", "b", "a b"]))
            first = [word] if distinct or not children or draw(st.booleans()) else []
            en, pt = " ".join(first + children), " ".join(first + children[::-1])
            lines.append(f"N{layer} {draw(st.integers(1, 5))} -> {en} | {pt}")
    return Grammar.parse("\n".join(lines))


# The mechanism


def test_entropy_by_formula_is_entropy_by_enumeration():
    grammar = Grammar.parse(SMALL)
    sentences = list(enumerate_sentences(grammar))
    for side in (0, 1):
        assert len({sentence[side] for sentence in sentences}) == len(sentences) == grammar.n_derivations()["S"] == 144
    assert math.isclose(math.fsum(p for *_, p in sentences), 1, abs_tol=1e-12)
    assert math.isclose(grammar.entropy()["S"], entropy_of(p for *_, p in sentences), abs_tol=1e-12)
    mean = math.fsum(p * len(en) for en, _, p in sentences)
    assert math.isclose(grammar.expected(lambda rule: len(rule.words("en")))["S"], mean, abs_tol=1e-12)


def test_entropy_of_a_grammar_worked_by_hand():
    grammar = Grammar.parse("S 1 -> a | x \n S 1 -> b T | y T \n T 3 -> c | z \n T 1 -> d | w")
    by_hand = 1 + 0.5 * (2 - 0.75 * math.log2(3))  # one bit for S; in half of the cases the entropy of (3/4, 1/4)
    assert math.isclose(grammar.entropy()["S"], by_hand, abs_tol=1e-15)


@given(layered_grammars(distinct=True))
@settings(max_examples=60, deadline=None)
def test_entropy_and_lengths_hold_for_any_unambiguous_grammar(grammar):
    if grammar.n_derivations()["N3"] > 3000:
        return
    sentences = list(enumerate_sentences(grammar, "N3"))
    assert len({en for en, _, _ in sentences}) == len(sentences) == grammar.n_derivations()["N3"]
    assert math.isclose(math.fsum(p for *_, p in sentences), 1, abs_tol=1e-12)
    assert math.isclose(grammar.entropy()["N3"], entropy_of(p for *_, p in sentences), abs_tol=1e-12)
    mean = math.fsum(p * len(pt) for _, pt, p in sentences)
    assert math.isclose(grammar.expected(lambda rule: len(rule.words("pt")))["N3"], mean, abs_tol=1e-12, rel_tol=1e-12)


@pytest.mark.slow
@given(layered_grammars(distinct=False))
@settings(max_examples=100, deadline=None)
def test_the_proof_of_uniqueness_agrees_with_enumeration(grammar):
    if grammar.n_derivations()["N3"] > 3000:
        return
    sentences = list(enumerate_sentences(grammar, "N3"))
    for side, language in enumerate(LANGUAGES):
        unique = len({sentence[side] for sentence in sentences}) == len(sentences)
        found = two_derivations(grammar, language, "N3")
        assert (found is None) == unique
        if found is not None:  # it names the beginning of a sentence that can be made in two ways
            count = Counter(sentence[side] for sentence in sentences)
            assert any(count[words] > 1 and words[: len(found)] == found for words in count)


@pytest.mark.parametrize("language", LANGUAGES)
def test_next_words_are_the_conditional_probabilities_of_enumeration(language):
    grammar, side = Grammar.parse(SMALL), LANGUAGES.index(language)
    sentences = [(s[side], s[2]) for s in enumerate_sentences(grammar)]
    expansions = Expansions(grammar, language, ["S"])
    for words, prob in sentences:
        reader, product = Reader(expansions, {("S",): 1.0}), 1.0
        for t, word in enumerate(words):
            told = reader.next_words()
            fitting = [(other, p) for other, p in sentences if other[:t] == words[:t]]
            total = math.fsum(p for _, p in fitting)
            truth = {
                w: math.fsum(p for other, p in fitting if other[t] == w) / total for w in {o[t] for o, _ in fitting}
            }
            assert told == pytest.approx(truth, abs=1e-12)
            product *= reader.read(word)
        assert product == pytest.approx(prob, rel=1e-12)


def test_words_without_labels_are_linked_in_order_and_others_by_label():
    grammar = Grammar.parse(
        """
        S   -> the^3 ADJ N likes^1 the^2 N:2 | o^3 N ADJ gosta^1 do^12 N:2
        N   -> dog | cachorro
        ADJ -> red | vermelho
        """
    )
    reading = grammar.read(next(grammar.derivations("S")))
    assert " ".join(reading.en) == "the red dog likes the dog"
    assert " ".join(reading.pt) == "o cachorro vermelho gosta do cachorro"
    assert reading.alignment == [(0, 0), (1, 2), (2, 1), (3, 3), (3, 4), (4, 4), (5, 5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S -> a S | a S", "can contain itself"),
        ("S -> N | N N\nN -> a | b", "same non-terminals"),
        ("S -> N | b\nN -> a | b", "same non-terminals"),
        ("S -> N N | N N\nN -> a | b", "number the non-terminals"),
        ("S -> a^1 b^2 | c^1", "label stands on one side"),
        ("S -> a^^ | b", "no symbol"),
        ("S 0 -> a | b", "weight 0"),
        ("S = a | b", "no rule"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Grammar.parse(text)


# The whole grammar


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("start", ["sentence", "told.m", "told.f"])
def test_no_sentence_has_two_derivations(start, language):
    assert two_derivations(storyland_grammar(), language, start) is None


def test_what_a_story_tells_of_its_hero_is_no_sentence_from_elsewhere():
    grammar = storyland_grammar()
    for gender, *pronouns in (("m", "he", "ele"), ("f", "she", "ela")):
        assert {rule.children[0] for rule in grammar.rules[f"middle.{gender}"]} == {f"told.{gender}", "past"}
        for language, pronoun in zip(LANGUAGES, pronouns, strict=True):
            assert pronoun not in Expansions(grammar, language, ["sentence"]).words
            assert all(pronoun in rule.words(language) for rule in grammar.rules[f"told.{gender}"])


def test_every_part_that_can_be_enumerated_agrees_with_the_formula():
    grammar = storyland_grammar()
    entropy, counts = grammar.entropy(), grammar.n_derivations()
    small = [left for left in grammar.order if 1 < counts[left] <= 500]
    assert len(small) > 200
    for left in small:
        probs = [p for *_, p in enumerate_sentences(grammar, left)]
        assert len(probs) == counts[left]
        assert math.isclose(math.fsum(probs), 1, abs_tol=1e-12)
        assert math.isclose(entropy_of(probs), entropy[left], abs_tol=1e-12), left


def test_there_are_millions_of_millions_of_sentences():
    assert LAND.n_sentences > 10**12
    assert len({s.en for s in SAMPLE}) == len({s.pt for s in SAMPLE})


def test_both_languages_have_the_same_entropy_and_their_own_per_token():
    en, pt = LAND.entropy("en"), LAND.entropy("pt")
    assert en.per_sentence_bits == pt.per_sentence_bits
    for entropy in (en, pt):
        assert entropy.per_token_bits == pytest.approx(entropy.per_sentence_bits / entropy.mean_tokens)
        assert entropy.per_char_bits == pytest.approx(entropy.per_sentence_bits / entropy.mean_chars)
    assert en.per_token_bits != pytest.approx(pt.per_token_bits, rel=0.01)


def test_sampled_surprise_and_length_agree_with_the_exact_numbers():
    entropy, sentences = LAND.entropy("pt"), MANY
    for values, truth in [
        ([-s.log_prob / math.log(2) for s in sentences], entropy.per_sentence_bits),
        ([len(s.pt) for s in sentences], entropy.mean_tokens),
        ([len(s.text("pt")) + 1 for s in sentences], entropy.mean_chars),
    ]:
        mean = math.fsum(values) / len(values)
        error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values) / len(values))
        assert abs(mean - truth) < 4 * error < 0.05 * truth


def test_sampled_stories_agree_with_the_exact_numbers():
    entropy, stories = LAND.entropy("en", story=4), [LAND.story(4, i) for i in range(500)]
    for values, truth in [
        ([-s.log_prob / math.log(2) / 4 for s in stories], entropy.per_sentence_bits),
        ([len(s.words("en")) / 4 for s in stories], entropy.mean_tokens),
        ([(len(s.text("en")) + 1) / 4 for s in stories], entropy.mean_chars),
    ]:
        mean = math.fsum(values) / len(values)
        error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values) / len(values))
        assert abs(mean - truth) < 4 * error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reader_finds_the_probability_with_which_a_sentence_was_made(language):
    for sentence in SAMPLE[:600]:
        assert LAND.log_prob(sentence.words(language), language) == pytest.approx(sentence.log_prob, abs=1e-9)
    for index in range(20):
        story = LAND.story(5, index)
        assert LAND.log_prob(story.text(language), language, story=5) == pytest.approx(story.log_prob, abs=1e-9)


@pytest.mark.parametrize("language", LANGUAGES)
def test_next_words_sum_to_one_and_chain_to_the_probability(language):
    for sentence in SAMPLE[:40]:
        words, chained = sentence.words(language), 0.0
        for t, word in enumerate(words):
            told = LAND.next_words(words[:t], language)
            assert math.isclose(math.fsum(told.values()), 1, abs_tol=1e-12)
            assert all(p > 0 for p in told.values())
            chained += math.log(told[word])
        assert chained == pytest.approx(sentence.log_prob, abs=1e-9)


def test_a_text_is_a_stream_of_independent_sentences():
    one, two = SAMPLE[0], SAMPLE[1]
    assert LAND.log_prob(one.en + two.en) == pytest.approx(one.log_prob + two.log_prob)
    assert LAND.next_words(one.en) == pytest.approx(LAND.next_words())
    assert LAND.log_probs(one.text("en")) == LAND.log_probs(one.en)


def test_the_ideal_models_loss_on_a_long_text_is_the_entropy():
    losses = [-p for s in SAMPLE for p in LAND.log_probs(s.en)]
    floor = LAND.entropy("en").per_token_bits * math.log(2)
    assert sum(losses) / len(losses) == pytest.approx(floor, rel=0.02)


def test_no_ngram_beats_the_ideal_model():
    train = [word for s in MANY for word in s.en]
    pairs, words, n_vocab = Counter(pairwise(train)), Counter(train[:-1]), len(LAND.vocabulary("en"))
    test = [word for s in SAMPLE for word in (".", *s.en)]
    probs = [(pairs[a, b] + 0.1) / (words[a] + 0.1 * n_vocab) for a, b in pairwise(test) if (a, b) != (".", ".")]
    bigram = -sum(map(math.log2, probs)) / len(probs)
    assert bigram > 1.05 * LAND.entropy("en").per_token_bits


# The language


def test_a_sentence_worked_by_hand():
    s = LAND.sentence(4)
    assert s.text("en") == (
        "The girls near the small walls in the garden of the great giant wrote a letter to the tired queen."
    )
    assert s.text("pt") == (
        "As meninas perto dos muros pequenos no jardim do grande gigante escreveram uma carta à rainha cansada."
    )
    assert " ".join(f"{s.en[i]}-{s.pt[j]}" for i, j in s.alignment) == (
        "the-as girls-meninas near-perto near-dos the-dos small-pequenos walls-muros in-no the-no garden-jardim "
        "of-do the-do great-grande giant-gigante wrote-escreveram a-uma letter-carta to-à the-à tired-cansada "
        "queen-rainha .-."
    )
    assert s.alignment[:8] == ((0, 0), (1, 1), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4), (6, 6))
    assert s.senses == (Sense("en", 15, "letter", "mail"), Sense("pt", 9, "grande", "great"))
    assert s.agreements == (("en", 1, 13, "wrote"), ("pt", 1, 11, "escreveu"))


GOLD = [
    "The red ball disappeared. | A bola vermelha desapareceu.",
    "The good king sleeps. | O bom rei dorme.",
    "The big king sleeps. | O rei grande dorme.",
    "The great king sleeps. | O grande rei dorme.",
    "Ana likes the dog. | Ana gosta do cachorro.",
    "Ana likes her dog. | Ana gosta de seu cachorro.",
    "Tom lost his new key in the dark forest. | Tom perdeu sua chave nova na floresta escura.",
    "Ana and her cat are tired. | Ana e seu gato estão cansados.",
    "Ana and her turtle are tired. | Ana e sua tartaruga estão cansadas.",
    "The queens are brave. | As rainhas são corajosas.",
    "The queens are hungry. | As rainhas estão com fome.",
    "Last summer the lions slept under the bridge. | No verão passado os leões dormiram debaixo da ponte.",
    "Two days ago the bear ate two pears. | Há dois dias o urso comeu duas peras.",
    "Every day many fairies dance near the bridge. | Todos os dias muitas fadas dançam perto da ponte.",
    "Leo, who lives in the village of the witches, woke up. | Leo, que mora na aldeia das bruxas, acordou.",
    "The boys who live near the big tree rest. | Os meninos que moram perto da árvore grande descansam.",
    "The girl gave a doll to the princes. | A menina deu uma boneca aos príncipes.",
    "The men went to the schools. | Os homens foram às escolas.",
    "Eva looks for the yellow teddy bears. | Eva procura os ursos de pelúcia amarelos.",
    "Rita kept her money in the bank. | Rita guardou seu dinheiro no banco.",
    "Rita sat on the bank of the river. | Rita sentou na margem do rio.",
    "Rita sat on the bench near the lake. | Rita sentou no banco perto do lago.",
    "The bat near the tree flew over the houses. | O morcego perto da árvore voou por cima das casas.",
    "The bat near the tree is made of wood. | O taco perto da árvore é feito de madeira.",
    "Max played the drum. | Max tocou o tambor.",
    "Max played with the ball. | Max brincou com a bola.",
    "The bells near the church ring. | Os sinos perto da igreja tocam.",
    "The woman burned her tongue. | A mulher queimou a língua.",
    "The women burned their tongues. | As mulheres queimaram a língua.",
]
NOT_GOLD = {  # (mistake, language): agreement, order, contraction, sense
    "en": """
        the dogs near the tree sleeps . | the dog near the trees sleep . | a dogs slept . | Ana lost his key . |
        the ball red disappeared . | every day the dog slept . | Ana and her cat is tired .""",
    "pt": """
        a bola vermelho desapareceu . | o bola vermelha desapareceu . | a vermelha bola desapareceu . |
        os cachorros perto da árvore dorme . | Ana gosta de o cachorro . | Ana e seu gato está cansado . |
        as rainhas são com fome . | as rainhas estão corajosas . | a menina deu uma bola a o rei .""",
}


@pytest.mark.parametrize("pair", GOLD)
def test_a_gold_pair_can_be_made_in_both_languages_with_the_same_probability(pair):
    en, pt = pair.split(" | ")
    assert LAND.log_prob(en, "en") > -math.inf
    assert LAND.log_prob(en, "en") == pytest.approx(LAND.log_prob(pt, "pt"), abs=1e-9)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mistake_in_grammar_is_impossible(language):
    for wrong in re.split(r"\s*\|\s*", NOT_GOLD[language].strip()):
        assert LAND.log_prob(wrong.split(), language) == -math.inf, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verb_in_the_other_number_is_impossible_however_far_it_stands(language):
    distances = Counter()
    for sentence in SAMPLE:
        for agreement in sentence.agreements:
            words = list(sentence.words(language))
            if agreement.language == language and agreement.other != words[agreement.verb]:
                words[agreement.verb] = agreement.other
                assert LAND.log_prob(words, language) == -math.inf, words
                distances[agreement.verb - agreement.subject] += 1
    assert sum(n for distance, n in distances.items() if distance >= 5) > 100
    assert max(distances) >= 12


def test_articles_and_contractions_agree_with_the_noun_behind_them():
    features = {}  # from the table of nouns, by another way than the grammar's
    for table in NOUNS.values():
        for gender, en, pt in entries(table, 3):
            for number, english, form in zip("sp", noun_forms(en), noun_forms(pt), strict=True):
                if english != "-":
                    features[re.split("[_#]", form)[0]] = gender + number
    before = {
        "ms": "o um no do ao seu",
        "fs": "a uma na da à sua",
        "mp": "os dois nos dos aos",
        "fp": "as duas nas das às",
    }
    fits = {word: features for features, words in before.items() for word in words.split()}
    n_checked = 0
    for sentence in SAMPLE:
        for one, two in pairwise(sentence.pt):
            if one in fits and two in features:
                assert fits[one] == features[two], sentence.text("pt")
                n_checked += 1
    assert n_checked > 3000


def test_every_word_is_linked_and_every_link_is_in_range():
    for s in [*SAMPLE, *LAND.story(20).sentences]:
        assert {i for i, _ in s.alignment} == set(range(len(s.en)))
        assert {j for _, j in s.alignment} == set(range(len(s.pt)))
        assert list(s.alignment) == sorted(set(s.alignment))


def test_links_join_one_to_one_one_to_two_and_two_to_one_and_cross():
    fans, crossings = Counter(), 0
    for s in SAMPLE:
        for i in range(len(s.en)):
            fans["en", sum(i == link[0] for link in s.alignment)] += 1
        for j in range(len(s.pt)):
            fans["pt", sum(j == link[1] for link in s.alignment)] += 1
        crossings += any(one[1] > two[1] for one, two in pairwise(s.alignment))
    assert min(fans["en", 1], fans["en", 2], fans["pt", 1], fans["pt", 2]) > 300
    assert crossings > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_ambiguous_words_always_have_their_sense_and_each_sense_occurs(language):
    ambiguous, seen = LAND.ambiguous(language), set()
    assert len(ambiguous) >= 8
    for sentence in [*SAMPLE, *MANY, *LAND.story(3).sentences]:
        senses = {sense.position: sense for sense in sentence.senses if sense.language == language}
        for at, word in enumerate(sentence.words(language)):
            assert (at in senses) == (word in ambiguous), sentence
        seen |= {(sense.word, sense.name) for sense in senses.values()}
    assert seen == {(word, sense) for word, senses in ambiguous.items() for sense in senses}


def test_a_sense_is_what_the_translation_shows():
    seen = {(s.en[x.position], x.name): set() for s in SAMPLE for x in s.senses if x.language == "en"}
    for s in SAMPLE:
        for sense in (sense for sense in s.senses if sense.language == "en"):
            seen[sense.word, sense.name] |= {s.pt[j] for i, j in s.alignment if i == sense.position}
    assert (seen["bat", "animal"], seen["bat", "club"]) == ({"morcego"}, {"taco"})
    assert (seen["bank", "money"], seen["bank", "river"]) == ({"banco"}, {"margem"})
    assert (seen["park", "place"], seen["park", "car"]) == ({"parque"}, {"estacionam", "estacionar"})


def test_a_never_stands_before_a_vowel():
    for sentence in SAMPLE:
        assert not any(one == "a" and two[0] in "aeiou" for one, two in pairwise(sentence.en)), sentence.text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_vocabulary_is_what_the_texts_use(language):
    vocabulary = LAND.vocabulary(language)
    assert list(vocabulary) == sorted(set(vocabulary))
    assert all(re.fullmatch(r"[a-zà-ú]+|[A-Z][a-z]+|[.,]", word) for word in vocabulary)
    used = {word for s in MANY for word in s.words(language)}
    assert used < set(vocabulary)
    assert len(used) > 0.97 * len(vocabulary)


# Stories and recall


def test_a_story_ends_with_the_name_it_began_with_and_the_ideal_model_knows_it():
    for language in LANGUAGES:
        story = LAND.story(6, index=1)
        words = story.words(language)
        assert len(story.sentences) == 6
        assert words[-2:] == (story.hero, ".")
        assert words.index(story.hero) < len(story.sentences[0].words(language))
        assert LAND.next_words(words[:-2], language, story=6) == pytest.approx({story.hero: 1.0})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("k", [12, 13, 17, 60, 200])
def test_the_name_comes_back_after_exactly_k_words(k, language):
    for index in range(4):
        recall = LAND.recall(k, language, index)
        assert recall.position - recall.introduced == k
        assert recall.words[recall.introduced] == recall.words[recall.position] == recall.answer
        assert not set(recall.words[recall.introduced + 1 : recall.position]) & {
            w for w in recall.words if w[0].isupper()
        }
        assert recall.answer in recall.candidates
        assert len(recall.candidates) == 12


# Seeds, splits, text


def test_the_same_seed_and_index_give_the_same_text_everywhere():
    parts = [
        Storyland(0).text(300, "en"),
        Storyland(7).text(300, "pt"),
        Storyland(7).story(9, 2).text("en"),
        " ".join(Storyland(1).recall(150, "pt", 3).words),
        repr([s.alignment for s in Storyland(3).pairs(50)]),
    ]
    digests = [hashlib.sha256(part.encode()).hexdigest()[:16] for part in parts]
    assert digests == [
        "1a0d47e818ec034b",
        "e6447aca0e099c13",
        "03b6bcfbf3ee46c6",
        "8777f1263aeb57d5",
        "f9853be691352b9e",
    ]


def test_seed_and_index_alone_decide():
    assert LAND.sentences(5, start=20) == [LAND.sentence(i) for i in range(20, 25)]
    assert Storyland(0).sentence(3) == LAND.sentence(3)
    assert Storyland(1).sentences(20) != LAND.sentences(20)
    random.seed(1)
    state = random.getstate()
    LAND.sentence(1)
    assert random.getstate() == state


def test_no_unseen_pair_is_ever_one_to_learn_from():
    learn = {s.en for seed in range(3) for s in Storyland(seed).pairs(500)}
    unseen = {s.en for seed in range(3) for s in Storyland(seed).pairs(150, unseen=True)}
    assert not learn & unseen
    share = sum(s.is_unseen for s in SAMPLE) / len(SAMPLE)
    assert abs(share - 0.1) < 0.02


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_words_go_back_and_forth(language):
    words = [word for s in SAMPLE for word in s.words(language)]
    text = LAND.text(len(SAMPLE), language)
    assert split(text) == words
    assert split(join(words)) == words
    assert text.splitlines()[1] == SAMPLE[1].text(language)
    assert join(split("Ana, who lives in the park, ran. She ran.")) == "Ana, who lives in the park, ran. She ran."


def test_the_example_in_the_documentation_is_true():
    assert doctest.testmod(minigpt.text.storyland).failed == 0
    assert doctest.testmod(minigpt.text.storyland).attempted >= 3


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LAND.text(3, "fr"), "unknown language 'fr': Storyland speaks 'en' and 'pt'"),
        (lambda: LAND.sentence(1).words("EN"), "unknown language"),
        (lambda: LAND.entropy("de"), "unknown language"),
        (lambda: LAND.next_words(["the", "unicorn"]), "'unicorn' is no word of Storyland"),
        (lambda: LAND.log_prob("the unicorn sleeps ."), "'unicorn' is no word"),
        (lambda: LAND.next_words(["the", "dog"], "pt"), "'the' is no word"),
        (lambda: LAND.next_words(["the", "sleeps"]), "never writes 'sleeps' after 'the'"),
        (lambda: LAND.recall(11), "k=11 does not fit"),
        (lambda: LAND.recall(201), "k=201 does not fit"),
        (lambda: LAND.story(1), "a story of 1 sentences"),
        (lambda: LAND.sentence(-1), "index -1"),
        (lambda: LAND.sentences(-1), "-1 sentences: give a whole number from 0 up"),
        (lambda: LAND.pairs(-2), "-2 sentences"),
        (lambda: LAND.text(-3), "-3 sentences"),
        (lambda: Storyland(-1), "seed -1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
