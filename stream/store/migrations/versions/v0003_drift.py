"""What models saw, day by day."""

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of counts."""
    op.create_table(
        "drift",
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("model", Text, primary_key=True),
        Column("columns", Integer, nullable=False),
        Column("counts", LargeBinary, nullable=False),
    )
