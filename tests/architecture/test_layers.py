"""The order of packages: what may import what, and who writes whose rows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import (
    PACKAGE,
    ROOT,
    Module,
    example,
    functions,
    package_modules,
    store_modules,
)

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
LAYERS: list[str] = CONFIG["tool"]["importlinter"]["contracts"][0]["layers"]
PLACED = {name for layer in LAYERS for name in re.findall(r"\w+", layer)}


def lint_imports(config: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the checker of import order on a package."""
    return subprocess.run(
        [
            *(
                sys.executable,
                "-c",
                "from importlinter.cli import lint_imports_command as main; main()",
            ),
            *("--config", str(config), "--no-cache", "--no-logo"),
        ],
        cwd=cwd,
        env={"PYTHONPATH": str(cwd)},
        capture_output=True,
        text=True,
    )


def test_packages_import_downward_only() -> None:
    said = lint_imports(ROOT / "pyproject.toml", PACKAGE.parent)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_package_has_its_place_in_the_order() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert modules | packages == PLACED


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("core", "db"),
        ("ledger", "payments"),
        ("identity", "ledger"),
        ("oauth", "accounts"),
        ("accounts", "transactions"),
        ("payments", "api"),
        ("worker", "api"),
        ("stranger", "core"),
    ],
)
def test_an_import_against_the_order_would_be_seen(
    importer: str, imported: str, tmp_path: Path
) -> None:
    for name in {
        importer,
        imported,
        *(word for layer in LAYERS for word in re.findall(r"\w+", layer)),
    }:
        module = tmp_path / "minibank" / name / "__init__.py"
        module.parent.mkdir(parents=True)
        module.write_text(f"import minibank.{imported}\n" if name == importer else "")
    (tmp_path / "minibank" / "__init__.py").write_text("")
    config = tmp_path / "importlinter.toml"
    layers = ",\n".join(f'"{layer}"' for layer in LAYERS)
    config.write_text(
        '[tool.importlinter]\nroot_package = "minibank"\n[[tool.importlinter.contracts]]\n'
        'name = "order"\ntype = "layers"\ncontainers = ["minibank"]\nexhaustive = true\n'
        f"layers = [{layers}]\n"
    )
    said = lint_imports(config, tmp_path)
    assert said.returncode == 1
    assert "1 broken" in said.stdout
    assert importer in said.stdout


WRITES_FOR_ALL = "payments"
"""The engine: one transaction for the rows of every feature that a command touches."""


def writes_of(module: Module) -> set[str]:
    """The functions of a store that write: those that are given a `Tx`."""
    return {
        function.name
        for function in functions(module.tree)
        if function.args.args
        and isinstance(function.args.args[0].annotation, ast.Name)
        and function.args.args[0].annotation.id == "Tx"
    }


def imported(module: Module) -> dict[str, str]:
    """What a module's names mean: `find_user` is `minibank.identity.store.find_user`."""
    return {
        name.asname or name.name: f"{node.module}.{name.name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def foreign_writes(module: Module, writes: dict[str, set[str]]) -> Iterator[str]:
    """Uses of another package's writes; `writes` is by the dotted name of the store."""
    full = {f"{store}.{name}" for store, names in writes.items() for name in names}
    names = imported(module)
    used = set(names.values())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.add(f"{names.get(node.value.id, '')}.{node.attr}")
    if module.package != WRITES_FOR_ALL:
        own = f"minibank.{module.package}."
        yield from sorted(name for name in used & full if not name.startswith(own))


def all_writes() -> dict[str, set[str]]:
    """Every store's writing functions."""
    return {
        ".".join(("minibank", *module.path.relative_to(PACKAGE).with_suffix("").parts)): writes_of(
            module
        )
        for module in store_modules()
    }


def test_rows_are_written_by_their_own_package_and_by_the_engine() -> None:
    writes = all_writes()
    assert sum(map(len, writes.values())) > 10
    found = {module.where: list(foreign_writes(module, writes)) for module in package_modules()}
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from minibank.ledger.store import insert_sets",
        "from minibank.ledger import store\nwrite = store.insert_sets",
        "from minibank.ledger import store as rows\nwrite = rows.insert_sets",
    ],
)
def test_a_foreign_write_would_be_seen(text: str) -> None:
    store = example("async def insert_sets(tx: Tx) -> None: ...\nasync def find(tx: ReadTx): ...\n")
    writes = {"minibank.ledger.store": writes_of(store)}
    assert writes == {"minibank.ledger.store": {"insert_sets"}}
    assert list(foreign_writes(example(text), writes))
    assert not list(foreign_writes(example(text.replace("insert_sets", "find")), writes))
