"""Open holds, and what was answered to commands."""
