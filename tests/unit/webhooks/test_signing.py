"""Signatures by the Standard Webhooks specification, verified by libraries that are not ours."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from minibank.core.keys import ServerKeys
from minibank.webhooks.signing import Secrets, SigningKeys

OLD, NEW = b"\x01" * 32, b"\x02" * 32
ONE = SigningKeys.of(ServerKeys(OLD))
BOTH = SigningKeys.of(ServerKeys(NEW, OLD))
BODY = b'{"type":"transaction.created","data":{"id":"tx_1"}}'
ID = "delivery_1"
VECTOR = "sG0QZAUC4PcSIajk14o2gFrk8jaA2XGlpSNNefsmNs4="


@pytest.fixture(autouse=True)
def _now() -> None:
    """The library refuses what is older than five minutes, and the tests may have been read long
    before they run."""
    global NOW
    NOW = round(datetime.now(UTC).timestamp())


NOW = 0


def secrets(*versions: int, signing="hmac", webhook_id="webhook_1") -> Secrets:
    return Secrets(webhook_id=webhook_id, signing=signing, versions=versions)


def verify(secret: str, signature: str, body: bytes = BODY, message_id: str = ID) -> None:
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(NOW),
        "webhook-signature": signature,
    }
    Webhook(secret).verify(body, headers)


def test_a_vector():
    """What `openssl dgst -sha256 -mac hmac` says of the same key and content."""
    key = base64.b64decode(SigningKeys().secret("webhook_1", 1).removeprefix("whsec_"))
    content = b"delivery_1.1773144000." + BODY
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert SigningKeys().sign(secrets(1), ID, 1_773_144_000, BODY) == f"v1,{expected}"
    assert expected == VECTOR


def test_the_independent_library_accepts_a_signature():
    verify(ONE.secret("webhook_1", 1), ONE.sign(secrets(1), ID, NOW, BODY))


@pytest.mark.parametrize(
    "change",
    [{"body": BODY + b" "}, {"message_id": "delivery_2"}],
)
def test_it_refuses_what_was_changed(change):
    with pytest.raises(WebhookVerificationError):
        verify(ONE.secret("webhook_1", 1), ONE.sign(secrets(1), ID, NOW, BODY), **change)


def test_each_webhook_each_version_and_each_server_key_has_its_own_secret():
    made = {
        keys.secret(webhook, version)
        for keys in (SigningKeys(), ONE, BOTH)
        for webhook in ("webhook_1", "webhook_2")
        for version in (1, 2)
    }
    assert len(made) == 12
    for one in made:
        assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32


def test_two_secrets_sign_while_one_is_rotated():
    signature = ONE.sign(secrets(2, 1), ID, NOW, BODY)
    for version in (1, 2):
        verify(ONE.secret("webhook_1", version), signature)
    with pytest.raises(WebhookVerificationError):
        verify(ONE.secret("webhook_1", 3), signature)


def test_two_keys_sign_while_the_server_key_is_rotated():
    signature = BOTH.sign(secrets(1), ID, NOW, BODY)
    verify(ONE.secret("webhook_1", 1), signature)
    verify(BOTH.secret("webhook_1", 1), signature)


def ed25519_verifies(key: str, signature: str, body: bytes) -> bool:
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    for one in signature.split(" "):
        version, _, value = one.partition(",")
        assert version == "v1a"
        try:
            public.verify(base64.b64decode(value), b"%b.%d.%b" % (ID.encode(), NOW, body))
        except InvalidSignature:
            continue
        return True
    return False


def test_the_published_key_verifies_what_the_banks_key_signed():
    signature = ONE.sign(secrets(1, signing="ed25519"), ID, NOW, BODY)
    [key] = ONE.public_keys()
    assert ed25519_verifies(key, signature, BODY)
    assert not ed25519_verifies(key, signature, BODY + b" ")
    assert not ed25519_verifies(SigningKeys().public_keys()[0], signature, BODY)


def test_both_keys_of_the_bank_sign_while_it_changes_its_key():
    signature = BOTH.sign(secrets(1, signing="ed25519"), ID, NOW, BODY)
    assert BOTH.public_keys()[1] == ONE.public_keys()[0]
    assert all(ed25519_verifies(key, signature, BODY) for key in BOTH.public_keys())


def test_nothing_secret_prints():
    assert "x01" not in repr(ONE)
    assert "x02" not in repr(BOTH)
