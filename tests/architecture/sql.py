"""What the SQL of the stores may say: the subset both engines share, and where rows live.

Statements are literal text, so they can be read here without running anything. A statement is cut
into its selects (the text between parentheses that begin with SELECT), because LIMIT belongs to one
of them and a bare `shard` means the table of the select it stands in.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.architecture.source import Module, docstrings

STATEMENT = re.compile(
    r"\s*(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+(?:AS\s+)?(?:\w+\s+)?SET\s|DELETE\s+FROM\s"
    r"|WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\([^)]*\))?\s*AS\s|CREATE\s+(?:TABLE|(?:UNIQUE\s+)?INDEX)\s"
    r"|ALTER\s+TABLE\s|DROP\s+(?:TABLE|INDEX)\s|MERGE\s+INTO\s|TRUNCATE\s)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Statement:
    """One SQL text in the source."""

    where: str
    text: str


def statements(module: Module) -> Iterator[Statement]:
    """Every string constant of a module that is a statement."""
    documentation = docstrings(module.tree)
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node not in documentation and STATEMENT.match(node.value):
            yield Statement(f"{module.where}:{node.lineno}", node.value)


_RUNS = {"fetch": 0, "fetch_one": 0, "fetch_as": 1, "execute": 0}
"""The place of the statement among the arguments."""


def composed(module: Module) -> Iterator[str]:
    """Statements that are put together while running: nobody can read those, or check them."""
    constants = _string_constants(module.tree)
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        place = _RUNS.get(node.func.attr)
        if place is None or place >= len(node.args):
            continue
        sql = node.args[place]
        literal = isinstance(sql, ast.Constant) and isinstance(sql.value, str)
        named = isinstance(sql, ast.Name) and sql.id in constants
        if not (literal or named):
            yield f"{module.where}:{node.lineno}: {node.func.attr}() of something else than a text"


def _string_constants(tree: ast.Module) -> set[str]:
    """Names that a module binds to a literal text, once and for all."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return found


_FORBIDDEN: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "the database's clock": r"\b(?:now|clock_timestamp|statement_timestamp|datetime|strftime"
        r"|julianday|unixepoch)\s*\(|\bcurrent_(?:timestamp|date|time)\b|\blocaltime(?:stamp)?\b",
        "the database's randomness": r"\b(?:random|randomblob|gen_random_uuid|setseed)\s*\(",
        "a sequence": r"\b(?:nextval|currval|lastval|setval)\s*\(|\b(?:big|small)?serial\b"
        r"|\bautoincrement\b|\bgenerated\s+(?:always|by\s+default)\s+as\s+identity\b",
        "a trigger": r"\btrigger\b",
        "a star": r"\bSELECT\s+(?:DISTINCT\s+)?(?:\w+\.)?\*|,\s*(?:\w+\.)?\*|\bRETURNING\s+\*",
        "a simple CASE": r"\bCASE\s+(?!WHEN\b)",
        "a constraint's name": r"\bCONSTRAINT\b",
        "a statement that writes within another": r"\(\s*(?:INSERT|UPDATE|DELETE)\s",
        "a second statement": r";\s*\S",
    }.items()
}
_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE)\b[\s\w,]*|\bFOR\s+KEY\s+SHARE\b")
_ALLOWED_LOCKS = re.compile(
    r"FOR NO KEY UPDATE(?: OF \w+)?(?: SKIP LOCKED)?|FOR UPDATE(?: OF \w+)? SKIP LOCKED"
)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_COMMENT = re.compile(r"--[^\n]*")


def plain(sql: str) -> str:
    """The statement without comments, and with every quoted text emptied."""
    return _LITERAL.sub("''", _COMMENT.sub("", sql))


def selects(sql: str) -> list[str]:
    """The statement and each select within it, each without the selects inside it."""
    stack: list[tuple[bool, list[str]]] = [(True, [])]
    found: list[str] = []
    for index, character in enumerate(sql):
        if character == "(":
            inner = re.match(r"\s*SELECT\b", sql[index + 1 :], re.IGNORECASE) is not None
            if inner:
                stack[-1][1].append("( )")
                stack.append((True, []))
            else:
                stack[-1][1].append(character)
                stack.append((False, stack[-1][1]))
        elif character == ")" and len(stack) > 1:
            inner, text = stack.pop()
            if inner:
                found.append("".join(text))
            else:
                text.append(character)
        else:
            stack[-1][1].append(character)
    return ["".join(stack[0][1]), *found]


def forbidden(sql: str) -> Iterator[str]:
    """What a statement may not say, whatever it is about."""
    text = plain(sql)
    yield from (name for name, pattern in _FORBIDDEN.items() if pattern.search(text))
    for lock in _LOCK.findall(text):
        if not _ALLOWED_LOCKS.fullmatch(" ".join(lock.split())):
            yield f"a lock of the wrong kind: {' '.join(lock.split())}"
    for select in selects(text):
        limited = re.search(r"\bLIMIT\b", select) and not re.search(r"\bORDER\s+BY\b", select)
        # Whether there is any row has one answer in every order.
        if limited and not re.match(r"\s*SELECT\s+1\b", select):
            yield "LIMIT without ORDER BY"


_REFERENCE = re.compile(
    r"(?:\b(?:FROM|JOIN|UPDATE|INTO|USING)|,)\s+(\w+)(?=(?:\s+(?:AS\s+)?(\w+))?)", re.IGNORECASE
)
_AFTER_TABLE = re.compile(
    r"(?:ON|WHERE|SET|JOIN|LEFT|RIGHT|INNER|CROSS|FULL|ORDER|GROUP|LIMIT|FOR|VALUES|USING|RETURNING"
    r"|SELECT|HAVING|UNION|NATURAL|OFFSET|DEFAULT)",
    re.IGNORECASE,
)
_KEYS = re.compile(
    r"\bunnest\s*\([^()]*\$\d+[^()]*\)\s+AS\s+(\w+)\s*\(\s*shard(?:_\w+)?\b", re.IGNORECASE
)
_BOUND = r"\s*(?:=|>=|<=|>|<)\s*(?:ANY\s*\(\s*)?\$\d+"
_TUPLE = r"\s*(?:,[^()]*)?\)\s*(?:=|>=|<=|>|<|IN)\s*\(\s*\$\d+"


def _references(select: str, owned: set[str]) -> list[tuple[str, str]]:
    """(table, alias or "") of every customer-owned table that a select reads or writes."""
    found = []
    for table, alias in _REFERENCE.findall(select):
        if table in owned:
            found.append((table, "" if _AFTER_TABLE.fullmatch(alias) else alias))
    return found


def _anchored(sql: str) -> set[str]:
    """Aliases whose shard is a parameter: directly, by `unnest`, equal to one that is, or between
    two that are."""
    found = set(_KEYS.findall(sql))
    ranged = re.findall(r"\b(\w+)\.shard\s*(?:>|<)\s*(\w+)\.shard_\w+", sql)
    found.update(one for one, keys in ranged if keys in found)
    found.update(re.findall(rf"\b(\w+)\.shard{_BOUND}", sql))
    found.update(re.findall(rf"\(\s*(\w+)\.shard{_TUPLE}", sql))
    equal = re.findall(r"\b(\w+)\.shard\s*=\s*(\w+)\.shard\b", sql)
    while True:
        more = {b for a, b in equal if a in found} | {a for a, b in equal if b in found}
        if more <= found:
            return found
        found |= more


_BARE = re.compile(rf"(?<![\w.])(?:shard{_BOUND}|\(\s*shard{_TUPLE}|shard\s*=\s*\w+\.shard)")
_AMONG_KEYS = re.compile(r"\(\s*shard\b[^()]*\)\s+IN\s*\(\s*\)")


def _says_its_shard(select: str, sql: str) -> bool:
    """Whether a select names the shard of its only table, which then needs no alias."""
    among_keys = _AMONG_KEYS.search(select) and _KEYS.search(sql)
    return bool(among_keys or _BARE.search(select))


def shardless(sql: str, owned: set[str]) -> Iterator[str]:
    """Customer-owned tables that a statement touches without saying, by parameter, in which shard.

    Such a statement would have to be sent to every node of a distributed database.
    """
    text = plain(sql)
    anchored = _anchored(text)
    for select in selects(text):
        insert = re.match(r"\s*INSERT\s+INTO\s+(\w+)\s*\(([^)]*)\)", select, re.IGNORECASE)
        if insert and insert[1] in owned and insert[2].split(",")[0].strip() != "shard":
            yield f"an insert into {insert[1]} whose first column is not shard"
        for table, alias in _references(select, owned):
            if insert and table == insert[1]:
                continue
            bare = not alias and _says_its_shard(select, text)
            if (alias or table) not in anchored and not bare:
                yield f"{table} without its shard"
