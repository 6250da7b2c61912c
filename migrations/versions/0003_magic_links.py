"""Magic links

Revision ID: 0003
Revises: 0002

"""
import hashlib
import json

from alembic import op
import sqlalchemy as sa


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    links = op.create_table('magic_links',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('event', sa.String(length=255), nullable=False),
    sa.PrimaryKeyConstraint('digest', 'event', name=op.f('pk_magic_links'))
    )
    with op.batch_alter_table('magic_links', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_magic_links_event'), ['event'], unique=False)
    _fill(links)


def _fill(links):
    """Links of the events that were there before the table was."""
    events = op.get_bind().execute(sa.text('SELECT id, doc FROM events')).all()
    found = {
        (hashlib.sha256(trigger['token'].encode('utf-8', 'replace')).hexdigest(), event.id)
        for event in events
        for trigger in json.loads(event.doc).get('triggers') or ()
        if trigger.get('type') == 'magic' and isinstance(trigger.get('token'), str)
    }
    if found:
        op.bulk_insert(links, [{'digest': digest, 'event': event} for digest, event in found])


def downgrade():
    with op.batch_alter_table('magic_links', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_magic_links_event'))

    op.drop_table('magic_links')
