"""The way in on a node, run by path with ``python -I``: ``run.py job | answer | env ...``.

``job`` reads an action's JSON from standard input and carries it out; ``answer`` reads the hub's question and
answers it (`environments.answers`); ``env`` is `hpchub env`. Before the word, ``--site FILE`` may name the
site's file, for sudo hands on no variables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NOT_UNDERSTOOD = 2


def main(words: list[str]) -> int:
    """Run one of the words; return what the process exits with."""
    from environments.streams import make_usable

    make_usable()
    if len(words) > 1 and words[0] == "--site":
        os.environ["HPCHUB_ENVIRONMENTS"] = words[1]
        words = words[2:]
    if words == ["answer"]:
        from environments.answers import main as answer

        return answer()
    if words == ["job"]:
        from environments.command.job import main as job

        return job()
    if words[:1] == ["env"]:
        from environments.command import main as env

        return env(words[1:])
    sys.stderr.write("run.py [--site FILE] job | answer | env ...\n")
    return NOT_UNDERSTOOD


if __name__ == "__main__":
    # Not PYTHONPATH, which whatever is started from here would inherit; and -I ignores it.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from environments.streams import settle

    try:
        code = main(sys.argv[1:])
    except BrokenPipeError:  # whoever read our output has read enough
        code = 0
    code = settle(code)
    # Not sys.exit: what the engine's library leaves behind may crash an interpreter that cleans up.
    os._exit(code)
