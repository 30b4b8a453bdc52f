"""Where settings come from, who wins, and what stops the start."""

from pathlib import Path

import pytest

from minibank.settings import SETTINGS, Settings, SettingsError, load_settings, preset


def load(tmp_path: Path, flags=None, environment=None, toml: str | None = None):
    if toml is not None:
        (tmp_path / "minibank.toml").write_text(toml)
    return load_settings(flags or {}, environment or {}, directory=tmp_path)


def test_without_anything_the_settings_are_the_sandbox_preset(tmp_path):
    loaded = load(tmp_path)
    assert loaded.settings == Settings() == preset("sandbox")
    assert set(loaded.sources.values()) == {"preset sandbox"}


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "port", "source"),
    [
        ({"port": "1"}, {"MINIBANK_PORT": "2"}, "port = 3", 1, "--port"),
        ({"port": None}, {"MINIBANK_PORT": "2"}, "port = 3", 2, "MINIBANK_PORT"),
        ({}, {}, "port = 3", 3, "minibank.toml"),
        ({}, {}, None, 8484, "preset sandbox"),
    ],
)
def test_a_flag_wins_over_the_environment_over_the_file_over_the_preset(
    tmp_path, flags, environment, toml, port, source
):
    loaded = load(tmp_path, flags, environment, toml)
    assert loaded.settings.port == port
    assert loaded.sources["port"].endswith(source)


@pytest.mark.parametrize(
    ("flags", "environment", "toml"),
    [
        ({"mode": "production"}, {}, None),
        ({}, {"MINIBANK_MODE": "production"}, None),
        ({}, {}, 'mode = "production"'),
    ],
)
def test_the_mode_chooses_the_preset_wherever_it_is_said(tmp_path, flags, environment, toml):
    loaded = load(tmp_path, flags, environment, toml)
    assert loaded.settings == preset("production")
    assert loaded.settings.cors_origins == ()
    assert loaded.settings.revoke_on_refresh_reuse
    assert loaded.sources["cors_origins"] == "preset production"


def test_a_value_of_the_file_wins_over_the_preset_that_the_file_names(tmp_path):
    loaded = load(tmp_path, toml='mode = "production"\nrevoke_on_refresh_reuse = false')
    assert not loaded.settings.revoke_on_refresh_reuse


def test_a_named_file_is_read_and_the_one_in_the_directory_is_not(tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("port = 5")
    (tmp_path / "minibank.toml").write_text("port = 6\nhold_seconds = 60")
    by_flag = load_settings({}, {}, other, tmp_path).settings
    by_variable = load_settings({}, {"MINIBANK_CONFIG": str(other)}, None, tmp_path).settings
    assert by_flag == by_variable
    assert (by_flag.port, by_flag.hold_seconds) == (5, Settings().hold_seconds)


def test_lists_are_separated_by_commas_in_text_and_are_lists_in_toml(tmp_path):
    by_text = load(tmp_path, environment={"MINIBANK_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16"})
    by_toml = load(tmp_path, toml='trusted_proxies = ["10.0.0.1", "10.1.0.0/16"]')
    assert by_text.settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert by_toml.settings == by_text.settings
    emptied = load(tmp_path, environment={"MINIBANK_CORS_ORIGINS": ""})
    assert emptied.settings.cors_origins == ()


@pytest.mark.parametrize("word", ["true", "YES", "on", "1"])
def test_yes_can_be_written_in_several_ways(tmp_path, word):
    found = load(tmp_path, environment={"MINIBANK_REVOKE_ON_REFRESH_REUSE": word})
    assert found.settings.revoke_on_refresh_reuse


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "words"),
    [
        ({"port": "99999"}, {}, None, ["port", "99999", "--port", "0 to 65535"]),
        ({"port": "-1"}, {}, None, ["port", "--port", "0 to 65535"]),
        ({"port": "\uff18"}, {}, None, ["port", "--port"]),
        ({"colour": "red"}, {}, None, ["--set", "colour"]),
        ({"prot": "1"}, {}, None, ["prot", "did you mean port?"]),
        ({"mode": "toy"}, {}, None, ["mode", "'toy'", "--mode", "sandbox or production"]),
        ({"host": "a b"}, {}, None, ["host", "--host"]),
        ({}, {"MINIBANK_WORKERS": "many"}, None, ["workers", "'many'", "MINIBANK_WORKERS", "1"]),
        ({}, {"MINIBANK_WORKES": "1"}, None, ["MINIBANK_WORKES", "did you mean MINIBANK_WORKERS"]),
        ({}, {"MINIBANK_PASSWORD_GRANT": "maybe"}, None, ["password_grant", "true or false"]),
        ({}, {"MINIBANK_SORT_CODE": "12-34-56"}, None, ["sort_code", "six digits"]),
        ({}, {"MINIBANK_PUBLIC_URL": "https://a/b"}, None, ["public_url", "without a path"]),
        ({}, {"MINIBANK_PUBLIC_URL": "ftp://a"}, None, ["public_url"]),
        ({}, {"MINIBANK_CORS_ORIGINS": "example.com"}, None, ["cors_origins", "origins"]),
        ({}, {"MINIBANK_CONFIG": "/no/such.toml"}, None, ["MINIBANK_CONFIG", "no such file"]),
        ({}, {}, "port = true", ["port", "minibank.toml", "0 to 65535"]),
        ({}, {}, 'port = "80"', ["port", "minibank.toml"]),
        ({}, {}, "port = 1.5", ["port", "minibank.toml"]),
        ({}, {}, "trusted_proxies = 'x'", ["trusted_proxies", "minibank.toml"]),
        ({}, {}, "trusted_proxies = ['10.0.0.1/8']", ["trusted_proxies", "minibank.toml"]),
        ({}, {}, "cors_origins = [1]", ["cors_origins", "minibank.toml"]),
        ({}, {}, "password_grant = 1", ["password_grant", "true or false"]),
        ({}, {}, "bic = 7", ["bic", "minibank.toml"]),
        ({}, {}, "mode = 7", ["mode", "minibank.toml", "sandbox or production"]),
        ({}, {}, "bcklog = 7", ["minibank.toml", "bcklog", "did you mean backlog?"]),
        ({}, {}, "[server]\nport = 7", ["minibank.toml", "server"]),
        ({}, {}, "port =", ["minibank.toml", "not valid TOML"]),
    ],
)
def test_what_is_wrong_stops_the_start_with_one_sentence_that_names_it(
    tmp_path, flags, environment, toml, words
):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, flags, environment, toml)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "url",
    ["postgres//u:hunter2@h/d", "mysql://u:hunter2@h/d", "sqlite://hunter2", "postgresql://"],
)
def test_a_wrong_database_is_refused_without_repeating_its_password(tmp_path, url):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environment={"MINIBANK_DATABASE": url})
    assert "hunter2" not in str(caught.value)
    assert "MINIBANK_DATABASE" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///bank.db",
        "sqlite:////srv/bank.db",
        "postgresql://bank:secret@db.internal:5432/bank?sslmode=require",
        "postgres://[::1]/bank",
        "postgresql:///bank",
        "postgresql://bank@/bank?host=/run/postgresql",
    ],
)
def test_a_database_may_be_a_file_a_host_or_a_socket(tmp_path, url):
    assert load(tmp_path, environment={"MINIBANK_DATABASE": url}).settings.database == url


def test_a_file_that_cannot_be_read_as_text_is_refused(tmp_path):
    (tmp_path / "minibank.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings({}, {}, directory=tmp_path)


def test_variables_of_others_are_none_of_our_business(tmp_path):
    environment = {"PATH": "/bin", "MINIBANK_PASSWORD": "x", "MINIBANK_TEST_POSTGRES": "bundled"}
    assert load(tmp_path, environment=environment).settings == Settings()


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_every_default_is_itself_allowed(mode):
    for name, about in SETTINGS.items():
        value = about.preset(mode)
        as_toml = list(value) if isinstance(value, tuple) else value
        assert about.kind.from_toml(as_toml) == value, name


KEYS = (
    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=",
)


@pytest.mark.parametrize("text", ["", KEYS[0], ",".join(KEYS), " ".join(KEYS), "\n".join(KEYS)])
def test_the_server_key_may_be_a_value_of_the_environment(tmp_path, text):
    assert load(tmp_path, environment={"MINIBANK_SERVER_KEY": text}).settings.server_key == text


@pytest.mark.parametrize(
    ("flags", "environment", "toml"),
    [
        ({"server_key": KEYS[0]}, {}, None),
        ({}, {}, f'server_key = "{KEYS[0]}"'),
        ({}, {"MINIBANK_SERVER_KEY": f"{KEYS[0]}x"}, None),
        ({}, {"MINIBANK_SERVER_KEY": ",".join([*KEYS, KEYS[0]])}, None),
    ],
)
def test_a_server_key_elsewhere_or_none_at_all_is_refused_without_repeating_it(
    tmp_path, flags, environment, toml
):
    with pytest.raises(SettingsError, match="server_key") as caught:
        load(tmp_path, flags, environment, toml)
    assert KEYS[0] not in str(caught.value)
    assert "MINIBANK_SERVER_KEY" in str(caught.value)
