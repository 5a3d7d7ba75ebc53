"""The committed `openapi.json` of a service: written by a command, checked for drift by a test."""

import json
from pathlib import Path

from fastapi import FastAPI


def text(app: FastAPI) -> str:
    """The document as it is committed."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def write(app: FastAPI, file: Path) -> None:
    """Write it."""
    file.write_text(text(app), encoding="utf-8")
