"""Open the place where a bank keeps the bytes of files."""

from pathlib import Path
from urllib.parse import urlsplit

from minibank.app.errors import StartError
from minibank.core.clock import MICROSECONDS, SystemClock
from minibank.db import sqlite_path
from minibank.files import Files, FilesUnavailable
from minibank.files.directory import DirectoryFiles
from minibank.files.s3 import S3Files
from minibank.settings import Settings
from minibank.settings.about import DAY

IN_THE_PRESENT_DIRECTORY = "minibank-files"


def open_files(settings: Settings) -> Files:
    """The place that the settings name; `StartError` when it cannot be used.

    What began to arrive more than a day ago never will, and is removed.
    """
    files = _place_of(settings)
    files.forget_unfinished(SystemClock().now() / MICROSECONDS - DAY)
    return files


def _place_of(settings: Settings) -> Files:
    if not settings.files.startswith("s3://"):
        return DirectoryFiles(files_directory(settings))
    parts = urlsplit(settings.files)
    try:
        return S3Files(
            parts.netloc,
            parts.path.strip("/"),
            endpoint=settings.files_endpoint,
            region=settings.files_region,
        )
    except (FilesUnavailable, ValueError) as error:
        raise StartError(f"files: {error}") from error


def files_directory(settings: Settings) -> Path:
    """The directory in which files are kept, unless they are in an S3 store."""
    if settings.files:
        return Path(settings.files)
    path = sqlite_path(settings.database)
    if path is None:
        return Path(IN_THE_PRESENT_DIRECTORY)
    return path.with_name(f"{path.name}-files")
