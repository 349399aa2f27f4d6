"""New names for the people of stories."""

import random
import re

import pytest

from minigpt.text.names import find_names, new_name, rename, renamed

STORIES = [
    "Once Ana saw Rui. Ana said: hello, Rui! The Sun shone on Ana.",
    "Then Rui and Ana ran. May Rui win? He may.",
] * 3


def test_names_are_words_with_a_capital_within_sentences():
    assert find_names(STORIES, least=3) == {"Ana", "Rui", "Sun"}
    assert find_names(STORIES, least=4) == {"Ana", "Rui"}


def test_a_word_that_is_mostly_written_small_is_no_name():
    assert "Sun" not in find_names([*STORIES, "the sun, the sun, the sun, the sun"], least=3)


@pytest.mark.parametrize("word", ["Mom", "I", "Grandpa"])
def test_who_is_no_name_is_left_alone(word):
    assert find_names([f"and {word} ran"] * 9) == set()


def test_a_name_is_the_same_throughout_a_story_and_nothing_else_changes():
    text = "Ana saw Rui. “Ana!” said Rui; Anabel's Ana and THE ANA stay."
    new = rename(text, {"Ana", "Rui"}, random.Random(5))
    ana, rui = new.split()[0], re.findall(r"\w+", new)[2]
    assert new == f"{ana} saw {rui}. “{ana}!” said {rui}; Anabel's {ana} and THE ANA stay."
    assert len({ana, rui, "Ana", "Rui"}) == 4


def test_each_story_has_names_of_its_own_and_a_seed_gives_them_again():
    stories = renamed(["Ana ran."] * 20, {"Ana"}, seed=1)
    assert len(set(stories)) > 15
    assert stories == renamed(["Ana ran."] * 20, {"Ana"}, seed=1)
    assert stories != renamed(["Ana ran."] * 20, {"Ana"}, seed=2)


def test_names_can_be_said():
    rng = random.Random(0)
    assert all(re.fullmatch(r"(?i)([^aeiou][aeiou]){2,3}[^aeiou]?", new_name(rng)) for _ in range(200))
