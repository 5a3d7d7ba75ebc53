"""What a request costs: scripts/bench."""
