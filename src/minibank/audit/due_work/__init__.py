"""Whether all due work is somebody's, and all that waits for due work has some."""
