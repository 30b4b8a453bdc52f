"""How the answer of the token endpoint looks."""

from minibank.core.ids import SeededIds
from minibank.core.secrets import digest
from minibank.oauth.records import Client, ClientOptions
from minibank.oauth.secrets import parse_token
from minibank.oauth.tokens import NewPair, TokenAnswer, TokenRules
from minibank.settings import Settings, preset

USER = "user_0000B"


def client(*, confidential: bool = True, options: ClientOptions | None = None) -> Client:
    return Client(
        id="oauth2client_0000B",
        name="An app",
        confidential=confidential,
        redirect_uris=(),
        grants=(),
        options=options or ClientOptions(),
        created_at=0,
    )


def answer_to(asking: Client) -> TokenAnswer:
    return NewPair.draw(SeededIds("tokens"), 77, asking).answer(asking, USER, TokenRules())


def test_the_answer_has_exactly_six_keys():
    answer = answer_to(client())
    assert list(answer) == [
        "access_token",
        "client_id",
        "expires_in",
        "refresh_token",
        "token_type",
        "user_id",
    ]
    assert answer["client_id"] == "oauth2client_0000B"
    assert answer["user_id"] == USER
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 21600
    assert isinstance(answer["expires_in"], int)


def test_a_public_client_gets_five_keys_and_no_refresh_token():
    answer = answer_to(client(confidential=False))
    assert set(answer) == {"access_token", "client_id", "expires_in", "token_type", "user_id"}


def test_a_scope_is_added_only_for_a_client_that_wants_it():
    wants = ClientOptions(token_extra_fields="scope")
    assert answer_to(client(options=wants))["scope"] == "third_party_developer_app"
    assert "scope" not in answer_to(client())


def test_both_tokens_live_in_the_shard_of_the_user():
    pair = NewPair.draw(SeededIds("tokens"), 77, client())
    for token, kind in ((pair.access, "access"), (pair.refresh, "refresh")):
        parsed = parse_token(token or "")
        assert parsed is not None
        assert (parsed.kind, parsed.shard) == (kind, 77)


def test_only_digests_are_stored():
    pair = NewPair.draw(SeededIds("tokens"), 77, client())
    stored = pair.values(1_000_000, TokenRules(access_token_seconds=60))
    assert stored.access_digest == digest(pair.access)
    assert stored.refresh_digest == digest(pair.refresh or "")
    assert (stored.issued_at, stored.access_expires_at) == (1_000_000, 61_000_000)


def test_the_rules_are_what_the_settings_say():
    assert TokenRules.from_settings(Settings()) == TokenRules()
    production = TokenRules.from_settings(preset("production"))
    assert production.revoke_on_refresh_reuse
    settings = Settings(
        access_token_seconds=1,
        refresh_token_seconds=2,
        revoke_on_refresh_reuse=True,
        password_grant=False,
        evicted_token_seconds=3,
        password_failures_max=4,
        password_failures_address_max=5,
        password_failures_window_seconds=6,
    )
    assert TokenRules.from_settings(settings) == TokenRules(
        access_token_seconds=1,
        refresh_token_seconds=2,
        revoke_on_refresh_reuse=True,
        password_grant=False,
        former_token_seconds=3,
        password_failures_max=4,
        password_failures_address_max=5,
        password_failures_window_seconds=6,
    )
