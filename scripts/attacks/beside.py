"""Processes beside the measuring one. Each returns one value, or the error that ended it."""

import gc
import multiprocessing
import os
import traceback

FORK = multiprocessing.get_context("fork")
STOP_S = 10


class Beside:
    """Runs `function(*arguments)` in a process of its own."""

    def __init__(self, function, *arguments, niceness=0):
        self._results, sender = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_run, args=(sender, niceness, function, arguments))
        self._process.start()
        sender.close()

    def has_ended(self):
        return not self._process.is_alive() or self._results.poll()

    def result(self, seconds):
        """(value, None), or (None, error). Ends the process if it takes longer, or has left any."""
        try:
            if self._results.poll(seconds):
                return self._results.recv()
            return None, f"took longer than {seconds:.0f} s"
        except EOFError:
            return None, "the process ended without a result"
        finally:
            self._process.join(STOP_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(STOP_S)


def _run(results, niceness, function, arguments):
    os.nice(niceness)
    gc.disable()
    try:
        results.send((function(*arguments), None))
    except Exception as error:  # the parent reports whatever it is
        traceback.print_exc()
        results.send((None, f"{type(error).__name__}: {error}"))
    finally:
        results.close()
        # Sockets close as in a process that was killed: all at once.
        os._exit(0)


def together(calls, seconds=60):
    """Runs several (function, *arguments) at the same time, and returns their values."""
    running = [Beside(*call) for call in calls]
    values = []
    for process in running:
        value, error = process.result(seconds)
        if error:
            raise RuntimeError(error)
        values.append(value)
    return values
