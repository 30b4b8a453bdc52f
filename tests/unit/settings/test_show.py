"""Settings as text: the reference file, the documentation, and no secrets."""

import tomllib

import pytest

from minibank.settings import SETTINGS, load_settings, preset
from minibank.settings.show import mask_url, public_value, toml_reference

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:pa%40ss@db:5432/bank", "postgresql://ada:***@db:5432/bank"),
        ("postgresql://ada@db/bank", "postgresql://ada@db/bank"),
        (
            "postgresql://db/bank?user=a&password=x&ssl=1",
            "postgresql://db/bank?user=a&password=***&ssl=1",
        ),
        ("postgresql:///bank?password=x", "postgresql:///bank?password=***"),
        ("postgresql://ada:a:b@[::1]/bank", "postgresql://ada:***@[::1]/bank"),
        ("sqlite:////srv/bank.db", "sqlite:////srv/bank.db"),
        ("sqlite:///bank.db", "sqlite:///bank.db"),
    ],
)
def test_a_database_is_shown_without_its_password(url, shown):
    assert mask_url(url) == shown


def test_no_text_about_the_settings_holds_the_password():
    settings = preset("sandbox", database="postgresql://ada:hunter2@db/bank")
    assert "hunter2" not in str(public_value(settings, "database"))
    assert "hunter2" not in toml_reference(settings)


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_the_reference_file_is_toml_that_loads_as_what_it_describes(mode, tmp_path):
    changed = preset(mode, port=1, trusted_proxies=("10.0.0.5",), password_grant=False)
    config = tmp_path / "some.toml"
    config.write_text(toml_reference(changed))
    assert load_settings({}, {}, config).settings == changed


def test_every_line_that_the_reference_file_comments_out_loads_too(tmp_path):
    lines = toml_reference(preset("production")).splitlines()
    names = tuple(f"# {name} = " for name in SETTINGS)
    uncommented = [line[2:] if line.startswith(names) else line for line in lines]
    assert set(tomllib.loads("\n".join(uncommented))) == set(SETTINGS)
    config = tmp_path / "some.toml"
    config.write_text("\n".join(uncommented))
    assert load_settings({}, {}, config).settings == preset("production")


def test_every_setting_has_a_meaning_that_ends_its_sentence():
    for name, about in SETTINGS.items():
        assert about.meaning.endswith("."), name
        assert about.kind.allowed, name


@pytest.mark.parametrize(
    "as_text", [toml_reference, repr, lambda it: public_value(it, "server_key")]
)
def test_no_text_about_the_settings_holds_a_secret(as_text):
    settings = preset("production", server_key=KEY, database="postgresql://ada:hunter2@db/bank")
    assert KEY not in str(as_text(settings))
    assert "hunter2" not in str(as_text(settings))


def test_a_secret_that_is_not_set_is_not_shown_as_if_it_were():
    assert public_value(preset("sandbox"), "server_key") == ""
    assert public_value(preset("sandbox", server_key=KEY), "server_key") == "***"
