"""Notebooks hold what they claim of the package, and the lock is seen to bite on made-up ones."""

import nbformat
import pytest

from . import claims
from .made_up import code, markdown, package, save
from .notebooks import Notebook, all_notebooks

ATTENTION = '''
"""Attention."""

import math


def attend(q, k):
    """Average.

    At length.
    """
    # divide, or softmax saturates
    return q @ k / math.sqrt(q.size(-1))  # (T, T)


class Attention:
    """Heads."""

    n_head: int = 2
    """Number of heads."""

    @property
    def size(self):
        """The size."""

    def forward(self, x):
        return attend(x, x)


SIZES = {"small": 2}


def _hidden():
    pass
'''
ATTEND = "def attend(q, k):\n    return q @ k / math.sqrt(q.size(-1))"
CHECK = 'course.check("05.attend", attend)'
TAG = "package:minigpt.models.attention.attend"


@pytest.fixture
def made_up(tmp_path):
    return package(tmp_path, models__attention=ATTENTION, text__corpora="def load(name):\n    pass\n")


def complaints(folder, made_up, *cells, **more):
    return claims.complaints([save(folder, list(cells), **more)], made_up)


def test_the_notebooks_hold_what_they_claim():
    assert claims.complaints(all_notebooks()) == []


def test_comments_docstrings_and_spaces_do_not_matter(tmp_path, made_up):
    cell = code('def attend(q,\n           k):\n    "Mine."\n    return (q @ k) / math.sqrt(q.size(-1))  # done', TAG)
    assert complaints(tmp_path, made_up, cell, markdown("And now:"), code(CHECK)) == []


def test_a_difference_is_shown_as_a_diff(tmp_path, made_up):
    found = complaints(tmp_path, made_up, code("def attend(q, k):\n    return q @ k / q.size(-1)", TAG), code(CHECK))
    assert len(found) == 1
    assert found[0].startswith("05_attention.ipynb, cell 1: differs from minigpt.models.attention.attend")
    assert "-    return q @ k / q.size(-1)\n+    return q @ k / math.sqrt(q.size(-1))" in found[0]


def test_a_default_a_type_hint_and_an_extra_statement_are_differences(tmp_path, made_up):
    for source in (ATTEND.replace("k)", "k=None)", 1), ATTEND.replace("k)", "k: int)", 1), f"import math\n{ATTEND}"):
        assert len(complaints(tmp_path, made_up, code(source, TAG), code(CHECK))) == 1


def test_methods_constants_and_several_definitions_can_be_claimed(tmp_path, made_up):
    method = code(
        "def forward(self, x):\n    return attend(x, x)", "package:minigpt.models.attention.Attention.forward"
    )
    both = code(f'{ATTEND}\n\nSIZES = {{"small": 2}}', TAG, "package:minigpt.models.attention.SIZES")
    check = code('course.check("a", attend); course.same("b", SIZES)')
    assert complaints(tmp_path, made_up, method, code("course.same(forward, x)"), both, check) == []


def test_a_claim_of_what_does_not_exist_is_named(tmp_path, made_up):
    for name in ("minigpt.models.attention.attnd", "minigpt.model.attend", "json.loads"):
        found = complaints(
            tmp_path, made_up, code("def g():\n    pass", f"package:{name}"), code("course.check(1, attnd)")
        )
        assert any(f"the package has no {name}" in line for line in found)


@pytest.mark.parametrize("source", [ATTEND, "class Attention:\n    pass"])
def test_an_untagged_redefinition_is_refused(source, tmp_path, made_up):
    found = complaints(tmp_path, made_up, code(source))
    assert len(found) == 1
    assert "is the name of minigpt.models.attention." in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "def attend_one_head(q, k):\n    pass",
        "def load(name):\n    pass",
        "def _hidden():\n    pass",
        "class Mine:\n    def attend(self):\n        pass",
        "from minigpt.models.attention import attend",
        "%%html\n<b>def attend</b>",
    ],
)
def test_other_names_are_free(source, tmp_path, made_up):
    assert complaints(tmp_path, made_up, code(source)) == []


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        (CHECK, True),
        ("course.same(attend, q, k)", True),
        ("from minigpt.models import attention\nassert equal(attend(q, k), attention.attend(q, k))", True),
        ("from minigpt.models.attention import attend as theirs\nassert equal(attend(q, k), theirs(q, k))", True),
        ("assert equal(attend(q, k), other(q, k))", False),
        ("attention.attend(q, k) == attend(q, k)", False),
        ('course.check("05.other", other)', False),
        ("print(attend(q, k))", False),
    ],
)
def test_the_next_code_cell_has_to_check_against_the_package(check, holds, tmp_path, made_up):
    found = complaints(tmp_path, made_up, code(ATTEND, TAG), markdown("Is it the same?"), code(check))
    assert found == [] if holds else "the next code cell has to compare" in found[0]


def test_a_claim_at_the_end_is_unchecked(tmp_path, made_up):
    assert len(complaints(tmp_path, made_up, code(ATTEND, TAG))) == 1


def test_what_one_notebook_built_later_ones_import(tmp_path, made_up):
    paths = [save(tmp_path, [code(ATTEND, TAG), code(CHECK)], name) for name in ("05_a.ipynb", "06_b.ipynb")]
    found = claims.complaints(paths, made_up)
    assert found == ["06_b.ipynb, cell 1: minigpt.models.attention.attend was built in 05_a.ipynb, cell 1: import it"]


def test_write_repairs_what_differs_and_nothing_else(tmp_path, made_up):
    attention = "package:minigpt.models.attention.Attention"
    cells = [
        markdown("Prose é"),
        code("def attend(q, k):\n    return q", TAG),
        code(CHECK),
        code("class Attention:\n    pass", attention),
        code("course.check(1, Attention)"),
    ]
    path = save(tmp_path, cells)
    nbformat.write(nbformat.read(path, as_version=4), path)
    assert claims.repair(path, made_up) == [2, 4]
    assert path.read_text() == nbformat.writes(nbformat.read(path, as_version=4)).rstrip() + "\n", "Jupyter's own form"
    assert claims.complaints([path], made_up) == []
    sources = [cell.source for cell in Notebook(path).cells]
    assert sources[0] == "Prose é"
    assert sources[1] == (
        "def attend(q, k):\n    # divide, or softmax saturates\n    return q @ k / math.sqrt(q.size(-1))  # (T, T)"
    )
    assert sources[3] == (
        "class Attention:\n    n_head: int = 2\n\n    @property\n    def size(self):\n        pass\n\n"
        "    def forward(self, x):\n        return attend(x, x)"
    )
    before = path.read_bytes()
    assert claims.repair(path, made_up) == []
    assert path.read_bytes() == before


@pytest.mark.slow
def test_every_public_definition_of_the_package_survives_the_way_into_a_cell():
    names = claims.public_names()
    assert "minigpt.models.attention.Attention" in names.values()
    for name in names.values():
        source = claims.definition(name)[1]
        cell = code(source, f"package:{name}")
        assert list(claims.differences(claims.Cell(1, cell), claims.PACKAGE)) == [], name
        assert '"""' not in source.partition("= ")[0], name


def test_the_program_says_what_it_finds(tmp_path, capsys):
    path = save(tmp_path, [code("def attend(q):\n    return q", TAG), code(CHECK)])
    assert claims.main([str(path)]) == 1
    assert "differs from minigpt.models.attention.attend" in capsys.readouterr().out
    assert claims.main([str(path), "--write"]) == 0
    assert "cell 1: now as in the package" in capsys.readouterr().out
    assert claims.main([str(path)]) == 0
