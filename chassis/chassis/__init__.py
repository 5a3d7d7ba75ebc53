"""The technical library under the monolith and the services: no model, no rule, no client."""
