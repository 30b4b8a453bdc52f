"""What stops a bank from opening."""


class StartError(Exception):
    """The bank cannot be opened or served; the message is one sentence for the operator."""
