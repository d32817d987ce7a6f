"""Create the table of predictions, as the first release did without Alembic."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table unless the first release has."""
    if sa.inspect(op.get_bind()).has_table("predictions"):
        return
    op.create_table(
        "predictions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("answered", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("as_of", sa.String(40)),
        sa.Column("airline", sa.String(8), nullable=False),
        sa.Column("flight_number", sa.String(8), nullable=False),
        sa.Column("origin", sa.String(4), nullable=False),
        sa.Column("destination", sa.String(4), nullable=False),
        sa.Column("scheduled_departure", sa.String(32), nullable=False),
        sa.Column("late_probability", sa.Double, nullable=False),
        sa.Column("model", sa.String(16), nullable=False),
    )
