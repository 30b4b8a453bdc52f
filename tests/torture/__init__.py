"""Banks that are stopped and killed under load: what they answered must be there afterwards."""
