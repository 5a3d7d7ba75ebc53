"""`python -m forum.gateway_file` writes compose/Caddyfile after a change of the routes."""

from forum import gateway, routes
from forum.places import ROOT

FILE = ROOT / "compose" / "Caddyfile"

if __name__ == "__main__":
    FILE.write_text(gateway.composed(routes.load()))
