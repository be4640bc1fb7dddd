"""Who absorbed a contact at first, beside who goes on for it now: so that a merge can be taken back."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE contact_aliases ADD COLUMN absorbed_by uuid")
    op.execute("UPDATE contact_aliases SET absorbed_by = contact_id")
    op.execute("ALTER TABLE contact_aliases ALTER COLUMN absorbed_by SET NOT NULL")
    op.execute("CREATE INDEX contact_aliases_absorbed_by ON contact_aliases (absorbed_by)")


def downgrade() -> None:
    op.execute("ALTER TABLE contact_aliases DROP COLUMN absorbed_by")
