"""The journal's table of predictions, as the newest revision of its migrations leaves it."""

import sqlalchemy as sa

from puntual.operations.journal_line import COLUMNS

# Oldest first. A database of another revision was migrated by a newer release, which leaves what this one needs.
REVISIONS = ("0001", "0002", "0003")
# A name of our own, since the database may be shared with others who use Alembic.
VERSION_TABLE = "puntual_journal_version"

PREDICTIONS = sa.Table(
    "predictions",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("answered", sa.String(32), nullable=False, comment="UTC, ISO 8601"),
    sa.Column("request_id", sa.String(128), nullable=False),
    sa.Column(
        "as_of", sa.String(40), comment="the cut-off as the request gave it; null is the answer's time"
    ),
    sa.Column("airline", sa.String(8), nullable=False),
    sa.Column("flight_number", sa.String(8), nullable=False),
    sa.Column("origin", sa.String(4), nullable=False),
    sa.Column("destination", sa.String(4), nullable=False),
    sa.Column("scheduled_departure", sa.String(32), nullable=False, comment="local to the origin, ISO 8601"),
    sa.Column("late_probability", sa.Double, nullable=False),
    sa.Column("model", sa.String(16), nullable=False, comment="version of the bundle"),
    # A former release that still runs writes none of the columns below, so all of them may be null.
    sa.Column("key_name", sa.String(64), comment="anonymous where none was needed"),
    sa.Column("peer", sa.String(64), comment="address that the request came from"),
    sa.Column("state_of_knowledge", sa.String(16)),
    sa.Column("cut_off", sa.String(32), comment="local to the origin, ISO 8601; null without a date"),
    sa.Column("horizon_minutes", sa.Integer, comment="from the cut-off to the scheduled departure"),
    sa.Column("history_until", sa.String(10), comment="last day of operations used; null for none"),
    *(sa.Column(name, sa.Double) for name in COLUMNS if name.startswith("band_")),
)
