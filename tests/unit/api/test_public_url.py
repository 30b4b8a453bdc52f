"""What the absolute URLs in an answer begin with, whatever a request says of its host."""

import pytest

from minibank.api.public_url import public_url_for
from minibank.settings import preset
from minibank.settings.hosts import HISTORIC_HOSTS

OURS = "https://bank.example"
SANDBOX = preset("sandbox", public_url=OURS)


@pytest.mark.parametrize("host", HISTORIC_HOSTS)
def test_a_historic_host_is_repeated_in_a_sandbox_bank_only(host: str):
    assert public_url_for(SANDBOX, "https", host) == f"https://{host}"
    assert public_url_for(SANDBOX, "http", f"{host.upper()}:8484") == f"http://{host}:8484"
    assert public_url_for(preset("production", public_url=OURS), "https", host) == OURS


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost",
        "api.monzo.com.evil.example",
        "evil.example/api.monzo.com",
        "api.monzo.com/../x",
        "api.monzo.com:",
        "api.monzo.com:80:80",
        "api.monzo.com:123456",
        "api.monzo.com\n",
        "api-monzo.com",
        "apixmonzo.com",
        "user@api.monzo.com",
    ],
)
def test_any_other_host_is_never_repeated(host: str):
    assert public_url_for(SANDBOX, "https", host) == OURS
