"""The lock files hold all that the programs import: an installation has no package by chance."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from medvault.env import PROJECT


def with_what_they_need(wanted: list[str], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Names of these packages and, as far as this machine is concerned, of those that they need."""
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                needed = [each for each in map(Requirement, requires(name) or []) if _holds(each, extra)]
                yield name
                yield from with_what_they_need([str(each) for each in needed], seen)


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


@pytest.mark.parametrize("project", ["pyproject.toml", "edge/pyproject.toml"])
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_holds_what_the_center_and_its_demonstrations_terminal_need(project: str, lock: str) -> None:
    """`make demo` runs medvault-edge from the folder `edge`, in the environment of the first."""
    wanted = tomllib.loads((PROJECT / project).read_text())["project"]["dependencies"]
    locked = {
        canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", (PROJECT / lock).read_text(), re.MULTILINE)
    }
    assert set(with_what_they_need(wanted, set())) - locked == set()
