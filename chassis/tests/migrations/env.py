"""Alembic's entry: see chassis.migrate."""

from chassis.migrate import run_in_environment

run_in_environment()
