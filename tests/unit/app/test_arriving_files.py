"""Where a bank whose files are in an S3 store has them until they have arrived."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from minibank.app.files import open_files
from minibank.files import FilesUnavailable
from minibank.files.s3 import arriving_directory
from minibank.settings import preset
from minibank.settings.about import DAY

pytest.importorskip("obstore")
SETTINGS = replace(
    preset("sandbox"),
    files="s3://bucket/prefix",
    files_endpoint="http://127.0.0.1:9",
    files_region="eu-west-2",
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's directory for what is to be gone soon."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_gone_after_a_day_and_nothing_else_is(temporary: Path):
    anybody_s = temporary / "of-somebody-else"
    anybody_s.write_text("x")
    files = open_files(SETTINGS)
    old, young = files.spool(), files.spool()
    for path, age in ((old.path, DAY + 60), (young.path, DAY - 60), (anybody_s, DAY + 60)):
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
    open_files(SETTINGS)
    assert not old.path.exists()
    assert young.path.exists()
    assert anybody_s.exists()
    for spool in (old, young):
        spool.__exit__(None, None, None)
    assert list(arriving_directory().iterdir()) == []


def test_what_arrives_is_for_nobody_else_to_see():
    with open_files(SETTINGS).spool() as spool:
        assert spool.path.parent.stat().st_mode & 0o777 == 0o700
        assert spool.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("planted", ["open to all", "a link", "a file"])
def test_a_directory_that_somebody_else_may_see_into_is_not_used(temporary: Path, planted: str):
    at = arriving_directory()
    if planted == "open to all":
        at.mkdir()
        at.chmod(0o777)
    elif planted == "a link":
        (temporary / "elsewhere").mkdir(mode=0o700)
        at.symlink_to(temporary / "elsewhere")
    else:
        at.write_text("")
    with pytest.raises(FilesUnavailable):
        open_files(SETTINGS).spool()
