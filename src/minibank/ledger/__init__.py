"""Double entry: addresses, balanced entry sets, the chain over them, and the audit."""
