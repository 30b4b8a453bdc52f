"""Every code that the API refuses with, and what it means: the reference is made of this.

`<name>` stands for the name of a parameter. A code that is missing here is a code that nobody was
told of: the tests hold every answer against the reference.
"""

from minibank.core.errors import (
    BadRequest,
    BankError,
    Conflict,
    Forbidden,
    InternalService,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    Timeout,
    TooLarge,
    Unauthorized,
    Unavailable,
)

BAD_BODY = "bad_request.bad_body"
BAD_PARAM = "bad_request.bad_param.<name>"
MISSING_PARAM = "bad_request.missing_param.<name>"
TOO_LARGE = "bad_request.too_large"
FORBIDDEN = "forbidden.insufficient_permissions"
PRECONDITION_FAILED = "precondition_failed"
BAD_IF_MATCH = "bad_request.bad_header.if_match"
BAD_KEY = "bad_request.bad_header.idempotency_key"
KEY_REUSED = "conflict.idempotency_key_reused"
NOT_FOUND = "not_found"
NO_KEY = "bad_request.missing_header.idempotency_key"
BAD_OPERATOR_KEY = "unauthorized.bad_operator_key"
INSUFFICIENT_SCOPE = "forbidden.insufficient_scope"
COMMAND_REUSED = "conflict.command_id_reused"
INSUFFICIENT_FUNDS = "bad_request.insufficient_funds"
LIMIT_EXCEEDED = "bad_request.limit_exceeded"
BAD_COMMAND = "bad_request.bad_command"
NOT_OPEN = "conflict.account_not_open"
CARD_HAS_ENDED = "conflict.card_has_ended"
CLOSED = "conflict.account_closed"
NOT_EMPTY = "conflict.account_not_empty"
OVERDRAWN = "conflict.account_overdrawn"
HAS_HOLDS = "conflict.account_has_holds"
DISPUTE_OPEN = "conflict.dispute_open"
POTS_HOLD_MONEY = "conflict.pots_hold_money"
OVERDRAFT_IN_USE = "conflict.overdraft_in_use"
LAST_OWNER = "conflict.last_owner"
HAS_BUSINESS = "conflict.person_has_business"
NO_USER = "not_found.user"
NO_CLIENT = "not_found.client"
NO_OWNER = "not_found.owner"
ALREADY_CORRECTED = "conflict.already_corrected"
HOLD_ENDED = "conflict.authorisation_not_open"
NO_ACCOUNT = "not_found.account"
NO_ENTRY_SET = "not_found.entry_set"
NO_ANSWER = "not_found.answer"
NO_POT = "not_found.pot"
ADDING_UP = "unavailable.adding_up"
AUDITS_OFF = "conflict.audits_off"
NO_CARD = "not_found.card"
NO_MERCHANT = "not_found.merchant"
NO_AUTHORISATION = "not_found.authorisation"
NO_TRANSACTION = "not_found.transaction"
ADDED_SECURITY = "forbidden.added_security"
TOO_MANY_POTS = "bad_request.too_many_pots"
TOO_MANY_FEED_ITEMS = "rate_limited.feed_items"
TOO_MANY_WEBHOOKS = "bad_request.too_many_webhooks"
CARD_BLOCKED = "bad_request.card_blocked"
TOO_MANY_RECEIPTS = "bad_request.too_many_receipts"
NO_RECEIPT = "not_found.receipt"
NO_FEED_ITEM = "not_found.feed_item"
NO_WEBHOOK = "not_found.webhook"
NO_SECRET = "bad_request.no_secret"  # noqa: S105 # no secret
EVENTS_GONE = "bad_request.events_gone"
TOO_MANY_STREAMS = "rate_limited.streams"
NO_DELIVERY = "not_found.delivery"
TOO_MANY_ATTACHMENTS = "bad_request.too_many_attachments"
WRONG_LENGTH = "bad_request.wrong_length"
BAD_RANGE = "bad_request.bad_range"
BAD_SIGNATURE = "forbidden.bad_signature"
UPLOAD_EXPIRED = "forbidden.upload_expired"
NO_ATTACHMENT = "not_found.attachment"
NO_CLEARING_FILE = "not_found.clearing_file"
BAD_CLEARING_FILE = "bad_request.bad_clearing_file"
NO_UPLOAD = "not_found.upload"
NO_FILE = "not_found.file"
ANOTHER_FILE = "conflict.another_file"
TOO_MANY_UPLOADS = "rate_limited.uploads"
UPLOADS_BUSY = "rate_limited.uploads_at_once"
FILES_AWAY = "unavailable.files"
RATE_LIMITED = "rate_limited"
CONCURRENCY = "rate_limited.concurrency"
OVERLOADED = "rate_limited.overloaded"
FAULT = "internal_service"
NO_DATABASE = "unavailable.database"
SHUTTING_DOWN = "unavailable.shutting_down"
NO_WRITES = "unavailable.read_only"
LATE = "timeout"

ACCESS_TOKEN = (
    "unauthorized.bad_access_token",
    "unauthorized.bad_access_token.expired",
    "unauthorized.bad_access_token.evicted",
)

CATALOGUE: dict[type[BankError], dict[str, str]] = {
    BadRequest: {
        BAD_BODY: "the body cannot be read",
        BAD_PARAM: "a parameter cannot be read or is not acceptable",
        MISSING_PARAM: "a required parameter is absent or empty",
        BAD_IF_MATCH: "the header `If-Match` is no list of entity tags",
        BAD_KEY: "the header `Idempotency-Key` is empty, too long or not of visible ASCII",
        NO_KEY: "the header `Idempotency-Key` is missing",
        INSUFFICIENT_FUNDS: "there is not enough money",
        LIMIT_EXCEEDED: "the account has a limit, named in `params`, that it goes beyond",
        BAD_COMMAND: "it holds a value that cannot be stored",
        TOO_MANY_POTS: "the account has as many pots as it may",
        TOO_MANY_WEBHOOKS: "the client has as many webhooks on this account as it may",
        CARD_BLOCKED: "the bank has blocked the card",
        TOO_MANY_RECEIPTS: "the transaction has as many receipts of the client as it may",
        EVENTS_GONE: "what came after this event is not kept any more, or there is no such event",
        TOO_MANY_ATTACHMENTS: "the transaction has as many attachments as it may",
        BAD_CLEARING_FILE: "the file breaks its form: `params` says in which line and column",
        WRONG_LENGTH: "the file does not have the size of its `content_length`",
        NO_SECRET: "the webhook is signed with the bank's key and has no secret of its own",
        "bad_request.could_not_authenticate": "unknown client or user, wrong secret or password",
        "bad_request.client_not_enabled": "the client may not use this grant",
    },
    Unauthorized: {
        "unauthorized.bad_access_token": "no token, or none that works",
        "unauthorized.bad_access_token.expired": "its lifetime is over: refresh",
        "unauthorized.bad_access_token.evicted": "a newer token took its place",
        "unauthorized.bad_refresh_token": "unknown, another client's, expired, revoked or spent",
        "unauthorized.bad_refresh_token.evicted": "a newer authorisation took its place",
        "unauthorized.bad_authorization_code": "unknown",
        BAD_OPERATOR_KEY: "no operator key, or none that works",
    },
    Forbidden: {
        FORBIDDEN: "not the caller's, or not there at all",
        ADDED_SECURITY: "the pot is locked: nothing can be taken out of it",
        BAD_SIGNATURE: "the bank did not give this address out",
        UPLOAD_EXPIRED: "the time of this address is over: ask for another",
        INSUFFICIENT_SCOPE: "the key has none of the scopes that this needs",
    },
    NotFound: {
        NOT_FOUND: "there is no such path",
        NO_RECEIPT: "there is no such receipt, or it is another client's",
        NO_FEED_ITEM: "there is no such feed item, or it is another client's",
        NO_WEBHOOK: "there is no such webhook, or it is another client's",
        NO_DELIVERY: "there is no such delivery, or it is another webhook's",
        NO_ACCOUNT: "there is no such account",
        NO_ENTRY_SET: "the account's chain has no entry set of this number",
        NO_ANSWER: "no such command was answered: it never came, or it was refused",
        NO_MERCHANT: "there is no such merchant",
        NO_CARD: "the account has no such card",
        NO_USER: "there is no such person, or they are being erased",
        NO_CLIENT: "there is no such client",
        NO_OWNER: "the account has no such owner",
        NO_AUTHORISATION: "there is no such authorisation, or it is another account's",
        NO_POT: "there is no such pot, or it is another account's",
        NO_TRANSACTION: "there is no such transaction, or it is another account's",
        "not_found.logo": "there is no such logo",
        NO_ATTACHMENT: "there is no such attachment, or it is on somebody else's account",
        NO_CLEARING_FILE: "no such clearing file was imported",
        NO_UPLOAD: "there is no such upload any more",
        NO_FILE: "there is no such file",
    },
    MethodNotAllowed: {"bad_request.method_not_allowed": "the path exists, the method does not"},
    Conflict: {
        AUDITS_OFF: "the bank does not audit itself in the background (a setting)",
        KEY_REUSED: "this `Idempotency-Key` came before, with other content",
        COMMAND_REUSED: "this id came before, for a command of other content",
        NOT_OPEN: "the account is frozen or closed",
        CARD_HAS_ENDED: "the card is of a closed account or a former owner, and stays blocked",
        CLOSED: "the account is closed",
        NOT_EMPTY: "the account holds money, and it is not said where that goes",
        OVERDRAWN: "money is owed on the account",
        DISPUTE_OPEN: "a dispute about a card payment of the account is open",
        HAS_HOLDS: "card payments of the account are not over",
        POTS_HOLD_MONEY: "pots of the account hold money",
        OVERDRAFT_IN_USE: "the account is overdrawn by more than that",
        LAST_OWNER: "an account has at least one owner",
        HAS_BUSINESS: "accounts of the person are in the way; the message says which and why",
        ALREADY_CORRECTED: "this happens to a transaction once, and has happened",
        HOLD_ENDED: "the authorisation was presented, reversed or has expired",
        ANOTHER_FILE: "another file was sent to this address",
    },
    TooLarge: {TOO_LARGE: "the body is larger than 256 KiB, a file larger than the bank takes"},
    RangeNotSatisfiable: {BAD_RANGE: "the file has no such bytes"},
    PreconditionFailed: {PRECONDITION_FAILED: "it has changed since it was read: read it again"},
    RateLimited: {
        RATE_LIMITED: "too many requests: try again after `Retry-After` seconds",
        CONCURRENCY: "too many requests of this client at once: the same",
        OVERLOADED: "too much at once: the same",
        TOO_MANY_STREAMS: "as many answers stay open as this process keeps: the same",
        TOO_MANY_UPLOADS: "too many files or bytes of this user today: the same",
        UPLOADS_BUSY: "too many files are being sent at this moment: the same",
        TOO_MANY_FEED_ITEMS: "too many items of this client on this feed today: the same",
    },
    InternalService: {FAULT: "a fault of the bank"},
    Unavailable: {
        ADDING_UP: "entries are still being added up: ask again in a while",
        NO_DATABASE: "the database does not answer: try again",
        SHUTTING_DOWN: "the process is about to stop: another one answers",
        FILES_AWAY: "the place where files are kept is full or away: try again later",
        NO_WRITES: "nothing can be written, because a disk is full or read-only; reading goes on",
    },
    Timeout: {LATE: "it waited too long and was not begun: try again"},
}

_KIND = {code: kind for kind, codes in CATALOGUE.items() for code in codes}


def status_of(code: str) -> int:
    """The HTTP status of a code of the catalogue."""
    return _KIND[code].status


def meaning_of(code: str) -> str:
    """What a code of the catalogue means."""
    return CATALOGUE[_KIND[code]][code]
