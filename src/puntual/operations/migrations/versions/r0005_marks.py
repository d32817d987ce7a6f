"""Keep what people do about flights, in a table that former releases know nothing of."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table unless it is there."""
    if not sa.inspect(op.get_bind()).has_table("marks"):
        op.create_table(
            "marks",
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
            sa.Column("received", sa.String(32), nullable=False),
            sa.Column("key_name", sa.String(64), nullable=False),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("airport", sa.String(4), nullable=False),
            sa.Column("airline", sa.String(8), nullable=False),
            sa.Column("flight_number", sa.String(8), nullable=False),
            sa.Column("scheduled_departure", sa.String(32), nullable=False),
            sa.Column("note", sa.String(500), nullable=False),
            sqlite_autoincrement=True,
        )
