"""The recipes of the guide for whoever changes the code name every file that there is to change."""

import re
from pathlib import Path

import pytest

from minibank.settings.fields import Settings

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


def recipe(beginning: str) -> set[str]:
    """The modules that the recipe with this beginning names."""
    text = (ROOT / "docs/guides/how-to-change-it.md").read_text()
    [found] = [part for part in re.split(r"\n(?=\*\*)", text) if part.startswith(f"**{beginning}")]
    return set(re.findall(r"`(minibank/[\w/]+\.py)`", found))


@pytest.mark.parametrize(
    ("beginning", "one_of_its_kind"),
    [
        ("a field that a transaction keeps", "originator"),
        ("a reason to decline", "INVALID_CVC"),
        ("a rule about money", "refund_card"),
    ],
)
def test_a_recipe_names_every_module_that_knows_the_last_of_its_kind(beginning, one_of_its_kind):
    word = re.compile(rf"\b{one_of_its_kind}\b")
    knows = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if word.search(path.read_text())
    }
    assert knows
    assert knows - recipe(beginning) == set(), "name these modules in the guide"


def test_the_recipe_for_a_setting_names_every_module_with_settings():
    modules = {one.__module__ for one in Settings.__mro__[1:-1]}
    assert recipe("a setting") == {f"{name.replace('.', '/')}.py" for name in modules}
