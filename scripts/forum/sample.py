"""The small made-up forum of `scripts/up --sample`."""

import httpx

from forum import archives
from forum.instance import Forum
from forum.places import ROOT

SAMPLE = ROOT / "scripts" / "sample"


def load_sample(forum: Forum) -> bool:
    """Load it if nobody and nothing is in the forum; says whether it did."""
    with httpx.Client(base_url=forum.url) as client:
        for path in ("/api/users", "/api/topics"):
            answer = client.get(path, params={"limit": 1}).raise_for_status()
            if answer.json()["items"]:
                return False
    archives.load(SAMPLE, forum.environments)
    return True
