"""The guide for users of client libraries shows code that runs, and names what is pinned here."""

import re
from pathlib import Path

import pytest

from tests.compatibility.demo import DemoBank
from tests.compatibility.environments import ROOT
from tests.compatibility.libraries import LIBRARIES
from tests.compatibility.scripts import execute

pytestmark = pytest.mark.timeout(400)

GUIDE = (ROOT / "docs" / "guides" / "clients.md").read_text()
# Each block of code begins with a comment that names its file.
BLOCKS = dict(re.findall(r"```(?:python|javascript)\n(?:#|//) (\S+)\n(.*?)```", GUIDE, re.DOTALL))
ENVIRONMENTS = {
    "use_pymonzo.py": "pymonzo",
    "use_monzo.py": "monzo",
    "use_monzo_api.py": "monzo-api",
    "use_mondo_bank.js": "javascript",
    "use_requests_oauthlib.py": "requests-oauthlib",
    "use_authlib.py": "pymonzo",
}


def test_every_block_of_the_guide_is_run_here():
    assert BLOCKS.keys() == ENVIRONMENTS.keys() | {"first_token.py"}
    assert GUIDE.count("```python") + GUIDE.count("```javascript") == len(BLOCKS)


@pytest.mark.parametrize("script", ENVIRONMENTS)
def test_the_code_in_the_guide_runs_as_it_stands(demo_bank: DemoBank, tmp_path: Path, script: str):
    for name, code in BLOCKS.items():
        (tmp_path / name).write_text(code)
    printed, exchanges = execute(demo_bank, tmp_path, tmp_path / script, ENVIRONMENTS[script])
    first_line, *rest = printed.splitlines()
    assert first_line == demo_bank.info["users"][0]["user_id"]
    if any(exchange.path.endswith("/transactions") for exchange in exchanges):
        assert len(rest) == 101  # the balance, then a page of a hundred
    assert all(exchange.status == 200 for exchange in exchanges)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_the_guide_names_the_pinned_version(library):
    name, version = library.name.split()
    command = f"{name}@{version}" if library.environment == "javascript" else f"{name}=={version}"
    assert command in GUIDE
