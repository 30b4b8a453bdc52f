"""The demo as people start it: one command, a bank that answers, four commands to paste."""

import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import CommandLine
from tests.support.demo_process import Running, running_demo


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One demo for all tests that only look at it."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def test_the_info_file_holds_all_a_script_needs_and_is_its_owners_alone(demo: Running):
    assert mode_of(demo.info_file) == 0o600
    assert demo.info["base_url"].startswith("http://127.0.0.1:")
    assert demo.info["client_id"].startswith("oauth2client_")
    assert demo.info["client_secret"].startswith("mb_cs_")
    assert demo.info["redirect_uri"]
    assert demo.info["operator_key"].startswith("mb_op_")
    assert len(demo.info["users"]) >= 3
    for user in demo.info["users"]:
        assert {"email", "password", "user_id", "accounts"} <= set(user)
        for account in user["accounts"]:
            assert set(account) == {"id", "type", "pot_ids"}
    types = {account["type"] for user in demo.info["users"] for account in user["accounts"]}
    assert types == {"uk_retail", "uk_retail_joint"}


def test_the_bank_is_kept_in_one_private_directory(demo: Running):
    directory = demo.info_file.parent / "minibank-demo"
    assert mode_of(directory) == 0o700
    assert {mode_of(file) for file in directory.iterdir()} == {0o600}


def test_the_server_answers_once_the_info_file_is_there(demo: Running):
    assert httpx.get(f"{demo.info['base_url']}/readyz").status_code == 200
    token = demo.token()
    for user in demo.info["users"][:1]:
        for account in user["accounts"]:
            answer = httpx.get(
                f"{demo.info['base_url']}/balance",
                params={"account_id": account["id"]},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status_code == 200


def test_the_sheet_fits_eighty_columns_and_names_everybody(demo: Running):
    sheet = demo.sheet
    assert max(len(line.rstrip()) for line in sheet.splitlines()) <= 80, sheet
    for user in demo.info["users"]:
        assert user["email"] in sheet
        assert user["password"] in sheet
    assert demo.info["base_url"] in sheet
    assert demo.info["client_secret"] in sheet


def test_the_four_commands_work_when_they_are_pasted_in_their_order(demo: Running):
    script = demo.sheet[demo.sheet.index("# Sign in") :]
    done = subprocess.run(
        ["/bin/sh", "-eu"], input=script, capture_output=True, text=True, timeout=30, check=True
    )
    whoami, balance, transactions = (json.loads(line) for line in done.stdout.splitlines() if line)
    maya = demo.info["users"][0]
    assert whoami["user_id"] == maya["user_id"]
    assert balance["currency"] == "GBP"
    found = transactions["transactions"]
    assert len(found) == 3
    assert any(one["merchant"] and one["merchant"]["name"] for one in found)


def test_starting_it_again_goes_on_with_the_same_bank(tmp_path: Path):
    with running_demo(tmp_path) as first:
        first_token = first.token()
        assert first.stop() == 0
    with running_demo(tmp_path) as second:
        headers = {"Authorization": f"Bearer {first_token}"}
        answer = httpx.get(f"{second.info['base_url']}/ping/whoami", headers=headers)
        assert answer.status_code == 200, "the token outlives the process"
        assert second.stop(signal.SIGINT) == 0
    del first.info["base_url"], second.info["base_url"]
    assert first.info == second.info


def test_a_reset_waits_for_nobody_and_harms_nobody(tmp_path: Path):
    cli = CommandLine(tmp_path, {})
    with running_demo(tmp_path) as running:
        token = running.token()
        refused = cli.try_("demo", "--reset", "--no-serve")
        assert refused.status == 2
        assert "another process runs the demo" in refused.err
        running.stop()
    cli.run("demo", "--reset", "--no-serve")
    with running_demo(tmp_path) as again:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{again.info['base_url']}/ping/whoami", headers=headers)
        assert answer.status_code == 401, "a new bank knows no token of the old one"


def test_a_file_of_an_earlier_run_is_gone_before_the_bank_answers(tmp_path: Path):
    stale = tmp_path / "info.json"
    stale.write_text("{}")
    cli = CommandLine(tmp_path, {})
    done = cli.try_("demo", "--info", str(stale), "--dir", "/dev/null/nowhere")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert not stale.exists()


def test_another_seed_gives_another_bank_and_cannot_be_given_to_the_first(tmp_path: Path):
    cli = CommandLine(tmp_path, {})
    cli.run("demo", "--no-serve", "--seed", "one")
    cli.run("demo", "--no-serve")
    cli.run("demo", "--no-serve", "--seed", "one")
    refused = cli.try_("demo", "--no-serve", "--seed", "two")
    assert refused.status == 2
    assert "seed one" in refused.err
    url = f"sqlite:///{tmp_path}/minibank-demo/bank.db"
    first = cli.run("user", "list", "--json", "--database", url).json
    cli.run("demo", "--no-serve", "--seed", "two", "--reset")
    second = cli.run("user", "list", "--json", "--database", url).json
    assert {user["email"] for user in first} == {user["email"] for user in second}
    assert {user["id"] for user in first}.isdisjoint(user["id"] for user in second)


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ([], {"MINIBANK_MODE": "production"}, "a demo is a sandbox bank"),
        (["--set", "mode=production"], {}, "a demo is a sandbox bank"),
        (["--no-serve", "--info", "x.json"], {}, "--no-serve"),
        (["--info", "no/such/x.json"], {}, "directory does not exist"),
        (["--set", "host=0.0.0.0", "--port", "x"], {}, "port"),
        (["--dir", "/dev/null/x"], {}, "cannot be used"),
        (["--database", "mysql://x"], {}, "database"),
    ],
)
def test_what_is_no_demo_is_refused_in_one_line(tmp_path: Path, arguments, variables, words):
    done = CommandLine(tmp_path, {}).try_("demo", *arguments, **variables)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_demo_leaves_a_bank_of_ones_own_alone(empty_database_url: str, tmp_path: Path):
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    cli.run("migrate")
    (tmp_path / "minibank.toml").write_text(f'database = "{empty_database_url}"')
    cli.run("demo", "--no-serve")
    assert cli.run("user", "list", "--json").json == []
    refused = cli.try_("demo", "--no-serve", "--database", empty_database_url)
    assert refused.status == 2
    assert "no demo" in refused.err
    assert cli.run("user", "list", "--json").json == []


def test_a_demo_can_be_kept_in_a_database_that_is_named(empty_database_url: str, tmp_path: Path):
    with running_demo(tmp_path, "--database", empty_database_url) as running:
        assert running.token()
        assert not (tmp_path / "minibank-demo").exists()
        assert running.stop() == 0
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    assert cli.run("audit", "--json").json["clean"]
    refused = cli.try_("demo", "--no-serve", "--reset", "--database", empty_database_url)
    assert refused.status == 2
    password = re.search(r":[^/@]+@", empty_database_url)
    assert password is None or password[0] not in running.sheet


def test_the_umask_does_not_open_what_is_private(tmp_path: Path):
    before = os.umask(0)
    try:
        CommandLine(tmp_path, {}).run("demo", "--no-serve")
    finally:
        os.umask(before)
    directory = tmp_path / "minibank-demo"
    assert mode_of(directory) == 0o700
    assert {mode_of(file) for file in directory.iterdir()} == {0o600}
