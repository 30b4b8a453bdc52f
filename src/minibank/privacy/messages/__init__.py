"""The part of an export that is about feeds and webhooks."""
