"""The four ways in which a client says who it is, and that none falls through to another."""

import base64
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from minibank.core.errors import BadRequest
from minibank.core.secrets import digest
from minibank.oauth.client_authentication import (
    CREDENTIALS,
    Presented,
    identify,
    is_authentic,
    parse_basic,
    require_no_credentials,
)
from minibank.oauth.records import CONFIDENTIAL_GRANTS, PUBLIC_GRANTS, Client, ClientOptions

ID = "oauth2client_0000B1"
OTHER_ID = "oauth2client_0000B2"
SECRET = "mnzconf.a+b/c=d%2Be=="
GRANTS = ["password", "refresh_token", "authorization_code"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def client(*, confidential: bool = True) -> Client:
    return Client(
        id=ID,
        name="An app",
        confidential=confidential,
        redirect_uris=(),
        grants=CONFIDENTIAL_GRANTS if confidential else PUBLIC_GRANTS,
        options=ClientOptions(),
        created_at=0,
    )


def is_accepted(
    body: dict[str, str],
    authorization: str | None = None,
    grant_type: str = "refresh_token",
    *,
    confidential: bool = True,
) -> bool:
    """Whether the request proves to come from the client `ID`, whose secret is `SECRET`."""
    try:
        presented = identify(body, authorization, grant_type)
    except BadRequest:
        return False
    digests = [digest(SECRET)] if confidential else []
    found = client(confidential=confidential) if presented.client_id == ID else None
    return is_authentic(presented, found, digests if found else [])


def could_not_authenticate() -> Any:
    return pytest.raises(
        BadRequest,
        check=lambda error: (
            (error.code, error.oauth_error)
            == ("bad_request.could_not_authenticate", "invalid_request")
        ),
    )


# The first way: both in the body.


@pytest.mark.parametrize("grant_type", GRANTS)
def test_id_and_secret_in_the_body_are_accepted_for_every_grant(grant_type):
    assert is_accepted({"client_id": ID, "client_secret": SECRET}, None, grant_type)


@pytest.mark.parametrize("secret", ["wrong", SECRET + " ", SECRET.lower(), quote(SECRET)])
def test_a_wrong_secret_in_the_body_is_refused(secret):
    assert not is_accepted({"client_id": ID, "client_secret": secret})


def test_the_secret_of_another_client_is_refused():
    assert not is_accepted({"client_id": OTHER_ID, "client_secret": SECRET})


# The second way: Basic.


@pytest.mark.parametrize("grant_type", GRANTS)
def test_basic_with_both_is_accepted_for_every_grant(grant_type):
    assert is_accepted({}, basic(ID, SECRET), grant_type)


def test_basic_is_accepted_with_the_same_id_in_the_body():
    assert is_accepted({"client_id": ID}, basic(ID, SECRET))


def test_basic_is_accepted_with_the_same_two_in_the_body():
    assert is_accepted({"client_id": ID, "client_secret": SECRET}, basic(ID, SECRET))


def test_basic_is_accepted_with_id_and_secret_repeated_as_username_and_password():
    assert is_accepted({"username": ID, "password": SECRET}, basic(ID, SECRET))


@pytest.mark.parametrize("encode", [quote_plus, lambda text: quote(text, safe=""), str])
def test_basic_is_accepted_form_encoded_and_as_it_is(encode):
    assert is_accepted({}, basic(encode(ID), encode(SECRET)))


def test_an_id_that_was_form_encoded_to_the_last_character_is_read():
    encoded = "".join(f"%{ord(character):02X}" for character in ID)
    assert is_accepted({"client_id": ID}, basic(encoded, SECRET))
    assert is_accepted({}, basic(encoded, SECRET))


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_read_in_any_case(scheme):
    assert is_accepted({}, basic(ID, SECRET).replace("Basic", scheme))
    assert is_accepted({}, f"  {basic(ID, SECRET).replace('Basic ', scheme + '   ')} ")


def test_a_secret_may_contain_a_colon():
    parsed = parse_basic(basic(ID, "a:b:c"))
    assert parsed is not None
    assert parsed.passwords == ("a:b:c",)


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:secret").decode(),
        "Basic " + base64.b64encode(b"a:b").decode() + " trailing",
    ],
)
def test_a_malformed_basic_header_is_refused_even_beside_good_credentials(authorization):
    with could_not_authenticate():
        identify({"client_id": ID, "client_secret": SECRET}, authorization, "refresh_token")


@pytest.mark.parametrize("authorization", [None, "", "Bearer expired", "Bearer", "Digest x=y"])
def test_a_header_of_another_scheme_is_as_good_as_none(authorization):
    assert is_accepted({"client_id": ID, "client_secret": SECRET}, authorization)
    assert is_accepted({"client_id": ID}, authorization, confidential=False)


# The third way: Basic with an empty password, and id and secret as username and password.


@pytest.mark.parametrize("grant_type", ["refresh_token", "authorization_code"])
def test_id_and_secret_as_username_and_password_are_accepted_beside_an_empty_password(grant_type):
    body = {"username": ID, "password": SECRET}
    assert is_accepted(body, basic(ID, ""), grant_type)
    assert is_accepted(body | {"client_id": ID}, basic(ID, ""), grant_type)


def test_the_empty_password_way_is_closed_to_the_password_grant():
    assert not is_accepted({"username": ID, "password": SECRET}, basic(ID, ""), "password")


def test_the_empty_password_way_is_closed_without_a_basic_header():
    assert not is_accepted({"username": ID, "password": SECRET})
    assert not is_accepted({"client_id": ID, "username": ID, "password": SECRET})


@pytest.mark.parametrize(
    "body",
    [
        {"username": OTHER_ID, "password": SECRET},
        {"username": "ada@example.com", "password": SECRET},
        {"password": SECRET},
        {"username": ID},
        {"username": ID, "password": ""},
        {"username": ID, "password": "wrong"},
        {"username": ID.upper(), "password": SECRET},
        {"client_id": OTHER_ID, "username": ID, "password": SECRET},
        {"username": ID, "client_secret": "wrong", "password": SECRET},
        {},
    ],
)
def test_the_empty_password_way_needs_the_basic_user_as_username_and_the_right_secret(body):
    assert not is_accepted(body, basic(ID, ""))


def test_the_empty_password_way_is_closed_to_public_clients():
    body = {"username": ID, "password": SECRET}
    assert not is_accepted(body, basic(ID, ""), confidential=False)


def test_an_empty_password_does_no_harm_beside_both_in_the_body():
    assert is_accepted({"client_id": ID, "client_secret": SECRET}, basic(ID, ""))


def test_an_empty_password_is_no_secret():
    assert not is_accepted({"client_id": ID}, basic(ID, ""))
    assert not is_accepted({"client_id": ID, "client_secret": ""}, basic(ID, ""))
    assert not is_accepted({"client_secret": SECRET}, basic(ID, ""))


# The fourth way: the id alone, for a public client.


@pytest.mark.parametrize("grant_type", GRANTS)
def test_the_id_alone_is_accepted_from_a_public_client(grant_type):
    assert is_accepted({"client_id": ID}, None, grant_type, confidential=False)
    assert is_accepted({"client_id": ID, "client_secret": ""}, confidential=False)


def test_the_id_alone_is_refused_from_a_confidential_client():
    assert not is_accepted({"client_id": ID})
    assert not is_accepted({"client_id": ID, "client_secret": ""})


def test_a_public_client_that_shows_a_secret_is_refused():
    assert not is_accepted({"client_id": ID, "client_secret": SECRET}, confidential=False)


@pytest.mark.parametrize("password", ["", SECRET])
def test_a_public_client_that_shows_a_basic_header_is_refused(password):
    assert not is_accepted({"client_id": ID}, basic(ID, password), confidential=False)


def test_nobody_named_at_all_is_a_missing_client_id():
    with pytest.raises(BadRequest) as refusal:
        identify({"client_secret": SECRET}, None, "refresh_token")
    assert refusal.value.code == "bad_request.missing_param.client_id"
    assert refusal.value.oauth_error == "invalid_request"


# No falling through, and one client only.


def test_a_wrong_secret_in_the_body_does_not_fall_through_to_a_right_one_in_basic():
    assert not is_accepted({"client_id": ID, "client_secret": "wrong"}, basic(ID, SECRET))


def test_a_wrong_secret_in_basic_does_not_fall_through_to_a_right_one_in_the_body():
    assert not is_accepted({"client_id": ID, "client_secret": SECRET}, basic(ID, "wrong"))


def test_a_wrong_secret_in_basic_does_not_fall_through_to_username_and_password():
    assert not is_accepted({"username": ID, "password": SECRET}, basic(ID, "wrong"))


def test_a_wrong_secret_in_basic_does_not_fall_through_to_the_id_alone():
    assert not is_accepted({"client_id": ID}, basic(ID, "wrong"), confidential=False)


def test_basic_and_body_that_name_two_clients_are_refused():
    body = {"client_id": OTHER_ID, "client_secret": SECRET}
    assert not is_accepted(body, basic(ID, SECRET))
    assert not is_accepted({"client_id": OTHER_ID}, basic(ID, SECRET))
    assert not is_accepted({"client_id": ID, "client_secret": SECRET}, basic(OTHER_ID, SECRET))


def test_an_unknown_client_is_refused_whatever_it_shows():
    for secrets in ((), ((SECRET,),), (("\0" * 32,),)):
        assert not is_authentic(Presented(ID, secrets), None, ())


def test_a_confidential_client_without_a_live_secret_is_refused_everything():
    assert not is_authentic(Presented(ID, ()), client(), ())
    assert not is_authentic(Presented(ID, ((SECRET,),)), client(), ())


def test_any_of_two_live_secrets_is_right():
    digests = [digest("former"), digest("present")]
    for secret in ("former", "present"):
        assert is_authentic(Presented(ID, ((secret,),)), client(), digests)
    assert is_authentic(Presented(ID, (("former",), ("present",))), client(), digests)
    assert not is_authentic(Presented(ID, (("former",), ("other",))), client(), digests)


# Credentials in the query.


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_in_the_query_is_refused(name):
    with pytest.raises(BadRequest) as refusal:
        require_no_credentials({name: "x"})
    assert refusal.value.code == f"bad_request.bad_param.{name}"
    assert refusal.value.oauth_error == "invalid_request"


def test_what_is_no_credential_may_be_in_the_query():
    require_no_credentials({"grant_type": "password", "client_id": ID, "utm_source": "x"})


def test_an_empty_credential_in_the_query_is_an_absent_one():
    require_no_credentials({"client_secret": "", "password": ""})


def test_the_refusal_of_a_credential_in_the_query_does_not_repeat_it():
    with pytest.raises(BadRequest) as refusal:
        require_no_credentials({"client_secret": SECRET})
    assert SECRET not in f"{refusal.value} {refusal.value.message} {refusal.value.params}"
