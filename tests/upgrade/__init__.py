"""What an upgrade asks of migrations: the release before runs beside them, and after them again."""
