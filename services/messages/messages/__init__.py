"""The messages service: messages, their edits and reactions, and what topics and people count."""
