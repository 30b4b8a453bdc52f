"""The money engine: commands in, outcomes out, everything that moves money in between."""
