"""Consultations, hand-overs, WeChat, clinicians, and the queue of jobs. There is no way back from the first step."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None

ID = pg.UUID(as_uuid=True)
BYTES = pg.BYTEA
TIME = pg.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Make everything."""
    _consultations()
    _handovers()
    _wechat()
    _clinicians()
    driver = op.get_bind().connection.driver_connection
    if driver is not None:
        driver.execute(SchemaManager.get_schema())  # procrastinate 3.3 to 3.10; a later schema needs a step of its own


def _consultations() -> None:
    op.create_table(
        "consultation",
        sa.Column("id", ID, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("consent_version", sa.Text, nullable=False),
        sa.Column("consent_sha256", sa.Text, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("touched_at", TIME, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
    )
    op.create_table(
        "resume_code",
        sa.Column("mark", BYTES, primary_key=True),
        sa.Column("consultation_id", ID, sa.ForeignKey("consultation.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )


def _handovers() -> None:
    op.create_table(
        "handover",
        sa.Column("consultation_id", ID, sa.ForeignKey("consultation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("urgency_rank", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("taken_by", sa.Text),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.Column("sealed", BYTES, nullable=False),
        sa.CheckConstraint("state in ('waiting', 'answered', 'closed')", name="handover_state"),
    )
    op.create_index("handover_queue", "handover", ["state", "urgency_rank", "asked_at"])
    op.create_table(
        "message",
        sa.Column("id", ID, primary_key=True),
        sa.Column("consultation_id", ID, sa.ForeignKey("consultation.id", ondelete="CASCADE"), nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("said_at", TIME, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
        sa.CheckConstraint("author in ('clinician', 'person')", name="message_author"),
    )
    op.create_index("ix_message_consultation_id", "message", ["consultation_id"])


def _wechat() -> None:
    op.create_table(
        "wechat_user",
        sa.Column("mark", BYTES, primary_key=True),
        sa.Column("consultation_id", ID, sa.ForeignKey("consultation.id", ondelete="SET NULL")),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
    )
    op.create_index("ix_wechat_user_consultation_id", "wechat_user", ["consultation_id"])
    op.create_table(
        "wechat_message",
        sa.Column("mark", BYTES, primary_key=True),
        sa.Column("user_mark", BYTES, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
        sa.Column("sealed_reply", BYTES),
        sa.Column("sent_by", sa.Text),
        sa.CheckConstraint("sent_by in ('reply', 'service', 'given-up')", name="wechat_message_sent_by"),
    )
    op.create_index("ix_wechat_message_user_mark", "wechat_message", ["user_mark"])
    op.create_table(
        "wechat_account",
        sa.Column("app_id", sa.Text, primary_key=True),
        sa.Column("sealed_token", BYTES),
        sa.Column("expires_at", TIME),
        sa.Column("menu_sha256", sa.Text),
    )


def _clinicians() -> None:
    op.create_table(
        "clinician",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked_until", TIME),
    )
    op.create_table(
        "login",
        sa.Column("mark", BYTES, primary_key=True),
        sa.Column("clinician", sa.Text, sa.ForeignKey("clinician.name", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_table(
        "access",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("consultation_id", ID),
    )
