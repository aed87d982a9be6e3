"""What is kept is kept whole or not at all, opens to its key alone, and goes when its time is over."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from aimis.store import clinicians, consultations, handovers, jobs, tables, wechat
from aimis.store.consultations import Consent, Kept
from aimis.store.database import database, migrate
from aimis.store.embedded import serving
from aimis.store.errors import NotThereError, OutdatedError, SealError
from aimis.store.seal import Seal
from aimis.store.transaction import Store
from tests.integration.conftest import data_folder
from tests.integration.store.conftest import Clock

pytestmark = pytest.mark.integration

SECRET = b"my son swallowed a coin"
PASSWORD = "correct horse battery"  # noqa: S105  of a test


def kept(store: Store, content: bytes = SECRET) -> Kept:
    with store.begin() as tx:
        return consultations.add(
            tx, content, channel="web", language="en", finished=False, consent=Consent(version="1", sha256="ab")
        )


def test_tables_of_the_migrations_are_those_of_the_code(store: Store) -> None:
    def ours(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
        return kind != "table" or not str(name).startswith(("procrastinate", "alembic"))

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_migration_asked_for_by_several_programs_at_once_is_done_once(store: Store) -> None:
    asked = [threading.Thread(target=migrate, args=(store.engine,)) for _ in range(3)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    with store.engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from alembic_version")).scalar_one() == 1


def test_consultation_comes_back_as_it_was_kept(store: Store) -> None:
    given = kept(store)
    with store.begin() as tx:
        assert consultations.get(tx, given.id) == given


def test_nothing_said_stands_readable_in_the_database(store: Store) -> None:
    given = kept(store)
    with store.begin() as tx:
        handovers.ask(tx, given.id, urgency_rank=0, content=SECRET)
        handovers.say(tx, given.id, "person", SECRET.decode())
        wechat.receive(tx, "1", "openid-of-somebody", SECRET)
        mark = wechat.user_mark(tx, "openid-of-somebody")
        wechat.put_user(tx, wechat.User(mark=mark, consultation_id=None, content=b"openid-of-somebody"))
        for table in tables.metadata.sorted_tables:
            for row in tx.connection.execute(sa.select(table)):
                assert b"coin" not in repr(tuple(row)).encode()
                assert b"openid-of-somebody" not in repr(tuple(row)).encode()


def test_content_moved_to_another_row_does_not_open(store: Store) -> None:
    one, other = kept(store), kept(store, b"other")
    with store.begin() as tx:
        moved = sa.select(tables.consultation.c.sealed).where(tables.consultation.c.id == one.id).scalar_subquery()
        tx.connection.execute(
            sa.update(tables.consultation).where(tables.consultation.c.id == other.id).values(sealed=moved)
        )
    with store.begin() as tx, pytest.raises(SealError):
        consultations.get(tx, other.id)


def test_second_of_two_writers_is_refused_and_changes_nothing(store: Store) -> None:
    given = kept(store)
    with store.begin() as tx:
        consultations.put(tx, given, b"first", finished=False)
    with pytest.raises(OutdatedError), store.begin() as tx:
        consultations.put(tx, given, b"second", finished=True)
    with store.begin() as tx:
        now = consultations.get(tx, given.id)
    assert (now.content, now.finished, now.revision) == (b"first", False, 2)


def test_erasing_takes_messages_codes_and_handover_with_it(store: Store) -> None:
    given = kept(store)
    with store.begin() as tx:
        consultations.make_code(tx, given.id)
        handovers.ask(tx, given.id, urgency_rank=1, content=b"")
        handovers.say(tx, given.id, "clinician", "come in")
    with store.begin() as tx:
        assert consultations.erase(tx, given.id)
        assert not consultations.erase(tx, given.id)
        for table in (tables.consultation, tables.resume_code, tables.handover, tables.message):
            assert tx.connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
        with pytest.raises(NotThereError):
            consultations.get(tx, given.id)


def test_code_holds_once_and_half_an_hour(store: Store, clock: Clock) -> None:
    given = kept(store)
    with store.begin() as tx:
        code, late = (consultations.make_code(tx, given.id) for _ in range(2))
        assert consultations.take_code(tx, f" {code.lower()} ") == given.id
        assert consultations.take_code(tx, code) is None
    clock.passes(timedelta(minutes=31))
    with store.begin() as tx:
        assert consultations.take_code(tx, late) is None


def test_old_consultations_go_and_those_with_a_doctor_stay_longer(store: Store, clock: Clock) -> None:
    alone, handed = kept(store), kept(store)
    with store.begin() as tx:
        handovers.ask(tx, handed.id, urgency_rank=0, content=b"")
    spans = {"untouched": timedelta(days=30), "handed_over": timedelta(days=365)}
    clock.passes(timedelta(days=29))
    with store.begin() as tx:
        assert consultations.erase_old(tx, **spans) == 0
    clock.passes(timedelta(days=2))
    with store.begin() as tx:
        assert consultations.erase_old(tx, **spans) == 1
        assert consultations.get(tx, handed.id).id == handed.id
        with pytest.raises(NotThereError):
            consultations.get(tx, alone.id)
    clock.passes(timedelta(days=365))
    with store.begin() as tx:
        assert consultations.erase_old(tx, **spans) == 1


def test_queue_shows_the_most_urgent_first_then_who_waited_longest(store: Store, clock: Clock) -> None:
    order: list[UUID] = []
    for rank in (3, 1, 1, 0):
        given = kept(store)
        with store.begin() as tx:
            handovers.ask(tx, given.id, urgency_rank=rank, content=b"")
        order.append(given.id)
        clock.passes(timedelta(minutes=1))
    with store.begin() as tx:
        listed = [handover.consultation_id for handover in handovers.queue(tx, ["waiting"])]
    assert listed == [order[3], order[1], order[2], order[0]]


def test_asking_again_keeps_the_place_in_the_queue(store: Store, clock: Clock) -> None:
    given = kept(store)
    with store.begin() as tx:
        handovers.ask(tx, given.id, urgency_rank=3, content=b"one")
    first = clock.at
    clock.passes(timedelta(hours=1))
    with store.begin() as tx:
        handovers.ask(tx, given.id, urgency_rank=1, content=b"two")
        now = handovers.get(tx, given.id)
    assert (now.asked_at, now.urgency_rank, now.content) == (first, 1, b"two")


def test_wechat_message_that_is_repeated_is_received_once(store: Store) -> None:
    with store.begin() as tx:
        mark, new = wechat.receive(tx, "msgid 1", "someone", b"hello")
        again, new_again = wechat.receive(tx, "msgid 1", "someone", b"hello")
    assert (mark, new, new_again) == (again, True, False)


def test_job_is_there_only_if_its_transaction_is(store: Store) -> None:
    count = sa.text("select count(*) from procrastinate_jobs")
    with store.engine.connect() as connection:
        jobs.defer(connection, "answer", mark="00")
        connection.rollback()
    with store.begin() as tx:
        assert tx.connection.execute(count).scalar_one() == 0
        jobs.defer(tx.connection, "answer", mark="00", after=timedelta(seconds=5), lock="one user")
    with store.begin() as tx:
        assert tx.connection.execute(count).scalar_one() == 1


def test_clinician_logs_in_with_the_right_password_alone(store: Store) -> None:
    with store.begin() as tx:
        clinicians.set_password(tx, "Dr Li", PASSWORD)
        assert clinicians.log_in(tx, "Dr Li", PASSWORD + "x") is None
        assert clinicians.log_in(tx, "Dr Nobody", PASSWORD) is None
        secret = clinicians.log_in(tx, "Dr Li", PASSWORD)
        assert secret is not None
        login = clinicians.logged_in(tx, secret)
        assert login is not None
        assert login.clinician == "Dr Li"
        clinicians.log_out(tx, secret)
        assert clinicians.logged_in(tx, secret) is None


def test_account_locks_after_five_wrong_passwords_for_a_quarter_of_an_hour(store: Store, clock: Clock) -> None:
    with store.begin() as tx:
        clinicians.set_password(tx, "Dr Li", PASSWORD)
        for _ in range(5):
            assert clinicians.log_in(tx, "Dr Li", "wrong") is None
        assert clinicians.log_in(tx, "Dr Li", PASSWORD) is None
    clock.passes(timedelta(minutes=16))
    with store.begin() as tx:
        assert clinicians.log_in(tx, "Dr Li", PASSWORD) is not None


def test_login_ends_after_eight_hours_and_with_a_new_password(store: Store, clock: Clock) -> None:
    with store.begin() as tx:
        clinicians.set_password(tx, "Dr Li", PASSWORD)
        one, other = (clinicians.log_in(tx, "Dr Li", PASSWORD) or "" for _ in range(2))
        clinicians.set_password(tx, "Dr Li", PASSWORD + "2")
        assert clinicians.logged_in(tx, one) is None
        late = clinicians.log_in(tx, "Dr Li", PASSWORD + "2") or ""
    clock.passes(timedelta(hours=8))
    with store.begin() as tx:
        assert clinicians.logged_in(tx, other) is None
        assert clinicians.logged_in(tx, late) is None


def test_access_token_holds_until_its_time_and_stands_sealed(store: Store, clock: Clock) -> None:
    token = "of-ours"  # noqa: S105  of a test
    with store.begin() as tx:
        assert wechat.account(tx, "wx1").token is None
        wechat.put_token(tx, "wx1", token, clock.at + timedelta(hours=2))
        assert wechat.account(tx, "wx1").token == token
    clock.passes(timedelta(hours=2))
    with store.begin() as tx:
        assert wechat.account(tx, "wx1").token is None


def test_embedded_server_keeps_what_was_committed_when_it_starts_again() -> None:
    seal, key = Seal([bytes(32)]), uuid4()
    with data_folder() as folder:
        with database(None, folder) as engine, Store(engine=engine, seal=seal).begin() as tx:
            tx.record("test", "was here", key)
        with database(None, folder) as engine, engine.connect() as connection:
            assert connection.execute(sa.select(tables.access.c.consultation_id)).scalars().all() == [key]


def test_embedded_server_is_one_for_all_that_use_its_folder() -> None:
    with data_folder() as folder, serving(folder) as first, serving(folder) as second:
        assert first == second
