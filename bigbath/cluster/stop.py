"""Signals that ask a run to end: SIGUSR1 after the tasks at work, SIGTERM at once. Nothing that is done is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bigbath.errors import Stopped


class Stop:
    """``asked``: whether a signal has asked to start nothing more; ``error``: what SIGTERM has raised, if it came."""

    asked = False
    error: Stopped | None = None


@contextmanager
def listening() -> Iterator[Stop]:
    """Within the block SIGUSR1 sets ``asked`` and SIGTERM raises Stopped; outside the main thread, nothing does."""
    stop = Stop()

    def finish(number: int, frame: FrameType | None) -> None:
        stop.asked = True

    def drop(number: int, frame: FrameType | None) -> None:
        stop.asked = True  # should a library swallow the error
        stop.error = Stopped(f"stopped by {signal.Signals(number).name}; run the same command again to go on")
        raise stop.error

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {
        number: signal.signal(number, handler) for number, handler in ((signal.SIGUSR1, finish), (signal.SIGTERM, drop))
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
