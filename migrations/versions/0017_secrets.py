"""Secrets

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-26 16:40:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('secrets',
    sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_secrets')),
    sa.UniqueConstraint('id', name=op.f('uq_secrets_id'))
    )
    op.create_table('sealed_values',
    sa.Column('secret', sa.String(length=255), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('secret', name=op.f('pk_sealed_values'))
    )


def downgrade():
    op.drop_table('sealed_values')
    op.drop_table('secrets')
