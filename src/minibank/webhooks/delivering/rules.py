"""What a sender goes by."""

from dataclasses import dataclass, field

from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.signing import SigningKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRules:
    """Where requests may go, whose certificates are believed besides the system's, what signs."""

    egress: Egress
    ca_file: str = ""
    keys: SigningKeys = field(default_factory=SigningKeys)
