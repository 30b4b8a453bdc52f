"""Keep what webhooks were told for as long as somebody may ask, and no longer."""
