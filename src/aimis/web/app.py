"""The app: routes, what errors look like, and what stands before it all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from aimis.domain.errors import AimisError
from aimis.store.errors import NotThereError, OutdatedError, StoreError
from aimis.web import api, clinic, pages
from aimis.web.clinic import LoggedOutError
from aimis.web.desk import RefusedError
from aimis.web.guard import Guard
from aimis.web.limits import Limiter
from aimis.web.site import Site, see
from aimis.web.words import preferred, words_of

if TYPE_CHECKING:
    from fastapi import APIRouter

STATIC = Path(__file__).parent / "static"
STATUS: dict[type[Exception], tuple[int, str]] = {
    NotThereError: (404, "refused-there"),
    OutdatedError: (409, "refused-outdated"),
    StoreError: (503, "refused-failed"),
    AimisError: (422, "refused-answer"),
}
DESCRIPTION = "Consultations: a few questions, an urgency, what it may be, a hand-over. Research use only."

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def make_app(site: Site, *, more: tuple[APIRouter, ...] = (), lifespan: Lifespan | None = None) -> FastAPI:
    """The service as an ASGI app; `more` are routes of further channels."""
    app = FastAPI(
        title="AIMIS consultation",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # its page loads scripts of another company
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.site = site
    for router in (pages.router, api.router, clinic.router, *more):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_api_route("/healthz", _health, include_in_schema=False)
    app.add_middleware(
        Guard,
        limiter=Limiter(most=site.settings.requests_per_minute, per_s=60),
        https=site.https,
        ambulance=site.ambulance,
    )
    for error in (AimisError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, _refuse)
    app.add_exception_handler(Exception, _apologise)
    return app


def _health(request: Request) -> PlainTextResponse:
    """Whether the database answers."""
    site: Site = request.app.state.site
    with site.desk.store.engine.connect():
        return PlainTextResponse("ok\n")


async def _refuse(request: Request, error: Exception) -> Response:
    """Each error as a sentence, in HTML or JSON, and nothing of what is inside."""
    if isinstance(error, LoggedOutError):
        return see("/clinic/login")
    status, key = _status_of(error)
    language = request.query_params.get("lang") or preferred(request.headers.get("accept-language"))
    site: Site = request.app.state.site
    if request.url.path.startswith("/api/"):
        text = words_of(language)(key, number=site.ambulance(language), low="?", high="?")
        return JSONResponse({"error": key.removeprefix("refused-"), "text": text, **_details(error)}, status)
    return site.refusal(key, language, status, low="?", high="?")


async def _apologise(request: Request, error: Exception) -> Response:
    """To what nobody foresaw: it is written down where in the code, and the person is told what to do."""
    site: Site = request.app.state.site
    route = request.scope.get("route")
    site.log.serving_failed(error, getattr(route, "path", "no route"))
    language = preferred(request.headers.get("accept-language"))
    if request.url.path.startswith("/api/"):
        text = words_of(language)("refused-failed", number=site.ambulance(language))
        return JSONResponse({"error": "failed", "text": text}, 500)
    return site.refusal("refused-failed", language, 500)


def _status_of(error: Exception) -> tuple[int, str]:
    if isinstance(error, RefusedError):
        return (429 if error.key == "refused-busy" else 422), error.key
    if isinstance(error, HTTPException):
        return error.status_code, "refused-there" if error.status_code in (404, 405) else "refused-form"
    if isinstance(error, RequestValidationError):
        return 422, "refused-form"
    return next(found for kind, found in STATUS.items() if isinstance(error, kind))


def _details(error: Exception) -> dict[str, list[str]]:
    """Which fields of a request do not hold, without what was sent in them."""
    if not isinstance(error, RequestValidationError):
        return {}
    return {"fields": [".".join(map(str, fault["loc"])) + ": " + fault["msg"] for fault in error.errors()]}
