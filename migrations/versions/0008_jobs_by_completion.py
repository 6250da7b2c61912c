"""Completed jobs by the time of their end

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-24 15:55:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FINAL = sa.text('final = 1')


def upgrade():
    op.create_index('ix_jobs_completed', 'jobs', ['completed', 'code'], sqlite_where=FINAL, postgresql_where=FINAL)


def downgrade():
    op.drop_index('ix_jobs_completed', 'jobs')
