"""What searches need: terms, counts and texts of finished jobs

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-24 15:55:00

"""
from alembic import op
from flask import current_app
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from core import blobs, json
from models import job_term, job_text


# revision identifiers, used by Alembic.
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

FINAL = sa.text('final = 1')
FINAL_INDEXES = {
    'ix_jobs_final_seq': ['seq'],
    'ix_jobs_final_started': ['started', 'seq'],
    'ix_jobs_final_completed': ['completed', 'seq'],
    'ix_jobs_final_elapsed': ['elapsed', 'seq'],
}
# Jobs that are indexed before the next are read.
BATCH = 500


def upgrade():
    op.add_column('jobs', sa.Column('elapsed', sa.Float(precision=53), nullable=True))
    for name, columns in FINAL_INDEXES.items():
        op.create_index(name, 'jobs', columns, sqlite_where=FINAL, postgresql_where=FINAL)
    op.create_table('job_terms',
    sa.Column('field', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('word', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('completed', sa.Float(precision=53), nullable=False),
    sa.PrimaryKeyConstraint('field', 'word', 'seq', name=op.f('pk_job_terms')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_job_terms_completed', 'job_terms', ['field', 'word', 'completed', 'seq'])
    op.create_table('job_counts',
    sa.Column('field', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('word', sa.Text(), nullable=False),
    sa.Column('jobs', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('field', 'word', name=op.f('pk_job_counts')),
    sqlite_with_rowid=False
    )
    op.create_table('job_texts',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('part', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('words', sa.LargeBinary().with_variant(postgresql.TSVECTOR(), 'postgresql'), nullable=False),
    sa.PrimaryKeyConstraint('seq', 'part', name=op.f('pk_job_texts'))
    )
    if op.get_bind().dialect.name == 'postgresql':
        # Searches go through the list of pending words each time: it has to stay short (KiB).
        op.create_index('ix_job_texts_words', 'job_texts', ['words'], postgresql_using='gin', postgresql_with={'gin_pending_list_limit': 256})
    else:
        # Without content of its own; the underscore belongs to words here as everywhere.
        op.execute(
            "CREATE VIRTUAL TABLE job_words USING fts5"
            "(words, content='', tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")"
        )
    index_finished_jobs(op.get_bind())


def index_finished_jobs(connection):
    """Index the jobs that have ended before this version, some at a time."""
    last_seq = 0
    query = sa.text(
        'SELECT seq, id, completed, head, log_form, log FROM jobs'
        ' WHERE final = 1 AND seq > :last ORDER BY seq LIMIT :most'
    )
    while rows := connection.execute(query, {'last': last_seq, 'most': BATCH}).all():
        for row in rows:
            index_job(connection, row)
            last_seq = row.seq


def index_job(connection, row):
    head = json.loads(row.head)
    update = sa.text('UPDATE jobs SET elapsed = :elapsed WHERE seq = :seq')
    connection.execute(update, {'elapsed': head.get('elapsed', 0.0), 'seq': row.seq})
    job_term.change(connection, row.seq, row.completed, before=set(), after=job_term.terms_of(head))
    if row.log_form == 'row':
        log = bytes(row.log)
    else:
        log = blobs.head(current_app.config['INSTANCE_PATH'], row.id, job_text.LOG_BYTES)
    job_text.add(connection, row.seq, job_text.record_words(head), job_text.log_words(log))


def downgrade():
    if op.get_bind().dialect.name == 'sqlite':
        op.execute('DROP TABLE job_words')
    op.drop_table('job_texts')
    op.drop_table('job_counts')
    op.drop_table('job_terms')
    for name in FINAL_INDEXES:
        op.drop_index(name, 'jobs')
    with op.batch_alter_table('jobs') as batch_op:
        batch_op.drop_column('elapsed')
