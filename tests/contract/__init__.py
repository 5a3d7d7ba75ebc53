"""What a client of the forum's HTTP API can rely on."""
