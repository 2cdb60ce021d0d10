"""
Clouds: the way of words to a verb, and paths here among addresses there.
"""

from __future__ import annotations

from typing import Final

from governance.shell.acts.wrapping import text_of
from governance.shell.draft import Draft
from governance.shell.hosts import hosts_in
from governance.shell.options import parse
from governance.shell.values import Word

_VERBS: Final = frozenset(
    [
        "add",
        "add-iam-policy-binding",
        "apply",
        "attach",
        "backup",
        "begin",
        "cancel",
        "cat",
        "clear",
        "clone",
        "complete",
        "connect",
        "copy",
        "cordon",
        "cp",
        "create",
        "deallocate",
        "delete",
        "deploy",
        "describe",
        "detach",
        "disable",
        "drain",
        "du",
        "enable",
        "encrypt",
        "decrypt",
        "exec",
        "execute",
        "export",
        "failover",
        "finish",
        "flush",
        "format",
        "generate",
        "get",
        "get-access-token",
        "get-credentials",
        "get-iam-policy",
        "get-value",
        "import",
        "init",
        "install",
        "invalidate",
        "invoke",
        "kill",
        "list",
        "list-keys",
        "login",
        "logout",
        "ls",
        "move",
        "mv",
        "patch",
        "perform-maintenance",
        "print-access-token",
        "promote",
        "promote-replica",
        "pull",
        "purge",
        "push",
        "query",
        "read",
        "reboot",
        "rebuild",
        "recover",
        "redeploy",
        "regenerate-credential",
        "reimage",
        "remove",
        "remove-iam-policy-binding",
        "renew",
        "replace",
        "reset",
        "reset-password",
        "reset-windows-password",
        "resize",
        "restart",
        "restore",
        "resume",
        "revoke",
        "rm",
        "rollback",
        "rotate",
        "rsync",
        "run",
        "run-command",
        "scale",
        "scp",
        "send",
        "set",
        "set-default",
        "set-iam-policy",
        "set-metadata",
        "set-policy",
        "show",
        "ssh",
        "start",
        "status",
        "stop",
        "submit",
        "suspend",
        "sync",
        "tail",
        "terminate",
        "test",
        "undelete",
        "uninstall",
        "unset",
        "up",
        "update",
        "update-traffic",
        "upgrade",
        "upload",
        "upload-batch",
        "delete-batch",
        "download-batch",
        "download",
        "validate",
        "view",
        "wait",
        "write",
        "destroy",
        "ssh-keys",
        "action",
        "poweroff",
        "power-off",
        "power-cycle",
        "shutdown",
        "rename",
        "bulk",
        "bulk-delete",
        "delete-unused",
    ]
)
_WAY_MAX: Final = 8


def way(draft: Draft) -> None:
    """`gcloud compute instances delete name`: the words to the verb, the rest are operands."""
    words = parse(draft, draft.arguments, draft.spec)
    bare = words[:_WAY_MAX]
    end = next(
        (at + 1 for at, one in enumerate(bare) if one in _VERBS and at),
        1 if bare and bare[0] in _VERBS else len(bare),
    )
    draft.subcommand = " ".join(bare[:end])
    draft.words = words[end:]
    last = bare[end - 1] if bare else ""
    if last == "ssh":
        # What follows ``--`` goes to ssh; after its own options it is a command.
        for text in draft.value("--command", "--ssh-command"):
            text_of(draft, [text])
    elif last in {"scp", "cp", "mv", "rsync", "copy", "upload"}:
        storage(draft)


def storage(draft: Draft) -> None:
    """`aws s3 cp here s3://there`, `gsutil rm gs://x`: paths of this machine, and hosts."""
    words = draft.words
    moving = draft.subcommand.rpartition(" ")[2] in {"mv", "move"}
    for at, one in enumerate(words):
        if _there(one):
            if "blob.core.windows.net" in one or ("://" in one and "." in one.split("/")[2]):
                draft.domains += hosts_in(one)
            continue
        if at == len(words) - 1 and len(words) > 1:
            draft.write(one)
            if draft.has("--delete"):
                draft.remove(one)
        elif one.startswith((".", "/", "~")) or len(words) > 1:
            draft.read(one)
            if moving:
                draft.remove(one)


def _there(word: Word) -> bool:
    head, colon, _ = word.partition(":")
    return "://" in word or bool(colon and head and "/" not in head)


def aws(draft: Draft) -> None:
    """`aws s3 cp`, `aws ec2 terminate-instances`: a service and what it is asked to do."""
    words = draft.words
    if not draft.subcommand.startswith("s3") and words:
        draft.subcommand = f"{draft.subcommand} {words[0]}"
        draft.words = words[1:]
    for one in [*draft.options]:
        name, _, value = one.partition("=")
        if value.startswith(("file://", "fileb://")):
            draft.read(Word(value.partition("://")[2]))
        elif name == "--command" and "execute-command" in draft.subcommand:
            text_of(draft, [Word(value)])
    if draft.subcommand.startswith("s3 "):
        storage(draft)


def run(draft: Draft) -> None:
    """`heroku run cmd`, `fly ssh console -C text`."""
    for text in draft.value("--command"):
        text_of(draft, [text])
    words = draft.words
    if draft.subcommand.startswith("run") and words:
        draft.words = []
        text_of(draft, words)
