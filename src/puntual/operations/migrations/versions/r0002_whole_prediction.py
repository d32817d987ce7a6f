"""Keep the whole prediction: its bands, what it was made from, and for whose key."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns that are missing; all may be null, since the first release goes on without them."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("predictions")}
    for column in (
        sa.Column("key_name", sa.String(64)),
        sa.Column("state_of_knowledge", sa.String(16)),
        sa.Column("cut_off", sa.String(32)),
        sa.Column("horizon_minutes", sa.Integer),
        sa.Column("history_until", sa.String(10)),
        sa.Column("band_up_to_15", sa.Double),
        sa.Column("band_15_to_30", sa.Double),
        sa.Column("band_30_to_60", sa.Double),
        sa.Column("band_60_to_120", sa.Double),
        sa.Column("band_over_120_or_cancelled", sa.Double),
    ):
        if column.name not in present:
            op.add_column("predictions", column)
