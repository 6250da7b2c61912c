"""Web hooks and channels

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-26 12:20:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade():
    for name in ('web_hooks', 'channels'):
        op.create_table(name,
        sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('id', sa.String(length=255), nullable=False),
        sa.Column('doc', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('seq', name=op.f(f'pk_{name}')),
        sa.UniqueConstraint('id', name=op.f(f'uq_{name}_id'))
        )


def downgrade():
    op.drop_table('channels')
    op.drop_table('web_hooks')
