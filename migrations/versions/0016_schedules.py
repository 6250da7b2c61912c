"""Schedules of events

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-26 13:30:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('schedules',
    sa.Column('event', sa.String(length=255), nullable=False),
    sa.Column('due', sa.BigInteger(), nullable=True),
    sa.Column('cursor', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('event', name=op.f('pk_schedules'))
    )
    op.create_index(op.f('ix_schedules_due'), 'schedules', ['due'])
    op.execute('INSERT INTO schedules (event, due, cursor) SELECT id, 0, NULL FROM events')


def downgrade():
    op.drop_table('schedules')
