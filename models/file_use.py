"""Which jobs got which uploaded files as input."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.job import Job, is_live
from models.stored_file import StoredFile


class FileUse(db.Model):  # type: ignore[misc, name-defined]
    """One file in the input of one job."""

    __tablename__ = "file_uses"

    file: Mapped[int] = mapped_column(
        sa.ForeignKey("files.seq", ondelete="CASCADE"), primary_key=True
    )
    job: Mapped[str] = mapped_column(sa.String(64), primary_key=True, index=True)

    @classmethod
    def insert(cls, connection: sa.Connection, job_id: str, files: Collection[int]) -> None:
        """Note that a job has these files."""
        if files:
            rows = [{"file": file, "job": job_id} for file in files]
            connection.execute(sa.insert(cls), rows)

    @classmethod
    def by_live_jobs(cls, connection: sa.Connection, files: Collection[int]) -> set[int]:
        """Those of these files that a live job has."""
        query = sa.select(cls.file).join(Job, Job.id == cls.job)
        return set(connection.scalars(query.where(cls.file.in_(files), is_live())))

    @classmethod
    def of_any_job(cls, connection: sa.Connection, files: Collection[int]) -> set[int]:
        """Those of these files that a job has, live or final."""
        query = sa.select(cls.file).join(Job, Job.id == cls.job)
        return set(connection.scalars(query.where(cls.file.in_(files))))

    @classmethod
    def queued_jobs(cls, connection: sa.Connection, event: str) -> Sequence[str]:
        """The ids of those queued jobs of an event that have files."""
        query = sa.select(cls.job).distinct().join(Job, Job.id == cls.job)
        found = query.where(is_live(), Job.event == event, Job.state == "queued")
        return connection.scalars(found).all()

    @classmethod
    def delete(cls, connection: sa.Connection, job_id: str, files: Collection[int]) -> None:
        """Forget that a job has these files."""
        connection.execute(sa.delete(cls).where(cls.job == job_id, cls.file.in_(files)))

    @classmethod
    def delete_all(cls, connection: sa.Connection, job_id: str) -> None:
        """Forget the files that a job has."""
        connection.execute(sa.delete(cls).where(cls.job == job_id))

    @classmethod
    def of_job(cls, connection: sa.Connection, job_id: str) -> dict[int, str]:
        """The files that a job has, number and path; nobody can take them up meanwhile."""
        query = sa.select(StoredFile.seq, StoredFile.path).join(cls, cls.file == StoredFile.seq)
        rows = query.where(cls.job == job_id).order_by(StoredFile.seq)
        return {
            row.seq: row.path for row in connection.execute(rows.with_for_update(of=StoredFile))
        }
