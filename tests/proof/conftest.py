"""The payments' world, and a process that dies where a test wants it to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from tests.payments.conftest import Gateway as Gateway
from tests.payments.conftest import _sandbox as _sandbox
from tests.payments.conftest import form as form
from tests.payments.conftest import gateway as gateway
from tests.payments.conftest import invoice as invoice
from tests.payments.conftest import link as link

KILLED, FINISHED = -signal.SIGKILL, 0


def in_a_process(work: Callable[[], Any]) -> int:
    """Run `work` in a process of its own; how it ended, as subprocess tells it."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
