"""
Records `examples/claude_session.jsonl`: one day with the real client, governed.

The client, its tools and the shipped packs are real; the model is scripted, and what it
says and tries is written below. Paths become those of `/home/dev`; the hooks' clock goes at
the pace of a person (`tee.py`), with an afternoon away before the session is resumed.

    python -m tests.hosts.record_session
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.hosts import claude_client
from tests.hosts.claude_client import Client, Conversation
from tests.hosts.lab import Lab
from tests.hosts.model_server import ModelServer, Step

TARGET = Path(__file__).parents[2] / "examples" / "claude_session.jsonl"
TEE = Path(__file__).with_name("tee.py")
SHIPPED = '[packs]\npaths = ["shipped"]\n'
PROJECT, HOME = "/home/dev/project", "/home/dev"

FILES = {
    "README.md": "# Shop\n\nA small shop, and its login.\n",
    "shop/login.py": (
        "def login(users, name, password):\n"
        '    """Whether *name* may come in with *password*."""\n'
        "    return users.get(name, '') == password\n"
    ),
    "shop/settings.py": "import os\n\nDATABASE = os.environ['SHOP_DATABASE']\n",
    ".env": "SHOP_DATABASE=postgres://shop:not-a-real-secret@db.internal/shop\n",
    ".env.example": "SHOP_DATABASE=postgres://user:password@localhost/shop\n",
    ".gitignore": ".env\n.governance/\n.claude/\n__pycache__/\n",
}
TEST = "from shop.login import login\n\nassert not login({}, 'eve', '')\n"


def bash(command: str, description: str) -> Step:
    return {"tool": "Bash", "input": {"command": command, "description": description}}


def scripts(project: Path) -> dict[str, list[Step]]:
    """What the model does with each prompt."""
    login = str(project / "shop" / "login.py")
    fix = {
        "file_path": login,
        "old_string": "users.get(name, '') == password",
        "new_string": "bool(password) and users.get(name) == password",
    }
    return {
        "fix": [
            {"tool": "TaskCreate", "input": {"subject": "Refuse empty passwords",
                                             "description": "login() lets everybody in"}},
            {"tool": "Read", "input": {"file_path": login}},
            {"tool": "Edit", "input": fix},
            bash("python3 -c \"from shop.login import login; print(login({}, 'eve', ''))\"",
                 "Try the login"),
            {"tool": "TaskUpdate", "input": {"taskId": "1", "subject": "Refuse empty passwords",
                                             "status": "completed"}},
            {"text": "An empty password is refused now."},
        ],
        "push": [
            bash("git add shop && git commit -qm 'Refuse empty passwords'", "Commit"),
            bash("git push --force origin main", "Push"),
            bash("git status --short --branch", "See where we stand"),
            {"text": "It is committed. I may not force-push; please push it yourself."},
        ],
        "agent": [
            {"tool": "Agent", "input": {"description": "Look for other logins",
                                        "prompt": "Look for other places where a password is "
                                                  "compared. SCENARIO:search",
                                        "subagent_type": "Explore"}},
            {"text": "There is no other place."},
        ],
        "search": [
            bash("grep -rn password shop", "Search"),
            {"tool": "Read", "input": {"file_path": str(project / "shop" / "settings.py")}},
            {"text": "Only shop/login.py compares passwords."},
        ],
        "test": [
            {"tool": "Write", "input": {"file_path": str(project / "test_login.py"),
                                        "content": TEST}},
            bash("python3 test_login.py", "Run the test"),
            {"text": "The test is written, and passes."},
        ],
        "database": [
            {"tool": "Read", "input": {"file_path": str(project / ".env")}},
            bash("cat .env", "Look at the settings"),
            bash("git add test_login.py", "Go on"),
            {"tool": "Read", "input": {"file_path": str(project / ".env.example")}},
            {"text": "The address comes from SHOP_DATABASE; .env.example shows its form."},
        ],
        "again": [
            bash("git add . && git commit -qm 'Test the login'", "Commit the test"),
            bash("git reset --hard HEAD~1", "Take it back"),
            {"text": "Fix and test are committed; you did not want them taken back."},
        ],
    }  # fmt: skip


def record(folder: Path) -> list[dict[str, Any]]:
    """Drive the client through the day; the payloads that its hooks were given."""
    home, project = folder / "home", folder / "home" / "project"
    project.mkdir(parents=True)
    os.environ["HOME"] = str(home)
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "Begin")):
        subprocess.run(("git", *IDENTITY, *words), cwd=project, check=True, timeout=60)
    (home / ".gitconfig").write_text("[user]\n\tname = Dev\n\temail = dev@example.org\n")
    server = ModelServer()
    lab = Lab(Client(claude_client.install(), home, project, server.url), server)
    lab.govern(SHIPPED)
    lab.allow_replay()
    log = folder / "payloads.jsonl"
    lab.edit_commands(
        {"exec /bin/sh": "/bin/sh"}, prefix=f'"{sys.executable}" -I -S "{TEE}" "{log}" '
    )
    lab.script(**scripts(project))
    with talk(lab) as first:
        session = first.say("Everybody can log in with no password. Fix that. SCENARIO:fix")
        first.say("Good. Commit it and push it. SCENARIO:push")
        first.say("Is a password compared anywhere else? SCENARIO:agent")
        first.say("/compact keep what is left to do")
        first.say("Write a test for it. SCENARIO:test")
        first.say("Which database does it use? SCENARIO:database")
    with talk(lab, "--resume", str(session["session_id"])) as second:
        second.say("Where were we? SCENARIO:again")
    assert server.problems == []
    server.close()
    text = log.read_text().replace(str(project), PROJECT).replace(str(home), HOME)
    text = without_marks(text.replace(encoded(project), encoded(Path(PROJECT))))
    return [json.loads(line) for line in text.splitlines()]


IDENTITY = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org")


def talk(lab: Lab, *flags: str) -> Conversation:
    allowed = ("--permission-mode", "acceptEdits", "--allowedTools", "Bash", "Read", "Agent")
    return lab.talk(*allowed, *flags)


def encoded(project: Path) -> str:
    """A folder as the client writes it into the name of its transcripts' folder."""
    return str(project).replace("/", "-").replace("_", "-").replace(".", "-")


def without_marks(text: str) -> str:
    for name in ("fix", "push", "database", "agent", "search", "test", "again"):
        text = text.replace(f" SCENARIO:{name}", "")
    return text


def main() -> None:
    """Record, and write the file."""
    with tempfile.TemporaryDirectory(prefix="recorded") as folder:
        made = record(Path(folder).resolve())
    lines = [json.dumps(one, ensure_ascii=False) for one in made]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} payloads in {TARGET}")


if __name__ == "__main__":
    main()
