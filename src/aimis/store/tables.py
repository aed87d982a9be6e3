"""The tables. What people said stands in `sealed` columns; beside them only what queues, limits and clocks need."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, TIMESTAMP, UUID

metadata = sa.MetaData()


def _instant(name: str, *, empty: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=empty)


def _consultation_key(*, primary: bool = False, index: bool = False) -> sa.Column[object]:
    return sa.Column(
        "consultation_id",
        UUID(as_uuid=True),
        sa.ForeignKey("consultation.id", ondelete="CASCADE"),
        primary_key=primary,
        nullable=False,
        index=index,
    )


consultation = sa.Table(
    "consultation",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("consent_version", sa.Text, nullable=False),
    sa.Column("consent_sha256", sa.Text, nullable=False),
    _instant("started_at"),
    _instant("touched_at"),
    sa.Column("sealed", BYTEA, nullable=False),
)

resume_code = sa.Table(
    "resume_code",
    metadata,
    sa.Column("mark", BYTEA, primary_key=True),
    _consultation_key(),
    _instant("expires_at"),
)

handover = sa.Table(
    "handover",
    metadata,
    _consultation_key(primary=True),
    sa.Column("urgency_rank", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("taken_by", sa.Text, nullable=True),
    _instant("asked_at"),
    _instant("answered_at", empty=True),
    sa.Column("sealed", BYTEA, nullable=False),
    sa.CheckConstraint("state in ('waiting', 'answered', 'closed')", name="handover_state"),
    sa.Index("handover_queue", "state", "urgency_rank", "asked_at"),
)

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    _consultation_key(index=True),
    sa.Column("author", sa.Text, nullable=False),
    _instant("said_at"),
    sa.Column("sealed", BYTEA, nullable=False),
    sa.CheckConstraint("author in ('clinician', 'person')", name="message_author"),
)

wechat_user = sa.Table(
    "wechat_user",
    metadata,
    sa.Column("mark", BYTEA, primary_key=True),
    sa.Column("consultation_id", UUID(as_uuid=True), sa.ForeignKey("consultation.id", ondelete="SET NULL"), index=True),
    _instant("seen_at"),
    sa.Column("sealed", BYTEA, nullable=False),
)

wechat_message = sa.Table(
    "wechat_message",
    metadata,
    sa.Column("mark", BYTEA, primary_key=True),
    sa.Column("user_mark", BYTEA, nullable=False, index=True),
    _instant("received_at"),
    sa.Column("sealed", BYTEA, nullable=False),
    sa.Column("sealed_reply", BYTEA, nullable=True),
    sa.Column("sent_by", sa.Text, nullable=True),
    sa.CheckConstraint("sent_by in ('reply', 'service', 'given-up')", name="wechat_message_sent_by"),
)

wechat_account = sa.Table(
    "wechat_account",
    metadata,
    sa.Column("app_id", sa.Text, primary_key=True),
    sa.Column("sealed_token", BYTEA, nullable=True),
    _instant("expires_at", empty=True),
    sa.Column("menu_sha256", sa.Text, nullable=True),
)

clinician = sa.Table(
    "clinician",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    _instant("locked_until", empty=True),
)

login = sa.Table(
    "login",
    metadata,
    sa.Column("mark", BYTEA, primary_key=True),
    sa.Column("clinician", sa.Text, sa.ForeignKey("clinician.name", ondelete="CASCADE"), nullable=False),
    _instant("expires_at"),
)

access = sa.Table(
    "access",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    _instant("at"),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("did", sa.Text, nullable=False),
    sa.Column("consultation_id", UUID(as_uuid=True), nullable=True),
)
