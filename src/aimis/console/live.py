"""`aimis live`: a stream on a local page until it ends; then the kept frames are read as one examination."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aimis import bootstrap, logs, settings
from aimis.console import session, tables
from aimis.console.stop import Stop
from aimis.console.words import OWN_FILES
from aimis.domain.errors import UsageError
from aimis.live import page, serving
from aimis.live.session import Live, Phase, open_live
from aimis.live.source import Source, StreamError
from aimis.reports.texts import LANGUAGES, Texts, load_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimis.bootstrap import Chosen
    from aimis.console.tables import PlainConsole
    from aimis.readers.port import ExaminationReader
    from aimis.settings import Settings

ENDED, NO_STREAM = 0, 1
LIVE_TEXTS = {language: Path(page.__file__).parent / "text" / f"{language}.toml" for language in LANGUAGES}
_KEY_BYTES = 12
_LOOK_EVERY_S, _TELL_FOR_S = 0.1, 3.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line; None where the settings decide."""

    source: str
    reader: str | None = None
    report: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    language: str | None = None
    operating_point: str | None = None


def live(request: Request) -> int:
    """Show and judge until it ends, then read what was kept; the exit status.

    UsageError: no such reader, a folder of another session, an address that cannot be listened at
    EngineError, ReaderRefusedError: the reader cannot be opened
    """
    site = settings.load_settings()
    log = logs.Log(level=site.log_level, form=site.log_format)
    chosen = _chosen(request, site)
    words = {language: _words(language, chosen) for language in LANGUAGES}
    language = request.language or site.language
    console = tables.PlainConsole(sys.stderr)
    try:
        source = Source.of(request.source)
        (opened,) = bootstrap.open_readers([chosen], site, jobs=1)
        session_of = partial(
            open_live,
            source,
            cast("ExaminationReader", opened.reader),
            reader_id=chosen.reader_ids[0],
            chimes_for=chosen.manifest.reader(chosen.reader_ids[0]).findings[0].name,
            folder=request.report or Path(f"examination-{datetime.now(UTC).astimezone():%Y%m%d-%H%M%S}"),
            log_failure=lambda error: log.failure(error, None, chosen.reader_ids[0]),
            limits=bootstrap.limits_of(site),
        )
        console.print(words[language].label("live-opening", source=source.name))
        with Stop() as stop, session_of() as running:
            return _Page(request=request, words=words, language=language, console=console, stop=stop).run(running)
    except StreamError as error:
        console.print(f"aimis: {words[language].reason(error.reason)}")
        return NO_STREAM


@dataclass(frozen=True, kw_only=True)
class _Page:
    """The page of one session, and its end."""

    request: Request
    words: dict[str, Texts]
    language: str
    console: PlainConsole
    stop: Stop

    def run(self, running: Live) -> int:
        """Until somebody ends it; the exit status."""
        key = secrets.token_urlsafe(_KEY_BYTES)
        app = page.make_app(running, self.words, language=self.language, key=key)
        with serving.listening(self.request.host, self.request.port) as at:
            host, port = at.getsockname()[:2]
            with serving.serving(app, at):
                shown = f"[{host}]" if ":" in host else host
                self._say("live-address", address=f"http://{shown}:{port}/{key}/")
                while not (self.stop.asked() or running.is_over()):
                    running.over.wait(_LOOK_EVERY_S)
                return self._end(running)

    def _end(self, running: Live) -> int:
        """Read what was kept, and tell the page while it is still listened to."""
        running.over.set()
        running.phase = Phase.WRITING
        status = self._read(running)
        running.phase = Phase.DONE
        if running.is_watched():
            running.told.wait(_TELL_FOR_S)
        return status

    def _read(self, running: Live) -> int:
        """As `aimis read --exam DIR/stills --report DIR`."""
        kept = running.keeping
        if not kept.frames:
            self._say("live-done-empty")
            return ENDED
        self._say("live-kept-frames", count=len(kept.frames), folder=str(kept.stills))
        asked = session.Request(
            paths=(str(kept.stills),),
            readers=(running.reader_id,),
            exam=True,
            report=kept.folder,
            language=self.language,
            operating_point=self.request.operating_point,
        )
        status = session.read(asked)
        running.report = next(iter(sorted(kept.folder.glob("*.pdf"))), None)
        return status

    def _say(self, key: str, **values: str | int) -> None:
        self.console.print(self.words[self.language].label(key, **values), soft_wrap=True)


def _chosen(request: Request, site: Settings) -> Chosen:
    """The one reader of examinations that is named, or that there is."""
    found = bootstrap.find_readers(site)
    named = (request.reader,) if request.reader else site.readers
    point = request.operating_point or site.operating_point
    takers = list(_examining(bootstrap.choose_readers(found, named, point)))
    if len(takers) == 1 and len(takers[0].reader_ids) == 1:
        return takers[0]
    several = ", ".join(reader for choice in takers for reader in choice.reader_ids)
    raise UsageError(
        f"name one reader with --reader; these read examinations: {several}"
        if takers
        else "none of these readers reads whole examinations, so none can judge a stream"
    )


def _examining(chosen: tuple[Chosen, ...]) -> Iterator[Chosen]:
    return (choice for choice in chosen if choice.takes_examinations)


def _words(language: str, chosen: Chosen) -> Texts:
    texts = load_texts(language, [LIVE_TEXTS, OWN_FILES, chosen.manifest.text_paths])
    return texts.about(texts.subject_of(chosen.reader_ids[0]))
