"""Keep the events of flights and airports, in a table that former releases know nothing of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table, and its index, unless they are there."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("events"):
        op.create_table(
            "events",
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
            sa.Column("received", sa.String(32), nullable=False),
            sa.Column("key_name", sa.String(64), nullable=False),
            sa.Column("content_key", sa.String(32), nullable=False, unique=True),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("airport", sa.String(4), nullable=False),
            sa.Column("airline", sa.String(8), nullable=False),
            sa.Column("flight_number", sa.String(8), nullable=False),
            sa.Column("scheduled_departure", sa.String(32), nullable=False),
            sa.Column("destination", sa.String(4), nullable=False),
            sa.Column("departs", sa.String(32)),
            sa.Column("scheduled_arrival", sa.String(32)),
            sa.Column("at", sa.String(32), nullable=False),
            sa.Column("known_at", sa.String(32), nullable=False),
            sa.Column("expected_departure", sa.String(32)),
            sa.Column("tail", sa.String(16)),
            sa.Column("observation", sa.Text),
            sqlite_autoincrement=True,
        )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("events")}
    if "events_by_airport" not in present:
        op.create_index("events_by_airport", "events", ["airport", "known_at"])
