"""Laws of the configuration: no misspelling is silent, no layer loosens, nothing crashes."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.config import (
    HOSTS,
    KEYS,
    Config,
    KeySpec,
    LayerFiles,
    load_config,
    loosenings,
    read_config,
    until_trusted,
)
from governance.config._tree import ORDERS
from governance.errors import DefinitionError, Diagnostic
from governance.testing import strategies

PROJECT = Path("/project")
TABLES = sorted({one.key.split(".")[0] for one in KEYS})


@st.composite
def misspelled(draw: st.DrawFn, word: str) -> str:
    """*word* with one letter gone, doubled or changed."""
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_"))
    middle = draw(st.sampled_from(["", word[at] * 2, letter]))
    made = word[:at] + middle + word[at + 1 :]
    assume(made and made != word)
    return made


WRITABLE = [one for one in KEYS if one.default not in ("none", "required")]


@given(st.sampled_from(WRITABLE), st.data())
def test_one_misspelled_letter_in_a_key_is_never_silent(spec: KeySpec, data: st.DataObject) -> None:
    """Wherever the letter is, the file is refused, and a right key is named."""
    table, _, key = spec.key.replace("NAME", "codex").rpartition(".")
    wrong = data.draw(misspelled(key))
    head = spec.key.rpartition(".")[0]
    assume(f"{head}.{wrong}" not in {one.key for one in KEYS})
    if table == "listener[]":
        text = f'[[listener]]\nname = "a"\nevents = ["*"]\ncommand = ["x"]\n{wrong} = 1\n'
    else:
        text = f"[{table}]\n{wrong} = {spec.default}\n"

    with pytest.raises(DefinitionError) as caught:
        read_config(text, "governance.toml", PROJECT)

    (found,) = caught.value.diagnostics
    assert found.code == "GOV301"
    assert found.line == len(text.splitlines())
    assert found.suggestion


@given(st.dictionaries(st.sampled_from([*TABLES, "x"]), strategies.json_values(leaves_max=5)))
def test_any_values_give_a_configuration_or_problems(data: dict[str, object]) -> None:
    """Whatever stands in the file, nothing but a definition error comes out, each line known."""
    plain = {key: _without_none(value) for key, value in data.items() if value is not None}
    text = "# a file\n" + tomli_w.dumps(plain)
    problems: tuple[Diagnostic, ...] = ()

    try:
        read_config(text, "governance.toml", PROJECT)
    except DefinitionError as error:
        problems = error.diagnostics

    assert bool(problems) or set(plain) <= set(TABLES)
    assert all(one.line >= 1 and one.code.startswith("GOV") for one in problems)


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(one) for one in value if one is not None]
    return value


def ordered(table: str) -> st.SearchStrategy[dict[str, object]]:
    """Some of the keys that have an order of strictness, with any of their values."""
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(order) for name, order in ORDERS[table].items()}
    )


LAYER = st.fixed_dictionaries(
    {},
    optional={
        "defaults": ordered("defaults"),
        "journal": ordered("journal"),
        "hosts": st.dictionaries(st.sampled_from(HOSTS[:2]), ordered("hosts"), max_size=2),
    },
)
LEVELS = st.sampled_from(["strict", "standard", "minimal"])


@given(LAYER, LAYER, LAYER, LEVELS)
def test_no_layer_loosens_what_an_upper_one_demands(
    tmp_path_factory: pytest.TempPathFactory,
    machine: dict[str, object],
    user: dict[str, object],
    project: dict[str, object],
    level: str,
) -> None:
    """What holds is as strict as the strictest layer that speaks, and no stricter than needed."""
    folder = tmp_path_factory.mktemp("layers")
    files = {}
    for name, data in (("machine", machine), ("user", user)):
        files[name] = folder / f"{name}.toml"
        files[name].write_text(tomli_w.dumps(data))
    (folder / "governance.toml").write_text(tomli_w.dumps({**project, "session": {"level": level}}))
    alone = load_config(folder, layers=LayerFiles())

    config = load_config(folder, layers=LayerFiles(**files))
    safe = until_trusted(config)

    for table, names in ORDERS.items():
        for host in HOSTS[:2] if table == "hosts" else ("",):
            for name, order in names.items():
                said = [order.index(_value(alone, table, host, name))]
                for data in (machine, user):
                    one = data.get(table, {})
                    one = one.get(host, {}) if host else one  # type: ignore[attr-defined]
                    said += [order.index(one[name])] if name in one else []  # type: ignore[index, operator]
                held = order.index(_value(config, table, host, name))
                assert held == max(said)
                assert order.index(_value(safe, table, host, name)) >= held
    assert loosenings(safe) == ()


def _value(config: Config, table: str, host: str, name: str) -> object:
    return getattr(config.host(host) if host else getattr(config, table), name)
