"""Statistics of jobs by day, hour and minute

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-26 13:00:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('statistics',
    sa.Column('span', sa.String(length=8), nullable=False),
    sa.Column('start', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('event', sa.String(length=255), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('span', 'start', 'event', 'name', name=op.f('pk_statistics'))
    )
    op.create_index('ix_statistics_span_start', 'statistics', ['span', 'start'])
    # Only counting needed it, which the new table does better.
    op.drop_index('ix_jobs_completed', 'jobs')


def downgrade():
    final = sa.text('final = 1')
    op.create_index('ix_jobs_completed', 'jobs', ['completed', 'code'], sqlite_where=final, postgresql_where=final)
    op.drop_table('statistics')
