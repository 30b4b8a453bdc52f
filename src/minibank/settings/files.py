"""Where files are kept, and the host that serves them."""

from dataclasses import dataclass

from minibank.settings.about import setting
from minibank.settings.kinds import Text, is_files_place, is_web_address

_FILES = "Files"


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """Where files are kept, and the host that serves them."""

    files: str = setting(
        _FILES,
        Text("a directory, or s3://bucket/prefix", is_files_place),
        "Where the bytes of files are kept that are sent here to be attached to transactions. A"
        " directory is for a bank on one machine, or on a disk that all its machines share; a store"
        " that speaks S3 is for several (`pip install minibank[s3]`), and its credentials come from"
        " the environment alone: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or the machine's"
        " own role. Empty: beside the SQLite file, in a directory of its name and `-files`;"
        " `minibank-files` in the present directory for a sandbox bank on PostgreSQL. A production"
        " bank on PostgreSQL has to say it.",
        "",
    )
    files_url: str = setting(
        _FILES,
        Text("an address such as https://files.example.com, without a path", is_web_address),
        "The address of a host that serves files and nothing else, while the API's host has none:"
        " what people send in is shown to others, and must share no origin with anything. It leads"
        " to this server; a proxy in front has to pass `Host` on. Empty: files are served below"
        " `public_url`. Production needs one that begins with https://, on another host than"
        " `public_url`.",
        "",
    )
    files_endpoint: str = setting(
        _FILES,
        Text("an address such as https://s3.example.com, without a path", is_web_address),
        "Where the store is of `s3://`. Empty: at Amazon.",
        "",
    )
    files_region: str = setting(
        _FILES,
        Text("a region such as eu-west-2", lambda text: text.isascii() and " " not in text),
        "The region of the bucket. Empty: what the environment says (`AWS_REGION`).",
        "",
    )
