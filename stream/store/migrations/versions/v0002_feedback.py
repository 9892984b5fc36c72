"""What people say of beats and alarms."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of feedback."""
    op.create_table(
        "feedback",
        Column("id", Text, primary_key=True),
        Column("at", Double, nullable=False, index=True),
        Column("by", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("verdict", Text, nullable=False),
        Column("patient", Text, nullable=False),
        Column("session", Text, nullable=False),
        Column("sample", BigInteger, nullable=False),
        Column("time", Double, nullable=False),
        Column("label", Text, nullable=False),
        Column("alarm", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("strip", LargeBinary),
        Index("feedback_by_patient", "patient", "at"),
        Index("feedback_by_alarm", "alarm", "at"),
    )
