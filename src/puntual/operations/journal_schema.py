"""The journal's tables of predictions, events and marks, as the newest revision of its migrations leaves them."""

import sqlalchemy as sa

from puntual.operations.journal_line import COLUMNS

# Oldest first. A database of another revision was migrated by a newer release, which leaves what this one needs.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
# A name of our own, since the database may be shared with others who use Alembic.
VERSION_TABLE = "puntual_journal_version"

METADATA = sa.MetaData()
VERSIONS = sa.Table(
    VERSION_TABLE,
    METADATA,
    # Named as Alembic names it.
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

PREDICTIONS = sa.Table(
    "predictions",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
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

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("received", sa.String(32), nullable=False, comment="UTC, ISO 8601"),
    sa.Column("key_name", sa.String(64), nullable=False, comment="whose key it came with"),
    sa.Column("content_key", sa.String(32), nullable=False, unique=True, comment="digest of all below"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("airport", sa.String(4), nullable=False, comment="origin, or where the weather was observed"),
    sa.Column("airline", sa.String(8), nullable=False),
    sa.Column("flight_number", sa.String(8), nullable=False),
    sa.Column("scheduled_departure", sa.String(32), nullable=False, comment="local to the origin, ISO 8601"),
    sa.Column("destination", sa.String(4), nullable=False, comment="empty where it is not known"),
    sa.Column("departs", sa.String(32), comment="scheduled departure in UTC, ISO 8601, as all moments below"),
    sa.Column("scheduled_arrival", sa.String(32), comment="local to the destination, ISO 8601"),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("known_at", sa.String(32), nullable=False),
    sa.Column("expected_departure", sa.String(32)),
    sa.Column("tail", sa.String(16)),
    sa.Column("observation", sa.Text, comment="JSON"),
    sa.Index("events_by_airport", "airport", "known_at"),
    # An id is never given again, so that who has read up to one misses nothing.
    sqlite_autoincrement=True,
)

MARKS = sa.Table(
    "marks",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("received", sa.String(32), nullable=False, comment="UTC, ISO 8601"),
    sa.Column("key_name", sa.String(64), nullable=False, comment="whose key it came with"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("airport", sa.String(4), nullable=False, comment="origin"),
    sa.Column("airline", sa.String(8), nullable=False),
    sa.Column("flight_number", sa.String(8), nullable=False),
    sa.Column("scheduled_departure", sa.String(32), nullable=False, comment="local to the origin, ISO 8601"),
    sa.Column("note", sa.String(500), nullable=False, comment="empty for all but notes"),
    sqlite_autoincrement=True,
)
