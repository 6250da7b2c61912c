"""Stored files, and which jobs use them

Revision ID: 0006
Revises: 0005

"""
from alembic import op
import sqlalchemy as sa


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('files',
    sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('path', sa.String(length=512), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('expires', sa.Float(precision=53), nullable=True),
    sa.Column('job', sa.String(length=64), nullable=True),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_files')),
    sa.UniqueConstraint('path', name=op.f('uq_files_path'))
    )
    with op.batch_alter_table('files', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_files_expires'), ['expires'], unique=False)
        batch_op.create_index(batch_op.f('ix_files_job'), ['job'], unique=False)
        batch_op.create_index(batch_op.f('ix_files_owner'), ['owner'], unique=False)

    op.create_table('file_uses',
    sa.Column('file', sa.Integer(), nullable=False),
    sa.Column('job', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['file'], ['files.seq'], name=op.f('fk_file_uses_file'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('file', 'job', name=op.f('pk_file_uses'))
    )
    with op.batch_alter_table('file_uses', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_uses_job'), ['job'], unique=False)


def downgrade():
    op.drop_table('file_uses')
    op.drop_table('files')
