"""Keep where a request came from, beside whose key it showed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; it may be null, since former releases go on without it."""
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("predictions")}
    if "peer" not in present:
        op.add_column("predictions", sa.Column("peer", sa.String(64)))
