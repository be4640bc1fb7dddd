"""Which leads have a deal that is closed: a new touch of theirs is a new enquiry."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE TABLE closed_deals (lead_id uuid PRIMARY KEY)")


def downgrade() -> None:
    op.execute("DROP TABLE closed_deals")
