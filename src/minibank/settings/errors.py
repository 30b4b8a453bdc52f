"""What stops a start."""


class SettingsError(Exception):
    """A setting that cannot be; the message is one sentence for the operator."""
