"""OAuth 2.0: clients, grants, tokens and what ends them (RFC 6749, RFC 6750, RFC 9700)."""
