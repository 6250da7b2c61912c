"""Roles, users, sessions, and how often callers call

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-24 15:40:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('roles',
    sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_roles')),
    sa.UniqueConstraint('id', name=op.f('uq_roles_id'))
    )
    op.create_table('users',
    sa.Column('seq', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.Column('password', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_users')),
    sa.UniqueConstraint('id', name=op.f('uq_users_id'))
    )
    op.create_table('sessions',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=255), nullable=False),
    sa.Column('csrf_token', sa.String(length=64), nullable=False),
    sa.Column('expires', sa.Float(precision=53), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_sessions'))
    )
    op.create_index('ix_sessions_username', 'sessions', ['username'])
    op.create_index('ix_sessions_expires', 'sessions', ['expires'])
    op.create_table('request_counts',
    sa.Column('subject', sa.String(length=80), nullable=False),
    sa.Column('period', sa.BigInteger(), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.Column('until', sa.Float(precision=53), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_request_counts'))
    )
    op.create_index('ix_request_counts_until', 'request_counts', ['until'])


def downgrade():
    for table in ('request_counts', 'sessions', 'users', 'roles'):
        op.drop_table(table)
