"""The deals of leads, as far as deals has told of them: whoever calls is shown with theirs."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # What was opened before has its title and amount told never again: the lead's title stands in.
    op.execute(
        """
        CREATE TABLE known_deals (
            id uuid PRIMARY KEY,
            lead_id uuid NOT NULL,
            status text NOT NULL,
            funnel text NOT NULL,
            stage text NOT NULL,
            title text,
            amount numeric,
            currency text,
            owner text,
            at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX known_deals_lead ON known_deals (lead_id) WHERE status = 'open'")


def downgrade() -> None:
    op.execute("DROP TABLE known_deals")
