"""Run in a mount namespace of its own: changes an environment on a disk of a few KiB.

``full_disk.py FOLDER URL KIB [SHARED]``; it prints the outcome, what is in the environment, what is left
over, and what is in the package cache.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from environments import generations
from environments.layout import Layout
from environments.problems import Problem
from environments.site import Site
from tests.environments.engine.person import Person


def main() -> None:
    folder, url, kib = Path(sys.argv[1]) / "disk", sys.argv[2], int(sys.argv[3])
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], check=True)
    person = Person(Layout(folder / "conda"), Site(channels=(url,), least_free_mb=0))
    person.make("base")
    if sys.argv[4:]:
        person.site = person.site.model_copy(update={"shared_cache": Path(sys.argv[4])})
    used = int(subprocess.run(["du", "-sk", folder], capture_output=True, check=True).stdout.split()[0])
    subprocess.run(["mount", "-o", f"remount,size={used + kib}k", str(folder)], check=True)
    try:
        person.make("big", keep=True)
        outcome = "done"
    except Problem as problem:
        outcome = problem.code
    generations.clean(person.layout, "notebook", 2)
    cached = sorted(path.name for path in person.layout.packages.iterdir())
    print(f"{outcome}\n{person.packages()}\n{person.left_over()}\n{cached}")


main()
