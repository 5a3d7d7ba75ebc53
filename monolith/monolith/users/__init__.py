"""People, their sessions, and the keys that sign their access tokens."""
