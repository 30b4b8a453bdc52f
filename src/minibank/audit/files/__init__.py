"""Prove the files: every attachment counted, every upload with its bytes, none without a reason."""
