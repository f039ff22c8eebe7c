"""A deleted read set knows the state that it can be brought back to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; only read sets whose ingest succeeded have an ETag."""
    op.add_column("read_set", sa.Column("deleted_from", sa.Text()))
    op.execute(
        "UPDATE read_set SET deleted_from = CASE WHEN etag_algorithm IS NULL THEN 'UPLOAD_FAILED' ELSE 'ACTIVE' END "
        "WHERE status = 'DELETED'"
    )
