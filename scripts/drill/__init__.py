"""A steady load, and parts that fail under it: scripts/outages, and tests/compose."""
