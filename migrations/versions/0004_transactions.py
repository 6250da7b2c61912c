"""The transaction log

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-24 15:10:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('transactions',
    sa.Column('seq', SEQ, autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('action', sa.String(length=64), nullable=False),
    sa.Column('epoch', sa.Float(precision=53), nullable=False),
    sa.Column('username', sa.String(length=255), nullable=False),
    sa.Column('doc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_transactions')),
    sa.UniqueConstraint('id', name=op.f('uq_transactions_id'))
    )
    op.create_index('ix_transactions_action', 'transactions', ['action', 'seq'])
    op.create_index('ix_transactions_username', 'transactions', ['username', 'seq'])
    op.create_index('ix_transactions_epoch', 'transactions', ['epoch'])
    op.create_table('transaction_keywords',
    sa.Column('keyword', sa.String(length=255), nullable=False),
    sa.Column('seq', SEQ, nullable=False),
    sa.ForeignKeyConstraint(['seq'], ['transactions.seq'], name=op.f('fk_transaction_keywords_seq'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('keyword', 'seq', name=op.f('pk_transaction_keywords'))
    )
    op.create_index('ix_transaction_keywords_seq', 'transaction_keywords', ['seq'])


def downgrade():
    op.drop_table('transaction_keywords')
    op.drop_table('transactions')
