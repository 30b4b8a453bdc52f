"""Names that people give to people and things."""

import unicodedata

from minibank.core.errors import BadParam, MissingParam

NAME_MAX = 100


def require_name(text: str, param: str = "name") -> str:
    """The name in normal form C, without space around it.

    Raises `MissingParam` for nothing, and `BadParam` for more than `NAME_MAX` characters or for
    control characters.
    """
    kept = unicodedata.normalize("NFC", text).strip()
    if not kept:
        raise MissingParam(param)
    if len(kept) > NAME_MAX or any(unicodedata.category(letter) == "Cc" for letter in kept):
        raise BadParam(param, f"must be at most {NAME_MAX} characters of text")
    return kept
