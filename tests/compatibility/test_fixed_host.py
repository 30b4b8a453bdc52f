"""A client whose host cannot be changed talks to this bank, over HTTPS, unmodified."""

from pathlib import Path

import pytest

from tests.compatibility import environments
from tests.compatibility.leading import can_have_namespaces, lead
from tests.compatibility.scripts import CLIENTS

pytestmark = pytest.mark.timeout(400)

# The portable way always runs; the real one runs where the system allows it, and the name of each
# test says which way it took.
WAYS = ["resolver", *(["namespace"] if can_have_namespaces() else [])]


@pytest.mark.parametrize("way", WAYS)
def test_a_client_with_a_built_in_host_reaches_this_bank_as_minibank_hosts_says(
    tmp_path: Path, way: str
):
    try:
        python = environments.launcher("monzo").program
    except environments.InstallFailed as failure:
        pytest.fail(str(failure), pytrace=False)
    report = lead(way, tmp_path, python, CLIENTS / "run_fixed_host.py")
    assert report["whoami"]["authenticated"] is True
    assert report["whoami_after_refresh"]["user_id"] == report["whoami"]["user_id"]
    assert report["balance"]["currency"] == "GBP"
    assert report["transactions"] == 10
    assert report["logos"]
    assert all(logo.startswith("https://api.monzo.com/logos/") for logo in report["logos"])


@pytest.mark.parametrize("way", WAYS)
def test_the_client_trusts_this_bank_only_because_it_was_told_to(tmp_path: Path, way: str):
    program = tmp_path / "untold"
    names = "SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
    python = environments.launcher("monzo").program
    program.write_text(f'#!/bin/sh\nunset {names}\nexec {python} "$@"\n')
    program.chmod(0o755)
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        lead(way, tmp_path, program, CLIENTS / "run_fixed_host.py")
