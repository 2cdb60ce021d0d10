"""
The pinned Hermes Agent in an environment of its own, and one governed home to run it in.

Nothing but loopback is spoken to while it runs. An install that fails is an error, not a
skip: a proof that did not run proves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import define

from governance.cli.guard import key_path
from governance.engine import Engine
from governance.hosts.hermes.tools import TOOLS
from governance.listeners import Listeners
from governance.project import Project
from governance.session.state import SessionState
from tests.hosts.environments import EnvironmentMissing, environment

REPOSITORY = Path(__file__).parents[2]
PACK = Path(__file__).with_name("hermes_pack.toml")
DRIVER = Path(__file__).with_name("hermes_driver.py")
GOVERNANCE = "import sys; from governance.cli import entry; sys.exit(entry())"
RUN_SECONDS_MAX = 120
CONFIG = """\
# kept by a person
model:
  default: scripted   # a model of ours
  provider: custom
  base_url: {url}
  api_key: none
  context_length: 200000
auxiliary:
  compression: {{provider: custom, model: scripted, base_url: "{url}", api_key: none}}
  title_generation: {{provider: custom, model: scripted, base_url: "{url}", api_key: none}}
approvals:
  destructive_slash_confirm: false
"""


def install() -> Path:
    """
    The Python of the environment with the pinned client, and with this very checkout in it.

    The checkout is installed so that its entry points are seen there.

    Raises:
        EnvironmentMissing: It could not be made.
    """
    python = environment("hermes")
    made_of = (REPOSITORY / "pyproject.toml").read_bytes() + str(REPOSITORY).encode()
    with (python.parents[1] / "own").open("a+") as own:
        fcntl.flock(own, fcntl.LOCK_EX)
        own.seek(0)
        key = sha256(made_of).hexdigest()
        if own.read() != key:
            words = ("--no-deps", "--no-build-isolation", "-q", "-e", str(REPOSITORY))
            done = subprocess.run(
                [sys.executable, "-m", "pip", "--python", str(python), "install", *words],
                capture_output=True,
                text=True,
                timeout=RUN_SECONDS_MAX,
            )
            if done.returncode:
                raise EnvironmentMissing(done.stderr[-2000:])
            own.truncate(0)
            own.write(key)
    return python


@define(eq=False)
class HermesLab:
    """A home of Hermes, and the project that governs it."""

    python: Path
    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def home(self) -> Path:
        return self.root / "home" / ".hermes"

    def environment(self, **more: str) -> dict[str, str]:
        """The whole environment of a run: nothing is inherited."""
        return {
            "HOME": str(self.root / "home"),
            "HERMES_HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONPATH": str(REPOSITORY),
            "GATEWAY_ALLOW_ALL_USERS": "true",
            **more,
        }

    def govern(self, url: str = "http://127.0.0.1:9/v1", config: str = CONFIG) -> None:
        """Make home and project, and have the one governed by the other."""
        self.home.mkdir(parents=True)
        (self.home / "config.yaml").write_text(config.format(url=url))
        (self.project / "rules").mkdir(parents=True)
        shutil.copyfile(PACK, self.project / "rules" / "pack.toml")
        (self.project / "governance.toml").write_text(
            '[packs]\npaths = ["rules/pack.toml"]\n[hosts.hermes]\nunknown_tool = "allow"\n'
        )
        self.command("init", "--host", "hermes")
        self.command("trust", "--yes", "--key", str(key_path(self._project())))

    def command(self, *words: str) -> str:
        """What the command ``governance`` says in this home, run by the tests' own Python."""
        done = subprocess.run(
            [sys.executable, "-c", GOVERNANCE, *words],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def key(self) -> str:
        """The person's key, as a command takes it."""
        return str(key_path(self._project()))

    def _project(self) -> Project:
        os.environ["HOME"] = str(self.root / "home")
        return Project(self.project)

    def drive(self, scenario: str, **more: str) -> dict[str, Any]:
        """Run one scenario of `hermes_driver.py` with the real client; what it saw."""
        out = self.root / f"{scenario}.json"
        done = subprocess.run(
            [str(self.python), str(DRIVER), scenario, str(out)],
            cwd=self.project,
            env=self.environment(**more),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
        assert out.exists(), done.stdout[-3000:] + done.stderr[-5000:]
        facts: dict[str, Any] = json.loads(out.read_text())
        return facts

    def chat(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One run of the program ``hermes`` itself."""
        return subprocess.run(
            [str(self.python.with_name("hermes")), "chat", *words],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )

    def engine(self) -> Engine:
        """The engine of the project, to look into it; close it again."""
        self._project()
        # What listens inside of Hermes is not installed here.
        return Engine.open(self.project, tools=(TOOLS,), listeners=Listeners())

    def state(self, session: str) -> SessionState:
        """What the journal says of *session*."""
        with self.engine() as engine:
            return engine.state(session)

    def sessions(self) -> list[str]:
        """Ids of all sessions, in the order of their creation."""
        with self.engine() as engine:
            # The project's own journal tells of trust, not of an agent.
            heads = engine.journal.sessions()
            found = [one.session for one in heads if not one.session.startswith("@")]
            return sorted(found, key=lambda one: engine.state(one).created_at_ms)

    def rows(self, session: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Kind and data of every row of *session*, in order."""
        with self.engine() as engine:
            found = engine.journal.read(session)
        bodies = [(record.kind, json.loads(record.body)) for record in found]
        return [(kind, body.get("data", body)) for kind, body in bodies]

    def kinds(self, session: str) -> list[str]:
        """Kinds of all rows of *session*."""
        return [kind for kind, _ in self.rows(session)]

    def log(self) -> str:
        """The project's log."""
        file = self.project / ".governance" / "governance.log"
        return file.read_text() if file.exists() else ""
