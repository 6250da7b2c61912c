"""On PostgreSQL one text per job instead of two

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-26 12:45:00

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

# The log's words, a gap, then the record's, marked by their weight; rows that are so already stay.
MERGE = """
CREATE TABLE merged_texts AS
SELECT seq, 2::smallint AS part,
    coalesce(log.words, '') ||
    coalesce($$'-':1A$$::tsvector || setweight(record.words, 'A'), '') AS words
FROM (SELECT seq, words FROM job_texts WHERE part = 1) AS log
FULL JOIN (SELECT seq, words FROM job_texts WHERE part = 0) AS record USING (seq)
UNION ALL SELECT seq, part, words FROM job_texts WHERE part = 2
"""


def upgrade():
    if op.get_bind().dialect.name != 'postgresql':
        return
    # As it is: its colons are no parameters.
    op.get_bind().exec_driver_sql(MERGE)
    # Filling an empty table and indexing it afterwards takes a fraction of the time.
    op.drop_index('ix_job_texts_words', 'job_texts')
    op.execute('TRUNCATE job_texts')
    op.execute('INSERT INTO job_texts SELECT seq, part, words FROM merged_texts ORDER BY seq')
    op.execute('DROP TABLE merged_texts')
    op.create_index('ix_job_texts_words', 'job_texts', ['words'], postgresql_using='gin', postgresql_with={'gin_pending_list_limit': 256})


def downgrade():
    if op.get_bind().dialect.name != 'postgresql':
        return
    op.execute("INSERT INTO job_texts SELECT seq, 1, ts_filter(words, '{d}') FROM job_texts WHERE part = 2")
    op.execute("INSERT INTO job_texts SELECT seq, 0, ts_filter(words, '{a}') FROM job_texts WHERE part = 2")
    op.execute('DELETE FROM job_texts WHERE part = 2')
