"""What the scheduler remembers of events

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-24 15:50:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('event_states',
    sa.Column('event', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('event', name=op.f('pk_event_states'))
    )


def downgrade():
    op.drop_table('event_states')
