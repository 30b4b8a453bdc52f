"""What a webhook was told, and each attempt to: read by its client, and sent again on request."""
