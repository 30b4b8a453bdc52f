"""What a file is served as."""

import pytest

from minibank.attachments.sniffing import SHOWN, TEXT, UNKNOWN, sniff

HTML = b"<html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"BM\x46\x00\x00\x00\x00\x00", "image/bmp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmif1", "image/heif"),
        (b"\x00\x00\x00\x18ftypavif", "image/avif"),
        (b"\x00\x00\x00\x18ftypmp42", UNKNOWN),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", UNKNOWN),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", UNKNOWN),
        (b"\x1f\x8b\x08\x00", UNKNOWN),
        (HTML, TEXT),
        (b"BMW is a car", TEXT),
        (b"", TEXT),
        ("caf\xe9".encode(), TEXT),
        ("caf\xe9".encode()[:-1], TEXT),
        ("caf\xe9".encode("latin-1") + b" au lait", UNKNOWN),
        (b"\x89PN" + HTML, UNKNOWN),
        (b"\x00" + HTML, UNKNOWN),
        (HTML + b"\x89PNG\r\n\x1a\n", UNKNOWN),
        ("<html>".encode("utf-16"), UNKNOWN),
    ],
)
def test_the_first_bytes_say_what_it_is(head: bytes, media_type: str):
    assert sniff(head) == media_type


def test_only_pictures_in_which_nothing_can_run_are_shown():
    assert all(one.startswith("image/") for one in SHOWN)
    assert "image/svg+xml" not in SHOWN
