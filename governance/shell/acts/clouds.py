"""
Clouds: the way of words to a verb, and paths here among addresses there.
"""

from __future__ import annotations

from typing import Final

from governance.shell.acts.databases import sql
from governance.shell.acts.wrapping import text_of
from governance.shell.draft import Draft
from governance.shell.hosts import hosts_in
from governance.shell.options import parse
from governance.shell.values import Word

_VERB_WORDS: Final = """
    action add add-iam-policy-binding apply attach backup begin bulk bulk-delete cancel cat
    clear clone complete connect copy cordon cp create deallocate decrypt delete delete-batch
    delete-unused deploy describe destroy detach disable download download-batch drain du
    enable encrypt exec execute export failover finish flush format generate get
    get-access-token get-credentials get-iam-policy get-value import init install invalidate
    invoke kill list list-keys login logout ls move mv patch perform-maintenance power-cycle
    power-off poweroff print-access-token promote promote-replica pull purge push query read
    reboot rebuild recover redeploy regenerate-credential reimage remove
    remove-iam-policy-binding rename renew replace reset reset-password
    reset-windows-password resize restart restore resume revoke rm rollback rotate rsync run
    run-command scale scp send set set-default set-iam-policy set-metadata set-policy show
    shutdown ssh ssh-keys start status stop submit suspend sync tail terminate test undelete
    uninstall unset up update update-traffic upgrade upload upload-batch validate view wait
    write
"""
_VERBS: Final = frozenset(_VERB_WORDS.split())
_WAY_MAX: Final = 8
_PHRASE_MAX: Final = 4


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
    if last in {"scp", "cp", "mv", "rsync", "copy", "upload"}:
        storage(draft)


def phrase(draft: Draft) -> None:
    """`hf repo delete name`: a service whose verbs no table lists; its first words say it."""
    words = parse(draft, draft.arguments, draft.spec)
    draft.subcommand = " ".join(words[:_PHRASE_MAX])
    draft.words = words


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
    words = draft.words
    if draft.subcommand.startswith("run") and words:
        draft.words = []
        text_of(draft, words)


def d1(draft: Draft) -> None:
    """`wrangler d1 execute base --remote --command text`; without `--remote` it is a copy here."""
    if draft.has("--remote"):
        draft.code += draft.value("--command")
        sql(draft)
