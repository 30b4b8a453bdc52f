"""What a process counts of itself, and the page that Prometheus reads."""
