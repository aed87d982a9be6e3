"""`aimis serve`: the parts put together, the jobs worked on, and the server run until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING
from uuid import UUID

import procrastinate
import uvicorn

from aimis.consult import assemble, loader
from aimis.consult.channels.wechat.client import Client
from aimis.consult.channels.wechat.crypto import SafeMode
from aimis.consult.handover.screening import load_screenings
from aimis.consult.safety import numbers
from aimis.domain.errors import UsageError
from aimis.logs import Log
from aimis.store import consultations, embedded, jobs, wechat
from aimis.store.database import conninfo, database
from aimis.store.seal import load_seal
from aimis.store.transaction import Store
from aimis.web.app import make_app
from aimis.web.bodymap import load_bodymap
from aimis.web.chat import Chat
from aimis.web.desk import NOTIFY_TASK, Desk
from aimis.web.limits import Limiter
from aimis.web.site import Site
from aimis.web.wechat import ANSWER_TASK, MENU_TASK, SEND_TASK, Channel, routes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from aimis.consult.dialogue import Dialogue
    from aimis.settings import Settings

WECHAT_MESSAGES_KEPT = timedelta(
    days=3
)  # WeChat repeats for 15 seconds; a customer-service reply may go out for 48 hours
STALLED_EVERY_S = 20.0
SEVERAL_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Service:
    """All of it, made once."""

    site: Site
    store: Store
    channel: Channel | None
    settings: Settings

    @property
    def app(self) -> FastAPI:
        """The ASGI app with its workers."""
        more = () if self.channel is None else (routes(self.channel),)
        return make_app(self.site, more=more, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Work on jobs while the app is served; what is under way is finished before it ends."""
        queue = make_queue(self)
        async with queue.open_async():
            if self.channel is not None:
                with suppress(procrastinate.exceptions.AlreadyEnqueued):  # by a program that was killed, or another
                    await queue.configure_task(MENU_TASK, queueing_lock=MENU_TASK).defer_async()
            tasks = [
                asyncio.create_task(keep_up(partial(_working, queue), self.site.log, "jobs")),
                asyncio.create_task(keep_up(partial(_reviving, queue), self.site.log, "stalled jobs")),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def open_store(settings: Settings, url: str | None) -> Iterator[Store]:
    """The store of the settings, in the database at `url`, else in the embedded one."""
    folder = embedded.data_folder(settings.data_folder)
    keys = settings.data_keys.get_secret_value() if settings.data_keys else None
    seal = load_seal(keys, folder)
    with database(url, folder) as engine:
        yield Store(engine=engine, seal=seal)


def make_service(settings: Settings, store: Store, dialogue: Dialogue) -> Service:
    """The service over a store and a dialogue."""
    findings, serve = dialogue.net.knowledge.findings, settings.serve
    country = serve.country or numbers.USUAL["zh"]  # who writes in WeChat is not asked
    desk = Desk(store=store, dialogue=dialogue, screenings=load_screenings(findings), country=country)
    paths = numbers.load_paths(loader.KNOWLEDGE / assemble.PRIMARY)
    site = Site(
        desk=desk,
        settings=serve,
        paths=paths,
        bodymap=load_bodymap(findings),
        log=Log(level=settings.log_level, form=settings.log_format),
        starts=Limiter(most=serve.starts_per_hour, per_s=3600),
    )
    channel = _channel(settings, desk, paths.ambulance(country, "zh")) if settings.wechat.app_id else None
    return Service(site=site, store=store, channel=channel, settings=settings)


def serve(settings: Settings, url: Callable[[], str], say: Callable[[str], None]) -> None:
    """Serve until stopped; `say` is told the address. url : of the database; it may have to be waited for."""
    dialogue = assemble.open_dialogue()
    with open_store(settings, url()) as store:
        service = make_service(settings, store, dialogue)
        config = uvicorn.Config(
            service.app,
            host=settings.serve.host,
            port=settings.serve.port,
            access_log=False,  # addresses of consultations are secrets
            log_level=logging.CRITICAL,  # an error's own words may hold a person's
            proxy_headers=bool(settings.serve.proxies),
            forwarded_allow_ips=list(settings.serve.proxies),
            server_header=False,
        )
        signal.signal(signal.SIGTERM, _end)  # uvicorn raises it again when it is done, and the database must be closed
        gc.freeze()  # knowledge and code are no garbage; to look through them would stop everybody
        gc.enable()
        say(f"http://{settings.serve.host}:{settings.serve.port}/")
        uvicorn.Server(config).run()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def make_queue(service: Service) -> procrastinate.App:
    """The jobs by name. Each may be done twice without harm, for a worker may be killed at any moment."""
    queue = jobs.working_app(conninfo(service.store.engine))
    again = procrastinate.RetryStrategy(max_attempts=6, exponential_wait=3)

    @queue.periodic(cron="17 * * * *")
    @queue.task(name="erase-old", queueing_lock="erase-old", pass_context=False)
    def erase_old(timestamp: int) -> None:  # noqa: ARG001  procrastinate gives it
        _erase_old(service)

    channel = service.channel
    if channel is not None:
        known = channel

        @queue.task(name=ANSWER_TASK, retry=again)
        def answer(mark: str) -> None:
            known.answer(bytes.fromhex(mark))

        @queue.task(name=SEND_TASK, retry=again)
        def send(mark: str) -> None:
            known.send(bytes.fromhex(mark))

        @queue.task(name=MENU_TASK, retry=again)
        def menu() -> None:
            known.set_menu()

    @queue.task(name=NOTIFY_TASK, retry=again)
    def notify(consultation: str) -> None:
        if channel is not None:
            channel.notify(UUID(consultation))

    return queue


def _channel(settings: Settings, desk: Desk, ambulance: str) -> Channel:
    import httpx  # noqa: PLC0415  without WeChat nothing needs it

    given, public = settings.wechat, (settings.serve.public_url or "").rstrip("/")
    if not public:
        raise UsageError("WeChat needs serve.public_url: replies hold links to the pages")
    mode = SafeMode(
        app_id=given.app_id,
        token=given.token.get_secret_value(),
        encoding_aes_key=given.encoding_aes_key.get_secret_value(),
    )
    chat = Chat(
        desk=desk,
        ambulance=ambulance,
        public_url=public,
        keep_days=settings.serve.keep_days,
        pace=Limiter(most=30, per_s=60),
        codes=Limiter(most=5, per_s=600),
    )
    client = Client(
        api_url=given.api_url.rstrip("/"),
        app_id=given.app_id,
        app_secret=given.app_secret.get_secret_value(),
        http=httpx.Client(),
    )
    return Channel(store=desk.store, mode=mode, chat=chat, client=client)


def _erase_old(service: Service) -> None:
    kept = service.settings.serve
    untouched, handed_over = timedelta(days=kept.keep_days), timedelta(days=kept.keep_handed_over_days)
    with service.store.begin() as tx:
        gone = consultations.erase_old(tx, untouched=untouched, handed_over=handed_over)
        wechat.erase_old(tx, messages=WECHAT_MESSAGES_KEPT, users=untouched)
        if gone:
            tx.record("retention", f"erased {gone}")


async def _working(queue: procrastinate.App) -> None:
    await queue.run_worker_async(
        concurrency=SEVERAL_AT_ONCE,
        install_signal_handlers=False,
        delete_jobs="successful",
        fetch_job_polling_interval=1.0,
        shutdown_graceful_timeout=10,
    )


async def _reviving(queue: procrastinate.App) -> None:
    while True:
        await jobs.retry_stalled(queue)
        await asyncio.sleep(STALLED_EVERY_S)


async def keep_up(work: Callable[[], Awaitable[None]], log: Log, what: str, pause_s: float = 5.0) -> None:
    """Work that must not end while the service runs: what stops it is logged, and it begins again after a pause."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  the outermost loop of what nobody waits for
            log.serving_failed(error, what)
        await asyncio.sleep(pause_s)
