"""What may go wrong with bytes."""


class FilesUnavailable(Exception):
    """Bytes cannot be kept or read just now: the disk is full, the store does not answer."""


class FileMissing(Exception):
    """Nothing is kept under this name."""
