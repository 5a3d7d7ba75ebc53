"""The topics service: topics, their categories, and what it keeps of people and messages."""
