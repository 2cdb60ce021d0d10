"""Machine, user, project: the strictest wins, and a lower layer never loosens."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.config import Config, LayerFiles, load_config, override_session, until_trusted
from governance.errors import DefinitionError, Diagnostic

LISTENER = '[[listener]]\nname = "{}"\nevents = ["*"]\ncommand = ["x"]\n'


class Places:
    """A project with the files of the layers above it, written when they are given."""

    def __init__(self, folder: Path) -> None:
        self.project, self.machine, self.user = folder / "p", folder / "m", folder / "u"
        for one in (self.project, self.machine, self.user):
            one.mkdir()
        self.write(project="# nothing\n")

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (getattr(self, name) / "governance.toml").write_text(text)

    def load(self, **texts: str) -> Config:
        self.write(**texts)
        files = LayerFiles(
            machine=self.machine / "governance.toml", user=self.user / "governance.toml"
        )
        return load_config(self.project, layers=files)

    def problems(self, **texts: str) -> list[Diagnostic]:
        with pytest.raises(DefinitionError) as caught:
            self.load(**texts)
        return list(caught.value.diagnostics)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_layers_without_a_file_say_nothing(places: Places) -> None:
    """Most machines have no file of their own."""
    assert [one.name for one in places.load().layers] == ["project"]


def test_packs_come_from_every_layer_with_their_own_folder(places: Places) -> None:
    """Relative paths start where the file that names them stands; upper layers stand first."""
    config = places.load(
        machine='[packs]\npaths = ["m.toml"]\n',
        user='[packs]\npaths = ["u.toml"]\n[[exempt]]\nrule = "a.b"\nreason = "mine"\n',
        project='[packs]\npaths = ["p.toml"]\n',
    )

    assert [(one.name, one.directory, one.packs.paths) for one in config.layers] == [
        ("machine", places.machine, ("m.toml",)),
        ("user", places.user, ("u.toml",)),
        ("project", places.project, ("p.toml",)),
    ]
    assert [len(one.exempts) for one in config.layers] == [0, 1, 0]


def test_an_upper_layer_names_no_packs_by_itself(places: Places) -> None:
    """A machine's file without packs adds none; the default is the project's alone."""
    config = places.load(machine='[defaults]\ntool = "ask"\n')

    assert [one.packs.paths for one in config.layers] == [(), ("shipped",)]


@pytest.mark.parametrize(
    ("machine", "user", "project", "expected"),
    [
        ("deny", "allow", "allow", "deny"),
        ("allow", "ask", "allow", "ask"),
        ("allow", "allow", "deny", "deny"),
        ("ask", "deny", "ask", "deny"),
    ],
)
def test_the_strictest_wins(
    places: Places, machine: str, user: str, project: str, expected: str
) -> None:
    """Of every key with an order of strictness the strictest of all layers holds."""
    table = '[defaults]\ntool = "{0}"\n[hosts.codex]\nunknown_tool = "{0}"\n'

    config = places.load(
        machine=table.format(machine), user=table.format(user), project=table.format(project)
    )

    assert config.defaults.tool == expected
    assert config.host("codex").unknown_tool == expected


def test_a_demand_holds_where_the_project_says_nothing(places: Places) -> None:
    """For hosts without a table, under a milder level, in sessions and before trust alike."""
    config = places.load(
        machine='[defaults]\nmode = "enforce"\n[hosts.codex]\nunbriefed = "deny"\n'
        "[journal]\nredaction = true\n",
        project='[session]\nlevel = "minimal"\n[journal]\nredaction = false\n',
    )

    for one in (config, override_session(config, {"phase": "x"}), until_trusted(config)):
        assert one.defaults.mode == "enforce"
        assert one.journal.redaction
        assert one.host("codex").unbriefed == "deny"
        assert one.host("claude-code").unbriefed == "allow"


def test_listeners_of_all_layers_are_called(places: Places) -> None:
    """Upper layers' first; before a person trusts the project, its own are not started."""
    config = places.load(
        machine=LISTENER.format("m"), user=LISTENER.format("u"), project=LISTENER.format("p")
    )

    assert [one.name for one in config.listener_commands] == ["m", "u", "p"]
    assert [one.name for one in until_trusted(config).listener_commands] == ["m", "u"]


def test_the_zone_of_the_uppermost_layer_holds(places: Places) -> None:
    """A project says in which zone rules read the time only where nobody above it does."""
    zone = '[project]\ntime_zone = "{}"\n'
    own = zone.format("Asia/Tokyo")

    assert places.load(project=own).project.time_zone == "Asia/Tokyo"
    assert places.load(project=own, user=zone.format("UTC")).project.time_zone == "UTC"
    both = places.load(project=own, user=zone.format("UTC"), machine=zone.format("Europe/Paris"))
    assert both.project.time_zone == "Europe/Paris"
    assert not {"time", "weekday"} & both.hearsay
    assert {"time", "weekday"} <= places.load(project=own, user="#", machine="#").hearsay


def test_a_lower_layer_cannot_take_an_upper_listeners_name(places: Places) -> None:
    """The journal can tell them apart."""
    (found,) = places.problems(machine=LISTENER.format("same"), project=LISTENER.format("same"))

    assert found.code == "GOV308"
    assert found.file == str(places.project / "governance.toml")


@pytest.mark.parametrize(
    ("machine", "user", "names"),
    [
        ('["machine"]', None, ["machine"]),
        ('["machine", "project"]', None, ["machine", "project"]),
        (None, '["machine", "user"]', ["machine", "user"]),
        ('["machine"]', '["machine", "user"]', ["machine"]),
    ],
)
def test_a_layer_may_leave_out_those_below_it(
    places: Places, machine: str | None, user: str | None, names: list[str]
) -> None:
    """Their packs, exemptions, demands and listeners do not count then."""
    table = "[packs]\nlayers = {}\n"
    config = places.load(
        machine=table.format(machine or '["machine", "user", "project"]'),
        user=table.format(user or '["machine", "user", "project"]') + '[defaults]\ntool = "deny"\n',
        project='[[exempt]]\nrule = "a.b"\nreason = "x"\n',
    )

    assert [one.name for one in config.layers] == names
    assert config.defaults.tool == ("deny" if "user" in names else "allow")
    assert len(config.exempts) == ("project" in names)


@pytest.mark.parametrize(
    ("layer", "text", "line", "said"),
    [
        ("machine", "[session]\n", 1, "`session` stands in a machine's file"),
        ("user", "[hosts.codex]\ndeadline_ms = 200\n", 2, "stands in a user's file"),
        ("user", '[journal]\nurl = "memory:"\n', 2, "stands in a user's file"),
        ("user", '[packs]\nlayers = ["user"]\n', 2, "leaves out `machine`"),
        ("machine", '[defaults]\nmodes = "x"\n', 2, "did you mean `mode`?"),
        ("machine", "[sesion]\n", 1, "did you mean `session`?"),
        ("machine", "hosts = 3\n", 1, "expected a table of tables"),
        ("user", '[project]\nname = "x"\n', 2, "`project.name` stands in a user's file"),
        ("user", '[project]\ntime_zone = "x"\n', 2, "there is no time zone `x`"),
        ("machine", "a = ", 1, "GOV101"),
    ],
)
def test_what_an_upper_layer_may_not_say(
    places: Places, layer: str, text: str, line: int, said: str
) -> None:
    """Each is an error of that file, with its line; a broken layer is never skipped."""
    (found,) = places.problems(**{layer: text})

    assert found.file == str(getattr(places, layer) / "governance.toml")
    assert found.line == line
    assert said in str(found)


def test_an_empty_upper_file_says_nothing(places: Places) -> None:
    """A file that was touched and never filled is no error."""
    assert places.load(machine="", user="\n").defaults.tool == "allow"


def test_a_layer_that_cannot_be_read_is_an_error(places: Places) -> None:
    """A guard that cannot be read is not taken for one that is not there."""
    (places.machine / "governance.toml").mkdir()

    with pytest.raises(DefinitionError) as caught:
        load_config(places.project, layers=LayerFiles(machine=places.machine / "governance.toml"))

    assert [one.code for one in caught.value.diagnostics] == ["GOV334"]
