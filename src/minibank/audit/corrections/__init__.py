"""Whether what followed transactions is what the entries say."""
