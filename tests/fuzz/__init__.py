"""Bad input of all kinds, through HTTP, on whole forums."""
