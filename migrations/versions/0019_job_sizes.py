"""Sizes of finished jobs

Revision ID: 0019
Revises: 0018
Create Date: 2026-11-26 17:00:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

_BYTES = {
    'sqlite': "length(CAST(coalesce({0}, '') AS BLOB))",
    'postgresql': "coalesce(octet_length({0}), 0)",
}
# Categories are indexed as whole values: field 4, behind a "=".
_BY_CATEGORY = """
    INSERT INTO job_sizes (category, records, files)
    SELECT coalesce(category, ''), sum(record_bytes), sum(file_bytes) FROM jobs LEFT JOIN (
        SELECT seq, min(substr(word, 2)) AS category FROM job_terms
        WHERE field = 4 AND word LIKE '=%' GROUP BY seq
    ) AS categories ON categories.seq = jobs.seq
    WHERE final = 1 GROUP BY 1
"""


def upgrade():
    for name in ('record_bytes', 'file_bytes'):
        column = sa.Column(name, sa.BigInteger(), server_default='0', nullable=False)
        op.add_column('jobs', column)
    op.create_table('job_sizes',
    sa.Column('category', sa.String(length=255), nullable=False),
    sa.Column('records', sa.BigInteger(), nullable=False),
    sa.Column('files', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('category', name=op.f('pk_job_sizes'))
    )
    length = _BYTES[op.get_bind().dialect.name]
    total = ' + '.join(length.format(name) for name in ('head', 'heavy', 'log', 'timelines'))
    on_disk = "CASE WHEN log_form IN ('plain', 'gzip') THEN log_size ELSE 0 END"
    op.execute(f'UPDATE jobs SET record_bytes = {total}, file_bytes = {on_disk} WHERE final = 1')
    op.execute(_BY_CATEGORY)


def downgrade():
    op.drop_table('job_sizes')
    op.drop_column('jobs', 'file_bytes')
    op.drop_column('jobs', 'record_bytes')
