"""Messages: answers in topics, their edits, reactions and counts."""
