"""A receipt that came early has the vendor's id in its fact: it need not stand beside it.

The column itself stays as long as replicas of the release before may write it.
"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE early_receipts ALTER COLUMN external_id DROP NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE early_receipts SET external_id = fact ->> 'external_id' WHERE external_id IS NULL")
    op.execute("ALTER TABLE early_receipts ALTER COLUMN external_id SET NOT NULL")
