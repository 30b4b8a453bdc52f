"""Where the bytes of files are kept: a directory, or a store that speaks S3."""

from minibank.files.base import FileMissing, FileParts, Files, FilesUnavailable, Kept
from minibank.files.spool import Spool

__all__ = ["FileMissing", "FileParts", "Files", "FilesUnavailable", "Kept", "Spool"]
