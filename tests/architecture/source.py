"""The project's files, read once, for the tests that look at source."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "minibank"

_PLACES = ("src", "tests", "scripts", "docs", "requirements", "benchmarks")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A Python file: where it is, what it says, and how that parses."""

    path: Path
    text: str

    @property
    def where(self) -> str:
        """The path from the root of the project."""
        return str(self.path.relative_to(ROOT)) if self.path.is_absolute() else str(self.path)

    @property
    def package(self) -> str:
        """The child of minibank that it belongs to: `ledger` of minibank.ledger.store."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @property
    def is_store(self) -> bool:
        """Whether SQL may be written here."""
        return self.path.name == "store.py"


def example(text: str, name: str = "example.py") -> Module:
    """A module that exists only in a test: how a rule is shown to be able to fail."""
    return Module(PACKAGE / "example" / name, text)


def _modules(*directories: Path) -> list[Module]:
    paths = sorted(path for directory in directories for path in directory.rglob("*.py"))
    return [Module(path, path.read_text()) for path in paths]


@cache
def package_modules() -> list[Module]:
    """Every module of the package."""
    return _modules(PACKAGE)


@cache
def all_modules() -> list[Module]:
    """Every module of the package, the tests, the benchmarks and the scripts."""
    return _modules(PACKAGE, *(ROOT / name for name in ("tests", "benchmarks", "scripts")))


def store_modules() -> list[Module]:
    """The modules that hold SQL."""
    return [module for module in package_modules() if module.is_store]


def _published() -> list[str]:
    """What git tracks or would track; without git or its consent, what lies in the usual places."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        places = [path for name in _PLACES for path in (ROOT / name).rglob("*")]
        return [str(path.relative_to(ROOT)) for path in (*places, *ROOT.glob("*"))]
    return listed.stdout.decode().split("\0")


@cache
def text_files() -> list[tuple[str, str]]:
    """(path, text) of everything that is published."""
    found = []
    for name in _published():
        path = ROOT / name
        if not name or not path.is_file():
            continue
        try:
            found.append((name, path.read_text()))
        except UnicodeDecodeError:
            continue  # a picture
    return found


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function, methods and nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(tree: ast.AST) -> set[ast.expr]:
    """The string expressions that document something: text, not data."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def dotted(node: ast.AST) -> str:
    """`time.monotonic` of the expression that says so; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""
