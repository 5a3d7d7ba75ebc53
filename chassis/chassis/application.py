"""The FastAPI application as every service has it: errors, middleware, health, documentation."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.middleware.cors import CORSMiddleware

from chassis import health, logging, problems
from chassis.database import Database
from chassis.identity import TokenVerifier
from chassis.limits import Limiter, Policy
from chassis.middleware import BoundedBody, Observed
from chassis.revisions import newest_revision
from chassis.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
ALLOWED_HEADERS = [
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
    "X-Request-ID",
]  # fmt: skip
EXPOSED_HEADERS = [
    "ETag", "Idempotency-Replayed", "Link", "Location", "RateLimit", "RateLimit-Policy",
    "Retry-After", "X-Request-ID",
]  # fmt: skip


def new_application(
    name: str,
    title: str,
    settings: ServiceSettings,
    db: Database,
    tokens: TokenVerifier,
    migrations: Path,
    lifespan: Lifespan,
) -> FastAPI:
    """An application without routes of its own. `name` is its path prefix: `/api/<name>`.

    The endpoints find in `app.state`: settings, db, tokens, limiter, write_policy, draining.
    """
    logging.configure(name, settings.log_level, settings.environment)
    app = FastAPI(
        title=title,
        version="1.0.0",
        lifespan=lifespan,
        docs_url=f"/api/{name}/docs",
        openapi_url=f"/api/{name}/openapi.json",
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        responses=problems.documented(problems.Unavailable),
    )
    burst = settings.writes_burst
    app.state.settings = settings
    app.state.db = db
    app.state.tokens = tokens
    app.state.limiter = Limiter(db)
    app.state.write_policy = Policy("writes", burst, burst / settings.writes_per_second)
    app.state.draining = False
    app.state.needed_revision = newest_revision(migrations)
    problems.install(app)
    app.include_router(health.router)
    app.add_middleware(BoundedBody)
    if settings.cors_origins:
        _allow_origins(app, settings.cors_origins)
    app.add_middleware(Observed)
    _document_problems(app)
    return app


def _allow_origins(app: FastAPI, origins: list[str]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=600,
    )


def _document_problems(app: FastAPI) -> None:
    """Make the OpenAPI speak of problems where FastAPI speaks of its own validation errors."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        schema = plain()
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        components.pop("HTTPValidationError", None)
        components.pop("ValidationError", None)
        problem = TypeAdapter(problems.ProblemBody).json_schema(
            ref_template="#/components/schemas/{model}"
        )
        components.update(problem.pop("$defs"))
        components["Problem"] = problem
        documented = problems.documented(problems.Invalid)[422]
        for path in schema["paths"].values():
            for operation in path.values():
                answers = operation["responses"]
                if "HTTPValidationError" in str(answers.get("422", "")):
                    answers["422"] = documented
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
