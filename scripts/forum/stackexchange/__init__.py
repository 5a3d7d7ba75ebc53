"""A Stack Exchange data dump as a forum archive: what becomes of what is in docs/archive.md."""
