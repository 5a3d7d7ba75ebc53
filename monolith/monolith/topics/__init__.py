"""Topics and their categories."""
