"""The page and what it asks for. The address holds a key that nobody can guess: the pictures are a patient's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from aimis.domain.errors import CaseError
from aimis.live.session import Live, Phase
from aimis.live.state import said_of, state

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint

    from aimis.live.kept import Kept
    from aimis.reports.texts import Texts

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the key
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ASSETS = {"live.js": "text/javascript", "live.css": "text/css"}
BOUNDARY = "frame"
_SCRIPT_WORDS = (
    "live-chime-on",
    "live-chime-off",
    "live-frozen",
    "live-standing-still",
    "live-kept-as",
    "live-not-kept",
    "live-no-judgement",
    "live-judging-frozen",
    "live-lost-program",
    "live-alarm",
    "live-remove",
    "live-ms",
    "live-per-second",
)

Language = Annotated[str | None, Query(alias="lang")]


def make_app(live: Live, words: Mapping[str, Texts], *, language: str, key: str) -> FastAPI:
    """The page as an ASGI app below `/key/`.

    words : by language; language : where the address names none
    """
    app = FastAPI(title="AIMIS live", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_Routes(live, words, language).router(), prefix=f"/{key}")

    @app.middleware("http")
    async def guard(request: Request, call: RequestResponseEndpoint) -> Response:
        answer = await call(request)
        answer.headers.update(HEADERS)
        return answer

    return app


class _Routes:
    def __init__(self, live: Live, words: Mapping[str, Texts], language: str) -> None:
        self._live, self._words, self._language = live, words, language
        self._pages = Environment(
            loader=FileSystemLoader(HERE / "templates"), undefined=StrictUndefined, autoescape=select_autoescape(["j2"])
        )

    def router(self) -> APIRouter:
        """All of them; each runs in a thread of its own, so that one may wait for a frame."""
        router = APIRouter()
        router.get("/")(self.page)
        router.get("/static/{name}")(self.asset)
        router.get("/picture")(self.picture)
        router.get("/stream.mjpeg")(self.stream)
        router.get("/state")(self.state)
        router.post("/keep")(self.keep)
        router.post("/end")(self.end)
        router.get("/kept/{name}")(self.kept)
        router.post("/kept/{name}/remove")(self.remove)
        return router

    def page(self, lang: Language = None) -> HTMLResponse:
        """The whole page."""
        words = self._words_of(lang)
        html = self._pages.get_template("live.html.j2").render(
            t=words.label,
            language=words.language,
            other="en" if words.language == "zh" else "zh",
            reader=words.reader(self._live.reader_id),
            source=self._live.source.name,
            chimes_for=words.finding(self._live.chimes_for).title,
            words={name.removeprefix("live-"): words.label(name) for name in _SCRIPT_WORDS},
        )
        return HTMLResponse(html)

    def asset(self, name: str) -> FileResponse:
        """Script and style, our own."""
        if name not in ASSETS:
            raise HTTPException(404)
        return FileResponse(HERE / "static" / name, media_type=ASSETS[name])

    def picture(self, after: int = 0) -> Response:
        """The newest picture after the one of that number, as soon as it is there; 204 where none comes for a while.

        The page asks when it has drawn the one before: what it cannot draw in time is never sent, nor waits anywhere.
        """
        shown = self._live.showing.after(after)
        if shown is None:
            return Response(status_code=204)
        return Response(shown.jpeg, media_type="image/jpeg", headers={"X-Frame": str(shown.number)})

    def stream(self) -> StreamingResponse:
        """The same as Motion JPEG, for programs and browsers without scripts."""
        return StreamingResponse(self._parts(), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    def _parts(self) -> Iterator[bytes]:
        number = 0
        while not self._live.is_over():
            shown = self._live.showing.after(number)
            if shown is not None:
                number = shown.number
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(shown.jpeg)}\r\n"
                yield f"{head}X-Frame: {number}\r\n\r\n".encode() + shown.jpeg + b"\r\n"

    def state(self, lang: Language = None) -> dict[str, Any]:
        """What stands beside the picture; whoever has been told that all is done need not be waited for."""
        self._live.asked_s = self._live.capture.clock()
        said = state(self._live, self._words_of(lang))
        if said["phase"] == Phase.DONE:
            self._live.told.set()
        return said

    def keep(self, number: int = 0, lang: Language = None) -> JSONResponse:
        """Keep the frame of the number, or the newest; what it shows itself is said whether or not it is kept."""
        if self._live.phase is not Phase.RUNNING:
            raise HTTPException(409)
        try:
            seen = self._live.shown(number)
        except CaseError as error:
            return JSONResponse({"error": error.reason.code}, 409)
        judgement = self._live.judging.of(seen)
        picture = b64encode(self._live.showing.frozen(seen)).decode("ascii")
        own = {"judgement": said_of(judgement, self._words_of(lang)), "picture": picture}
        try:
            kept: Kept = self._live.keep(seen)
        except CaseError as error:
            return JSONResponse({"error": error.reason.code, **own}, 409)
        except OSError as error:
            return JSONResponse({"error": error.strerror or "disk", **own}, 507)
        return JSONResponse({"name": kept.name, **own})

    def end(self) -> Response:
        """End the examination."""
        self._live.over.set()
        return Response(status_code=204)

    def kept(self, name: str) -> FileResponse:
        """A kept frame in full size."""
        path = self._live.keeping.path(name)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="image/jpeg")

    def remove(self, name: str) -> Response:
        """Take a kept frame away again."""
        if self._live.phase is not Phase.RUNNING or not self._live.keeping.remove(name):
            raise HTTPException(404)
        return Response(status_code=204)

    def _words_of(self, language: str | None) -> Texts:
        return self._words.get(language or "", self._words[self._language])
