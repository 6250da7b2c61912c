"""Buckets

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-26 16:55:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('buckets',
    sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_buckets')),
    sa.UniqueConstraint('id', name=op.f('uq_buckets_id'))
    )
    op.create_table('bucket_contents',
    sa.Column('bucket', sa.String(length=255), nullable=False),
    sa.Column('data', sa.Text(), nullable=False),
    sa.Column('files', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('bucket', name=op.f('pk_bucket_contents'))
    )


def downgrade():
    op.drop_table('bucket_contents')
    op.drop_table('buckets')
