"""Entry sets, read one by one, by page, and all of them as lines of JSON."""
