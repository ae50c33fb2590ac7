"""What a send check says: value types only. The check itself is in send_check.py."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sms.compliance import frequency

Level = Literal["green", "amber", "red"]
TONES: dict[Level, str] = {"green": "good", "amber": "warn", "red": "bad"}


class Finding(NamedTuple):
    """One result: green informs, amber warns, red forbids the text.

    `code` is for programs, `sentence` for people.
    """

    level: Level
    code: str
    sentence: str

    @property
    def tone(self) -> str:
        """The color on pages."""
        return TONES[self.level]


@dataclass(frozen=True)
class SendCheck:
    """All findings about one text, the worst first."""

    findings: tuple[Finding, ...]
    # Set when the text may go but has to wait for the end of the recipient's quiet hours.
    not_before: dt.datetime | None = None
    # When the limit or the quiet hours that forbid it now end; None where waiting changes nothing.
    again_at: dt.datetime | None = None

    @property
    def worst(self) -> Level:
        return self.findings[0].level if self.findings else "green"

    @property
    def red(self) -> bool:
        """Whether the text is refused."""
        return self.worst == "red"

    @property
    def reason(self) -> Finding | None:
        """The first finding that forbids the text."""
        return self.findings[0] if self.red else None

    @property
    def tone(self) -> str:
        """The color on pages; the words beside it say the same."""
        return TONES[self.worst]

    @property
    def ambers(self) -> int:
        """The number of warnings."""
        return sum(finding.level == "amber" for finding in self.findings)

    @property
    def lifted(self) -> bool:
        """Whether a limit on resending was reached and overridden."""
        return not self.red and any(f.code in frequency.CODES for f in self.findings)

    @property
    def only_limits(self) -> bool:
        """Whether only a limit on resending forbids it, which some roles may override."""
        return self.red and all(
            finding.code in frequency.CODES for finding in self.findings if finding.level == "red"
        )
