"""The technical library that the monolith and the services stand on: no model, no rule, no client."""
