"""The rules of the source, each with an example that breaks it."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import (
    PACKAGE,
    ROOT,
    Function,
    Module,
    all_modules,
    dotted,
    example,
    functions,
    package_modules,
    text_files,
)

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
# A test reads from top to bottom and branches nowhere, so it may be longer.
TEST_MODULE_LINES_MAX = 500
TEST_FUNCTION_LINES_MAX = 80

Rule = Callable[[Module], Iterable[str]]


def broken(rule: Rule, modules: Iterable[Module]) -> list[str]:
    """Every place where a rule is broken."""
    return [f"{module.where}: {complaint}" for module in modules for complaint in rule(module)]


def is_test(module: Module) -> bool:
    """Whether this is a module of tests, not of what they stand on."""
    return module.path.name.startswith("test_")


def long_modules(module: Module) -> Iterator[str]:
    """A module fits in a head."""
    lines = module.text.count("\n")
    if lines > (TEST_MODULE_LINES_MAX if is_test(module) else MODULE_LINES_MAX):
        yield f"{lines} lines"


def long_functions(module: Module) -> Iterator[str]:
    """A function fits on a screen; its docstring is not counted."""
    lines_max = TEST_FUNCTION_LINES_MAX if is_test(module) else FUNCTION_LINES_MAX
    for function in functions(module.tree):
        lines = (function.end_lineno or 0) - function.lineno + 1 - _docstring_lines(function)
        if lines > lines_max:
            yield f"{function.name} has {lines} lines"


def _docstring_lines(function: Function) -> int:
    first = function.body[0]
    if ast.get_docstring(function) is None or first.end_lineno is None:
        return 0
    return first.end_lineno - first.lineno + 1


def hidden_imports(module: Module) -> Iterator[str]:
    """An import inside a function hides a dependency, unless a comment says what it saves."""
    lines = module.text.splitlines()
    for function in functions(module.tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                line = lines[node.lineno - 1]
                if not re.search(r"# noqa: PLC0415 - \w+", line):
                    yield f"line {node.lineno}: import inside {function.name}"


def missing_docstrings(module: Module) -> Iterator[str]:
    """Every module says what it is for."""
    if not ast.get_docstring(module.tree):
        yield "no docstring"


_UNDONE = "".join(("TO", "DO"))
_LEFTOVER = re.compile(rf"\b(?:{_UNDONE}|FIX[M]E|XX[X]|HA[C]K)\b")


def leftovers(module: Module) -> Iterator[str]:
    """Work that is not done is not here."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if _LEFTOVER.search(line):
            yield f"line {number}: {line.strip()}"


_CLOCKS = {
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns")),
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    *("date.today", "datetime.date.today"),
}


def clock_readings(module: Module) -> Iterator[str]:
    """Only core/clock.py reads a clock; everybody else is told the time."""
    if module.path == PACKAGE / "core" / "clock.py":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in _CLOCKS:
            yield f"line {node.lineno}: {dotted(node)}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            for name in node.names:
                if f"time.{name.name}" in _CLOCKS:
                    yield f"line {node.lineno}: time.{name.name}"


_CHANCE = {"random", "secrets", "uuid"}


def randomness(module: Module) -> Iterator[str]:
    """Only core/ids.py reads randomness; a generator with a seed of its own reads none."""
    if module.path == PACKAGE / "core" / "ids.py":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (f"import {n.name}" for n in node.names if n.name in _CHANCE)
        elif isinstance(node, ast.ImportFrom) and node.module in _CHANCE:
            names = [name.name for name in node.names if name.name != "Random"]
            yield from (f"from {node.module} import {name}" for name in names)
        elif isinstance(node, ast.Call) and dotted(node.func) == "Random" and not node.args:
            yield f"line {node.lineno}: Random without a seed"
        elif isinstance(node, ast.Attribute) and dotted(node) in {"os.urandom", "os.getrandom"}:
            yield f"line {node.lineno}: {dotted(node)}"


_COMMITS = re.compile(r"(?i)\s*(?:COMMIT|BEGIN|START TRANSACTION|ROLLBACK|SAVEPOINT)\b[A-Z ]*;?")
_COMMIT_CALLS = {"commit", "rollback", "transaction"}


def commits(module: Module) -> Iterator[str]:
    """`Database.transact` commits, a migration is applied, and nothing else ends a transaction."""
    if module.package == "db":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            said, ends = f".{node.func.attr}()", node.func.attr in _COMMIT_CALLS
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said, ends = repr(node.value), _COMMITS.fullmatch(node.value) is not None
        else:
            continue
        if ends:
            yield f"line {node.lineno}: {said}"


def committing_functions(module: Module) -> set[str]:
    """The methods of an engine that commit: those that open or end a writing transaction."""
    found = set()
    for outer in functions(module.tree):
        for node in ast.walk(outer):
            ends = isinstance(node, ast.Constant) and node.value == "COMMIT"
            opens = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "transaction"
                and not any(keyword.arg == "readonly" for keyword in node.keywords)
            )
            if ends or opens:
                found.add(outer.name)
    return found - {"attempt"}


RULES: list[tuple[Rule, Module]] = [
    (long_modules, example('"""Long."""\n' + "x = 1\n" * 400)),
    (long_functions, example("def f():\n" + "    x = 1\n" * 50)),
    (hidden_imports, example("def f():\n    import os  # noqa: PLC0415\n")),
    (missing_docstrings, example("x = 1\n")),
    (leftovers, example(f"x = 1  # {_UNDONE}: more\n")),
]
PACKAGE_RULES: list[tuple[Rule, Module]] = [
    (clock_readings, example("import time\nnow = time.time()\n")),
    (clock_readings, example("from datetime import datetime\nnow = datetime.now()\n")),
    (clock_readings, example("from time import monotonic\n")),
    (randomness, example("import secrets\n")),
    (randomness, example("from random import randint\n")),
    (randomness, example("from random import Random\ndice = Random()\n")),
    (randomness, example("import os\nx = os.urandom(4)\n")),
    (commits, example("async def f(connection):\n    await connection.commit()\n")),
    (commits, example("def f(connection):\n    connection.execute('BEGIN IMMEDIATE')\n")),
]


def _name(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=_name)
def test_all_source_keeps(rule: Rule) -> None:
    assert broken(rule, all_modules()) == []


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in PACKAGE_RULES), ids=_name)
def test_the_package_keeps(rule: Rule) -> None:
    assert broken(rule, package_modules()) == []


@pytest.mark.parametrize(("rule", "bad"), RULES + PACKAGE_RULES, ids=_name)
def test_a_bad_example_breaks(rule: Rule, bad: Module) -> None:
    assert list(rule(bad)) != []


@pytest.mark.parametrize("engine", ["sqlite.py", "postgres.py"])
def test_an_engine_commits_a_unit_of_work_and_a_migration_and_nothing_else(engine: str) -> None:
    path = PACKAGE / "db" / engine
    committing = committing_functions(Module(path, path.read_text()))
    assert 1 <= len(committing) <= 2, committing


def test_a_second_commit_site_would_be_seen() -> None:
    bad = example(
        "class E:\n    def close(self, connection):\n        connection.execute('COMMIT')\n"
    )
    assert committing_functions(bad) == {"close"}


_LOCAL_PATHS = re.compile(r"(?<![\w.])/(?:home|Users|root|work|workspace)/[\w.]")


def local_paths(text: str, root: Path = ROOT) -> list[str]:
    """Lines that name a place on somebody's machine."""
    own = [str(place) for place in (root, *root.parents) if len(place.parts) > 2]
    return [
        line.strip()
        for line in text.splitlines()
        if _LOCAL_PATHS.search(line) or any(f"{place}/" in line for place in own)
    ]


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    named = {name: local_paths(text) for name, text in text_files()}
    assert {name: lines for name, lines in named.items() if lines} == {}


@pytest.mark.parametrize(
    "line", ["see " + "/".join(("", "home", "ann", "x")), "in /srv/checkouts/minibank/src"]
)
def test_a_local_path_would_be_seen(line: str) -> None:
    assert local_paths(line, Path("/srv/checkouts/minibank")) == [line]
