"""Uploads, contents and attachments as they are stored."""

import msgspec

UPLOAD = "upload"
ATTACHMENT = "attach"


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `uploads`: a file that may be sent, or was. Instants are microseconds; `uses` says
    how many attachments lead to it."""

    shard: int
    id: str
    user_id: str
    client_id: str
    name_digest: bytes
    file_name: str
    file_type: str
    declared_size: int | None
    created_at: int
    content_digest: bytes | None = None
    size: int | None = None
    media_type: str | None = None
    stored_at: int | None = None
    uses: int = 0


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is here: how it is called and served, and the name that its bytes are kept
    under."""

    file_name: str
    media_type: str
    size: int
    digest: bytes
    stored_at: int
    kept_as: str


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What came: SHA-256 of the bytes, how many, and what they are to be served as."""

    digest: bytes
    size: int
    media_type: str


class UploadDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a user has sent on a day (UTC, its beginning in microseconds)."""

    day: int = 0
    files: int = 0
    bytes: int = 0


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `attachments`, in the order of its columns.

    `file_url` begins with a slash when it leads to the file of `upload_id`.
    """

    shard: int
    id: str
    account_id: str
    transaction_id: str
    user_id: str
    client_id: str
    file_url: str
    file_type: str
    created_at: int
    upload_id: str | None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are kept, or about to be, and under which name; `is_stored` says whether an upload
    is served from them."""

    shard: int
    digest: bytes
    name: str
    size: int
    is_stored: bool
