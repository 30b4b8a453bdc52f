"""What the scripts of all Python clients share: the first token, and the report they print.

A script is given the file written by `minibank demo --info FILE`, takes its library through
everything a customer's app does, for each customer of the demo, and prints what it saw as JSON.
Each library has an environment of its own, so this module uses nothing beyond the standard library.
"""

import calendar
import json
import sys
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PICTURE = b"\x89PNG\r\n\x1a\n" + b"no picture, but it begins like one"
"""A file to attach."""

HOOK = "https://app.example/hooks?key=wEXQbNaJ"
"""Where nobody is told anything: the script deletes the webhook at once."""

Info = dict[str, Any]
Report = dict[str, Any]


def first_token(info: Info, user: Info) -> dict[str, Any]:
    """Log in by the password grant over plain HTTP, for libraries that lack that grant."""
    form = {
        "grant_type": "password",
        "client_id": info["client_id"],
        "client_secret": info["client_secret"],
        "username": user["email"],
        "password": user["password"],
    }
    with urlopen(
        f"{info['base_url']}/oauth2/token", data=urlencode(form).encode(), timeout=30
    ) as answer:
        token: dict[str, Any] = json.load(answer)
    return token


def refusal(attempt: Callable[[], object]) -> dict[str, str] | None:
    """How the library told that it was refused (type and text), or None when it was not."""
    try:
        attempt()
    except Exception as error:  # which exception it is, is what the test wants to know
        return {"type": type(error).__name__, "text": str(error)}
    return None


def seconds(instant: datetime | None) -> int | None:
    """A library's datetime (aware, or naive and meaning UTC) as whole seconds since 1970."""
    return None if instant is None else calendar.timegm(instant.utctimetuple())


def things(distribution: str, use: Callable[[Info, Info], Report]) -> None:
    """Run `use(info, user)` for the first customer, who has a pot, and print the report."""
    info = json.loads(Path(sys.argv[1]).read_text())
    report = use(info, info["users"][0])
    json.dump({"library": f"{distribution} {version(distribution)}", **report}, sys.stdout)


def send_file(upload_url: str, content: bytes) -> None:
    """Send a file to where the bank said, as the documentation has it: raw, and without a token."""
    with urlopen(Request(upload_url, data=content, method="PUT"), timeout=30) as answer:
        assert answer.status == 200


def is_served(file_url: str, content: bytes) -> list[Any]:
    """As what a file is served to anybody, and whether it is the one that was sent."""
    with urlopen(file_url, timeout=30) as answer:
        return [answer.headers["Content-Type"], answer.read() == content]


def main(distribution: str, travel: Callable[[Info, Info], Report]) -> None:
    """Run `travel(info, user)` for each customer in the file named first, and print the report."""
    info = json.loads(Path(sys.argv[1]).read_text())
    customers = [travel(info, user) for user in info["users"]]
    json.dump(
        {"library": f"{distribution} {version(distribution)}", "customers": customers}, sys.stdout
    )
