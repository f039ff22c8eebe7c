"""Lists read each state off the indexes that have it, so none is needed without it."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Drop the index that no query uses any more."""
    op.drop_index("read_set_by_created", "read_set")
