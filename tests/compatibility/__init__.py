"""Third-party client libraries, unmodified, against a demo bank."""
