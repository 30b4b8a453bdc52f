"""Where the bytes of files are kept: a directory, or a store that speaks S3."""

from minibank.files.base import FileParts, Files, Kept
from minibank.files.errors import FileMissing, FilesUnavailable
from minibank.files.spool import Spool

__all__ = ["FileMissing", "FileParts", "Files", "FilesUnavailable", "Kept", "Spool"]
