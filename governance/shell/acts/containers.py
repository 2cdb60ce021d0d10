"""
Containers and clusters: what runs inside them, and which files of this machine they see.
"""

from __future__ import annotations

import re
from posixpath import normpath
from typing import Final

from governance.shell.acts.shells import file_given, piped_in
from governance.shell.draft import REMOTE, Draft, joined, pairs_of
from governance.shell.hosts import hosts_in
from governance.shell.options import parse
from governance.shell.programs import spec_for
from governance.shell.values import Word

_SHELL = Word("sh")
_ENTRY_POINTS: Final = {
    "hashicorp/terraform": "terraform",
    "opentofu/opentofu": "tofu",
    "alpine/terragrunt": "terragrunt",
    "amazon/aws-cli": "aws",
    "aws-cli/aws-cli": "aws",
    "digitalocean/doctl": "doctl",
    "bitnami/kubectl": "kubectl",
    "rancher/kubectl": "kubectl",
    "alpine/helm": "helm",
    "alpine/git": "git",
    "curlimages/curl": "curl",
    "rclone/rclone": "rclone",
    "minio/mc": "mc",
    "restic/restic": "restic",
}
"""Images that run one program, whatever words follow; by the name without registry and tag."""

_PLAIN: Final = re.compile(r"[\w./~@%+,-]+")
_END: Final = r"(?=([/\s'\";|&)>*]|$))"
"""How the name of a folder ends in a text."""
_MOUNTS_MAX: Final = 16


def _image(draft: Draft, image: Word) -> None:
    """Note the registry that an image's name begins with."""
    head, slash, _ = image.partition("/")
    if slash and ("." in head or ":" in head) and head != "localhost":
        draft.domains += hosts_in(head)


def run(draft: Draft) -> None:
    """
    `docker run -v here:there image cmd`.

    What the command does below *there* it does to the folder of this machine that is mounted.
    """
    mounts = [_mounted(draft, one) for one in draft.value("--volume")]
    for one in draft.value("--mount"):
        fields = pairs_of(one.split(","))
        source = fields.get("source") or fields.get("src")
        if source and fields.get("type", "bind") == "bind":
            target = fields.get("target") or fields.get("dst") or fields.get("destination") or "x"
            end = ":ro" if "readonly" in fields or "ro" in fields else ""
            mounts.append(_mounted(draft, Word(f"{source}:{target}{end}")))
    for one in draft.value("--device"):
        draft.read(Word(one.partition(":")[0]))
        draft.write(Word(one.partition(":")[0]))
    words = draft.words
    if not words:
        return
    _image(draft, words[0])
    draft.words = words[:1]
    entry = draft.value("--entrypoint")
    if not entry:
        entry = _entry_point(words[0])
    argv = [*(entry[-1:] if entry and entry[-1] else []), *words[1:]]
    known = draft.first(mounts, _MOUNTS_MAX, "folders that are mounted")
    folders = {there: here for here, there in known if there}
    seen = [_outside(one, folders) for one in argv]
    cwd = REMOTE if seen == argv else draft.cwd
    for one in draft.value("--workdir")[-1:]:
        place = _outside(one, folders)
        if place != one:
            cwd = joined(draft.cwd, place)
    draft.run(seen, cwd=cwd)


def _entry_point(image: Word) -> list[Word]:
    name = "/".join(image.partition("@")[0].split("/")[-2:]).partition(":")[0]
    found = _ENTRY_POINTS.get(name)
    return [] if found is None else [Word(found)]


def _mounted(draft: Draft, mount: Word) -> tuple[str, str]:
    """Note a folder of this machine, and give it and its name inside, where both are known."""
    parts = mount.split(":")
    source = parts[0]
    if len(parts) < 2 or not ("/" in source or source.startswith((".", "~", "\ufffc"))):
        return "", ""  # a volume by its name
    draft.read(Word(source))
    if "ro" not in parts[-1].split(",") or len(parts) == 2:
        draft.write(Word(source))
    there = normpath(parts[1])
    known = _PLAIN.fullmatch(source) and there.startswith("/") and len(there) > 1
    return (source, there) if known else ("", "")


def _outside(word: Word, folders: dict[str, str]) -> Word:
    """*word* of a command inside, with mounted folders by their names out here."""
    text = str(word)
    for there, here in folders.items():
        if there in text:
            pattern = rf"(?<![\w./~-]){re.escape(there)}{_END}"
            root = here.rstrip("/") or (lambda found: "" if found[1] == "/" else "/")
            text = re.sub(pattern, root, text)
    return word if text == word else Word(text, glob=word.glob)


def execute(draft: Draft) -> None:
    """`docker exec -it name cmd`."""
    words = draft.words
    draft.words = words[:1]
    rest = words[1:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    draft.run(rest, cwd=REMOTE)


def build(draft: Draft) -> None:
    """`docker build folder`: the folder is read, or fetched."""
    for one in draft.words:
        if "://" in one or one.startswith("git@"):
            draft.talk(one)
        else:
            draft.read(one)
    for one in draft.value("--tag"):
        _image(draft, one)


def copy(draft: Draft) -> None:
    """`docker cp name:path here`, `kubectl cp here pod:path`."""
    words = draft.words
    for at, one in enumerate(words):
        inside = ":" in one and not one.startswith(("/", ".", "~"))
        if not inside:
            if at == len(words) - 1 and len(words) > 1:
                draft.write(one)
            else:
                draft.read(one)


def imported(draft: Draft) -> None:
    """`docker import file-or-url name`."""
    if draft.subcommand.endswith("import"):
        for one in draft.words[:1]:
            if "://" in one:
                draft.talk(one)
            else:
                draft.read(one)


def image(draft: Draft) -> None:
    """`docker push registry/name`."""
    for one in draft.words:
        _image(draft, one)


def cluster_exec(draft: Draft) -> None:
    """`kubectl exec pod -c name -- cmd`; options stand before and behind the pod."""
    words = draft.words
    at = 0
    pods: list[Word] = []
    while at < len(words):
        word = words[at]
        if word == "--":
            at += 1
            break
        if not word.startswith("-"):
            if pods:
                break
            pods.append(word)
            at += 1
            continue
        end = at + 1
        option = draft.spec.options.get(word)
        if option is not None and option.roles and not option.attached and "=" not in word:
            end += 1
        parse(draft, words[at:end], draft.spec)
        at = end
    draft.words = pods
    draft.run(words[at:] or ([_SHELL] if draft.subcommand == "rsh" else []), cwd=REMOTE)


def cluster_input(draft: Draft) -> None:
    """`kubectl apply -f -` sends what it is fed."""
    if "-" in draft.value("--filename") and draft.stdin_text is not None:
        draft.code.append(draft.stdin_text)


def cluster_run(draft: Draft) -> None:
    """`kubectl run name --image=x -- cmd`."""
    words = draft.words
    name, rest = words[:1], words[1:]
    if "--" in rest:
        at = rest.index(Word("--"))
        options, argv = rest[:at], rest[at + 1 :]
    else:
        options, argv = rest, []
    spec = spec_for(draft.program)
    more = parse(draft, options, spec_for(f"{draft.program} get", spec))
    draft.words = name + more
    for one in draft.value("--image"):
        _image(draft, one)
    draft.run(argv, cwd=REMOTE)


def cluster_debug(draft: Draft) -> None:
    """`kubectl debug node/x -it --image=y -- cmd`."""
    for one in draft.value("--image"):
        _image(draft, one)
    words = draft.arguments
    if "--" in words:
        at = words.index(Word("--"))
        argv = list(words[at + 1 :])
        draft.words = [one for one in draft.words if one not in argv]
        draft.run(argv, cwd=REMOTE)


def kubectl(draft: Draft) -> None:
    """`minikube kubectl -- words`."""
    words = [one for one in draft.words if one != "--"]
    draft.run([Word("kubectl"), *words])


def batch(draft: Draft) -> None:
    """`sbatch file`, `qsub < file`: a script that a queue runs; `--wrap` is one of its options."""
    if draft.words:
        file_given(draft, draft.words[0], "shell")
    elif not draft.value("--wrap"):
        piped_in(draft)
