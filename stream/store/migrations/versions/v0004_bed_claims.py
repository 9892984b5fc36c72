"""Who is about to be admitted where."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of claims."""
    op.create_table(
        "bed_claims",
        Column("unit", Text, primary_key=True),
        Column("bed", Text, primary_key=True),
        Column("patient", Text, nullable=False, index=True),
    )
