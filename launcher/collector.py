"""Everything one job prints, sorted into its log, its messages and the head of its stderr."""

from __future__ import annotations

from collections.abc import Sequence

from launcher import messages
from launcher.appender import Appender, MessageLog
from launcher.lines import Kind, LineSplitter, LineStamper, Piece, percent_fraction
from launcher.masking import Masker

#: Bytes of stderr that are kept apart as well.
STDERR_HEAD_BYTES = 32 * 1024
#: Malformed lines that are noted one by one.
MAX_MALFORMED_NOTES = 100


class Collector:
    """The output files of one run, and the rules for what goes into which."""

    def __init__(
        self, run_dir: str, *, shell: bool, annotate: bool, secrets: Sequence[bytes] = ()
    ) -> None:
        self._log = Appender(f"{run_dir}/log")
        self._stderr_head = Appender(f"{run_dir}/stderr")
        self._stderr_head_left = STDERR_HEAD_BYTES
        self._messages = MessageLog(run_dir)
        self._stdout_masker = Masker(secrets)
        self._stderr_masker = Masker(secrets)
        self._splitter = LineSplitter(shell)
        self._stamper = LineStamper() if annotate else None
        self._malformed_count = 0
        # What one chunk brings, gathered to be written at once.
        self._text: list[bytes] = []
        self._records: list[bytes] = []
        # The file exists from the start, so that readers need not guess.
        self._log.write(b"")

    @property
    def sizes(self) -> tuple[int, list[int]]:
        """Bytes of the log, and newest segment and size of the messages."""
        return self._log.size, self._messages.position

    @property
    def blocked(self) -> bool:
        """Whether the disk refused something; nothing more should be read until it took it."""
        return self._log.blocked or self._messages.blocked or self._stderr_head.blocked

    def stdout(self, chunk: bytes) -> None:
        self._sort(self._splitter.feed(self._stdout_masker.feed(chunk)))

    def end_of_stdout(self) -> None:
        self._sort(self._splitter.feed(self._stdout_masker.end()))
        self._sort(self._splitter.end())

    def stderr(self, chunk: bytes) -> None:
        self._keep_stderr(self._stderr_masker.feed(chunk))

    def end_of_stderr(self) -> None:
        self._keep_stderr(self._stderr_masker.end())

    def _keep_stderr(self, text: bytes) -> None:
        if not text:
            return
        self._log.write(text)
        head = text[: self._stderr_head_left]
        if head:
            self._stderr_head_left -= len(head)
            self._stderr_head.write(head)

    def note(self, text: str) -> None:
        """Leave an entry for the job's activity."""
        self._messages.append(messages.note_record(text))

    def flush(self) -> None:
        self._log.flush()
        self._messages.flush()
        self._stderr_head.flush()

    def close(self) -> None:
        """Close the files; what the disk still refuses is given up."""
        self._log.drop_unwritten(self._log.size)
        self._messages.drop_unwritten()
        for file in (self._log, self._messages, self._stderr_head):
            file.close()

    def _sort(self, pieces: list[Piece]) -> None:
        for kind, data in pieces:
            if kind is Kind.JSON:
                self._json_line(data)
            elif kind is Kind.PERCENT:
                self._records.append(messages.progress_record(percent_fraction(data)))
            else:
                self._text.append(self._stamper.stamp(data) if self._stamper else data)
            if kind is Kind.OVERSIZED:
                self._note_later("JSON line is longer than 32 MiB and was logged as text.")
        self._write_gathered()

    def _json_line(self, line: bytes) -> None:
        try:
            verdict = messages.judge(line)
        except messages.MalformedMessageError as error:
            self._text.append(line)
            self._note_malformed(str(error))
            return
        if verdict is messages.Verdict.MESSAGE:
            self._records.append(messages.message_record(line))
        elif verdict is messages.Verdict.TEXT:
            self._text.append(line)

    def _note_malformed(self, reason: str) -> None:
        self._malformed_count += 1
        if self._malformed_count <= MAX_MALFORMED_NOTES:
            self._note_later(f"WARNING: Error: JSON Parse Error: {reason}")
        elif self._malformed_count == MAX_MALFORMED_NOTES + 1:
            self._note_later("WARNING: Further JSON parse errors of this job are not noted.")

    def _note_later(self, text: str) -> None:
        self._records.append(messages.note_record(text))

    def _write_gathered(self) -> None:
        if self._text:
            self._log.write(b"".join(self._text))
            self._text.clear()
        if self._records:
            self._messages.append(b"".join(self._records))
            self._records.clear()
