"""Which settings a server may start with."""

import pytest

from minibank.settings import SettingsError, load_settings, require_servable

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PROXIED = {
    "trusted_proxies": "10.0.0.5",
    "public_url": "https://api.example.com",
    "server_key_file": "server.key",
    "files_url": "https://files.example.com",
}


def loaded(flags=None, environment=None, config=None):
    return load_settings(flags or {}, environment or {}, config)


def test_a_sandbox_bank_starts_as_it_comes():
    require_servable(loaded())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_sandbox_bank_may_listen_on_loopback_however_it_is_said(host, tmp_path):
    config = tmp_path / "some.toml"
    config.write_text(f'host = "{host}"')
    require_servable(loaded(config=config))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "bank.local"])
def test_a_sandbox_bank_listens_beyond_loopback_only_when_told_so_by_name(host, tmp_path):
    config = tmp_path / "some.toml"
    config.write_text(f'host = "{host}"')
    with pytest.raises(SettingsError, match=f"--host {host}"):
        require_servable(loaded(config=config))
    require_servable(loaded({"host": host, "tls": "dev"}, config=config))
    require_servable(loaded({"tls": "dev"}, environment={"MINIBANK_HOST": host}))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "bank.local"])
def test_plain_http_leaves_this_machine_only_behind_a_named_proxy(host):
    with pytest.raises(SettingsError, match="--tls dev"):
        require_servable(loaded({"host": host}))
    for way in (
        {"tls": "dev"},
        {"trusted_proxies": "10.0.0.5"},
        {"tls_cert": "cert.pem", "tls_key": "key.pem"},
    ):
        require_servable(loaded({"host": host, **way}))


@pytest.mark.parametrize("missing", sorted(PROXIED))
def test_a_production_bank_starts_only_with_a_proxy_a_public_address_and_a_server_key(missing):
    flags = {"mode": "production", **PROXIED}
    require_servable(loaded(flags))
    del flags[missing]
    with pytest.raises(SettingsError, match=missing):
        require_servable(loaded(flags))


def test_a_production_bank_is_not_reached_by_plain_http():
    flags = {"mode": "production", **PROXIED, "public_url": "http://api.example.com"}
    with pytest.raises(SettingsError, match="https://"):
        require_servable(loaded(flags))


def test_a_production_bank_with_a_certificate_needs_no_proxy_but_a_public_address():
    certificate = {"tls_cert": "cert.pem", "tls_key": "key.pem"}
    flags = {
        "mode": "production",
        **PROXIED,
        **certificate,
        "public_url": "",
        "trusted_proxies": "",
    }
    with pytest.raises(SettingsError, match="public_url"):
        require_servable(loaded(flags))
    require_servable(loaded({**flags, "public_url": "https://api.example.com"}))


@pytest.mark.parametrize(
    "files_url",
    [
        "http://files.example.com",
        "https://api.example.com",
        "https://API.example.com:443",
        "https://api.example.com:8443",
    ],
)
def test_a_production_bank_serves_files_on_another_host_and_by_https(files_url):
    with pytest.raises(SettingsError, match="files_url"):
        require_servable(loaded({"mode": "production", **PROXIED, "files_url": files_url}))


def test_a_sandbox_bank_may_serve_files_itself_and_on_another_port_but_not_twice():
    flags = {"public_url": "http://127.0.0.1:8484"}
    require_servable(loaded({**flags, "files_url": "http://127.0.0.1:8485"}))
    with pytest.raises(SettingsError, match="host of their own"):
        require_servable(loaded({**flags, "files_url": "http://127.0.0.1:8484"}))


def test_a_production_bank_on_postgresql_says_where_it_keeps_files():
    flags = {"mode": "production", **PROXIED, "database": "postgresql://bank@db/bank"}
    with pytest.raises(SettingsError, match="files: "):
        require_servable(loaded(flags))
    for place in ("/srv/files", "s3://bank-files", "s3://bank-files/a/b"):
        require_servable(loaded({**flags, "files": place}))


@pytest.mark.parametrize(
    "place", ["s3://", "s3://A", "s3://bucket//x", "s3://bucket?x", "http://bucket", "a\0b"]
)
def test_files_are_kept_in_a_directory_or_a_bucket(place):
    with pytest.raises(SettingsError, match="files"):
        loaded({"files": place})


def test_a_production_bank_shows_no_certificate_that_it_made_itself():
    with pytest.raises(SettingsError, match="sandbox"):
        require_servable(loaded({"mode": "production", **PROXIED, "tls": "dev"}))


@pytest.mark.parametrize(("named", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_a_certificate_and_its_key_are_named_together(named, missing):
    with pytest.raises(SettingsError, match=f"^{missing}: "):
        require_servable(loaded({named: "some.pem"}))


def test_a_certificate_is_given_or_made_and_not_both():
    with pytest.raises(SettingsError, match=r"^tls: "):
        require_servable(loaded({"tls": "dev", "tls_cert": "c.pem", "tls_key": "k.pem"}))


def test_several_processes_need_postgresql():
    flags = {"workers": "2", "database": "sqlite:///bank.db"}
    with pytest.raises(SettingsError, match="SQLite"):
        require_servable(loaded(flags))
    require_servable(loaded({**flags, "database": "postgresql://localhost/bank"}))


def test_a_server_key_may_come_from_the_environment_and_from_one_place_only():
    flags = {"mode": "production", **PROXIED}
    key = {"MINIBANK_SERVER_KEY": KEY}
    with pytest.raises(SettingsError, match=r"server_key: .* use one"):
        require_servable(loaded(flags, key))
    del flags["server_key_file"]
    require_servable(loaded(flags, key))
