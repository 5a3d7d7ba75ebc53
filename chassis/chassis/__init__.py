"""The technical library under the monolith and the services: no model, no rule, no client."""

from chassis import paths

# Before any module makes a route with `{id:id}` in it.
paths.install()
