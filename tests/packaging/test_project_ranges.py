"""The ranges of the dependencies: both ends of each, and the lower one tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.dependency_ranges import RangeBroken, constraints, main, ranges, read

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "hosts" / "clients"
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)$", re.MULTILINE)


def project(*dependencies: str, **extras: list[str]) -> dict[str, Any]:
    """What `pyproject.toml` would say with these dependencies and extras."""
    return {
        "build-system": {"requires": ["hatchling>=1.27,<2"]},
        "project": {
            "name": "session-governance",
            "dependencies": list(dependencies),
            "optional-dependencies": extras,
        },
    }


def test_every_dependency_has_a_range_with_two_ends() -> None:
    """What the tree builds with, needs and offers begins at a release and ends at a cap."""
    found = ranges(read())

    assert {one.where for one in found} >= {"build-system", "dependencies", "postgres", "dev"}
    assert len(found) > 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attrs", "needs one lower end, `>=`, and one cap, `<`"),
        ("attrs<28", "needs one lower end, `>=`, and one cap, `<`"),
        ("attrs>=24.2", "needs one cap, `<`"),
        ("attrs>=24.2,!=25,<28", "nothing else beside its lower end"),
        ("attrs>=24.2,<=28", "needs one cap, `<`"),
        ("attrs>=24.2,<28,<29", "needs one cap, `<`"),
        ("attrs~=24.2", "needs one lower end"),
        ("attrs==24.2", "needs one lower end"),
        ("attrs>=28,<28", "its cap is not above its lower end"),
        ("attrs >< 3", "cannot be read"),
    ],
)
def test_a_range_without_two_ends_is_an_error(text: str, said: str) -> None:
    """What has no lower end, no cap, or a bound of another kind is named with its text."""
    with pytest.raises(RangeBroken) as broken:
        ranges(project(text))

    assert f"dependencies: `{text}`" in str(broken.value)
    assert said in str(broken.value)


def test_two_ranges_of_one_dependency_are_an_error() -> None:
    """A dependency of several extras is the same in each; a reader finds both places."""
    with pytest.raises(RangeBroken, match=r"b: `anyio` has another range in a"):
        ranges(project(a=["anyio>=4.4,<5"], b=["AnyIO>=4.5,<5"]))


def test_all_problems_are_told_at_once() -> None:
    """Each dependency that is wrong has its line."""
    with pytest.raises(RangeBroken) as broken:
        ranges(project("attrs", "rich<16", a=["anyio>=4.4,<5"]))

    assert len(str(broken.value).splitlines()) == 2


def test_the_constraints_ask_for_the_lower_ends() -> None:
    """Names in one spelling, extras and our own name left out, markers kept, each once."""
    found = ranges(
        project(
            "psycopg[binary]>=3.3,<4",
            "Backports.Zstd>=1,<2; python_version < '3.14'",
            test=["session-governance[async]", "psycopg>=3.3,<4"],
        )
    )

    assert constraints(found).splitlines() == [
        'backports-zstd==1; python_version < "3.14"',
        "hatchling==1.27",
        "psycopg==3.3",
    ]


def test_the_constraints_are_written_to_the_file(tmp_path: Path) -> None:
    """The command writes the constraints of this tree, one line for each dependency."""
    file = tmp_path / "lowest.txt"

    assert main([str(file)]) == 0
    assert file.read_text(encoding="utf-8") == constraints(ranges(read()))


def test_a_harness_begins_at_the_version_that_proves_it() -> None:
    """The extra of a harness asks for what `nox -s hosts` drives, and for nothing older."""
    lowest = {one.where: one for one in ranges(read()) if one.name.startswith(one.where)}
    harnesses = sorted({one.name for one in CLIENTS.iterdir()} & set(lowest))
    pinned = {
        harness: {
            match["name"]: match["version"]
            for match in PINNED.finditer((CLIENTS / harness / "requirements.txt").read_text())
        }
        for harness in harnesses
    }

    assert len(harnesses) == 5
    for harness in harnesses:
        begins = lowest[harness]
        assert begins.lowest == type(begins.lowest)(pinned[harness][begins.name])
