"""What stands between the table of routes and a resource."""

from minibank.api.endpoint import Call
from minibank.api.requests import NOTHING
from minibank.attachments.signatures import UploadKeys
from minibank.oauth.callers import Caller
from minibank.oauth.records import ClientOptions
from minibank.webhooks.signing import SigningKeys
from tests.support.callers import SETTINGS


def test_a_call_is_shown_without_its_token_and_headers():
    call = Call(
        caller=Caller("oauth2client_1", "user_1", ClientOptions()),
        params=NOTHING,
        path={},
        body=b"",
        settings=SETTINGS,
        signing=SigningKeys(),
        uploads=UploadKeys(),
        headers={"authorization": "Bearer s3cret", "host": "bank.example"},
        scheme="https",
        token="s3cret",
        drawn={},
    )
    for shown in (repr(call), str(call)):
        assert "s3cret" not in shown
        assert "user_1" in shown
    assert call.public_url == SETTINGS.public_url
