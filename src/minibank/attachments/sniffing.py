"""What a file is served as: what its first bytes say, never what its sender says.

The signatures are those of the WHATWG's MIME Sniffing Standard (section 6 and 7), without any of
its rules that find HTML or XML: markup is text here, and text is never shown in a browser.
"""

from collections.abc import Mapping

UNKNOWN = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

_BEGINNINGS: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"%PDF-": "application/pdf",
}
_BRANDS: Mapping[bytes, str] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
}

SHOWN = frozenset(
    f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "bmp", "heic", "heif", "avif")
)
"""What a browser may show by itself: pictures, in which nothing can run."""

# The binary data bytes of the standard: none of these stands in a text.
_BINARY = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])


def sniff(head: bytes) -> str:
    """The media type of a file that begins so."""
    for beginning, media_type in _BEGINNINGS.items():
        if head.startswith(beginning):
            return media_type if beginning != b"BM" or not _is_text(head) else TEXT
    if head[:4] == b"RIFF" and head[8:14] == b"WEBPVP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], UNKNOWN)
    return TEXT if _is_text(head) else UNKNOWN


def _is_text(head: bytes) -> bool:
    """Whether this can be the beginning of UTF-8, perhaps cut within a character."""
    if not _BINARY.isdisjoint(head):
        return False
    for cut in range(4):
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False
