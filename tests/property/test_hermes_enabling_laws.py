"""The list of enabled plugins against a reader of YAML."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from governance.hosts.hermes.enabling import Unreadable, disabled, enabled, is_enabled

NAME = "governance"
names = st.text("abcxyz-_", min_size=1, max_size=6)
leaves = st.one_of(st.integers(), st.booleans(), st.none(), names, st.just(""), st.just("a: #b"))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
lists = st.lists(names.filter(lambda one: one not in ("y", "x")), max_size=3)
sections = st.one_of(
    st.just({}),
    st.fixed_dictionaries({}, optional={"enabled": lists, "disabled": lists, "entries": values}),
)
configs = st.dictionaries(names, values, max_size=4).flatmap(
    lambda other: st.one_of(
        st.just(other), sections.map(lambda section: {**other, "plugins": section})
    )
)


def expected(config: dict[str, Any]) -> dict[str, Any]:
    made = dict(config)
    section = dict(made.get("plugins") or {})
    section["enabled"] = {*(section.get("enabled") or []), NAME}
    return {**made, "plugins": section}


def as_sets(config: dict[str, Any]) -> dict[str, Any]:
    section = dict(config["plugins"])
    return {**config, "plugins": {**section, "enabled": set(section["enabled"])}}


@given(configs, st.sampled_from([None, False]))
def test_what_yaml_reads_is_the_same_and_the_name(
    config: dict[str, Any], flow: bool | None
) -> None:
    """Whatever PyYAML writes: the name is added to the list, and all else reads as before."""
    text = yaml.safe_dump(config, default_flow_style=flow, sort_keys=False) if config else ""

    try:
        after = enabled(text, NAME)
    except Unreadable:
        # A shape in which the list cannot be seen with certainty is left to a person.
        return

    assert as_sets(yaml.safe_load(after)) == expected(config)
    assert is_enabled(after, NAME)
    back = yaml.safe_load(disabled(after, NAME, made="plugins" not in config)) or {}
    assert {**back, "plugins": None} == {**config, "plugins": None}
    assert set((back.get("plugins") or {}).get("enabled") or []) == set(
        (config.get("plugins") or {}).get("enabled") or []
    )


@given(configs)
def test_lines_that_pyyaml_writes_are_not_refused(config: dict[str, Any]) -> None:
    """The form in which Hermes itself writes its file is one that can be changed."""
    if not config or "" in config.values():
        return
    text = yaml.safe_dump(config, default_flow_style=False, sort_keys=False)

    assert NAME in yaml.safe_load(enabled(text, NAME))["plugins"]["enabled"]
