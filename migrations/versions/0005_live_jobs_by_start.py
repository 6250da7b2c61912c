"""Live jobs by the time of their start

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-24 15:40:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

LIVE = sa.text('final = 0')


def upgrade():
    op.create_index('ix_jobs_live_started', 'jobs', ['started', 'seq'], sqlite_where=LIVE, postgresql_where=LIVE)


def downgrade():
    op.drop_index('ix_jobs_live_started', 'jobs')
