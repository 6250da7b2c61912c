"""What a job's processes used over time

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-26 13:00:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('jobs', sa.Column('timelines', sa.Text(), nullable=True))


def downgrade():
    op.drop_column('jobs', 'timelines')
