"""
One misspelled letter anywhere in a rule is found, and what was meant is suggested.

Every key, fact, tool, operator, action, state, role, severity, set, rule id and placeholder
of the packs is changed by one letter: dropped, doubled, replaced, swapped with the next.
Each change must be an error that names the right word. Where a word stands at the same kind of
place in several rules of a pack about the same event and tools, it is read alike and tried once.
A change that happens to give another valid word (`lte` → `lt`) is no misspelling and is left out.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from attrs import frozen

from governance import _shipped
from governance.errors import Diagnostic
from governance.rules.format import SPANS
from governance.rules.loader import read_rules
from governance.rules.reading import keys_of
from governance.rules.shell_keys import OPAQUE_KINDS, SHELL_KEYS
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import FAMILIES, OPERATORS, TOOLS, Vocabulary, default_vocabulary

HERE = Path(__file__).parent
EVERYTHING = HERE / "packs" / "everything.toml"
FIELDS = {"language": "English", "document_language": "English", "phase": "", "style": ""}
SETTINGS = LoadSettings(fields=FIELDS, time_zone="UTC", trusted=lambda _: True)
PROOF = {"action": "warn", "message": "No."}
ALL_OPERATORS = {name for names in OPERATORS.values() for name in names} | {"every", "length"}
MATCHERS = ("when", "unless", "any")
DEMANDS = ("requires", "forbids", "limit")
EXAMPLES = ("must_match", "must_not_match", "known_gaps", "remedy")
NAMED_FACTS = ("state", "role", "weekday", "outcome", "event", "from", "to", "prompt_source")

Place = tuple[str | int, ...]


@frozen
class Word:
    """A word of a pack that a reader of it must know, and where it stands."""

    place: Place
    text: str
    is_key: bool
    others: frozenset[str]
    "What else could rightly stand there."


def words_of(pack: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Word]:
    """Every word of *pack* that has one right spelling."""
    for key, value in pack.items():
        if key == "vars":
            continue
        yield Word((key,), key, True, frozenset(keys_of("")))
        if key == "pack":
            yield from _table("pack", value, (key,))
        elif isinstance(value, list):
            for index, table in enumerate(value):
                yield from _section(key, table, (key, index), vocabulary)


def _table(name: str, table: dict[str, Any], place: Place) -> Iterator[Word]:
    known = frozenset(keys_of(name))
    for key, value in table.items():
        yield Word((*place, key), key, True, known)
        if name in ("rule", "exempt", "context") and key in (*MATCHERS, *EXAMPLES, *DEMANDS):
            continue
        values = keys_of(name)[key].values
        for where, one in _leaves(value, (*place, key)):
            if values and isinstance(one, str):
                yield Word(where, one, False, frozenset(values))


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _leaves(one, (*place, index))
    elif not isinstance(value, dict):
        yield place, value


def _section(
    name: str, table: dict[str, Any], place: Place, vocabulary: Vocabulary
) -> Iterator[Word]:
    yield from _table(name, table, place)
    for key in ("tools", "first"):
        for where, one in _leaves(table.get(key, []), (*place, key)):
            yield from _tool(one, where, vocabulary)
    for key in ("delegates_to", "extends"):
        for where, one in _leaves(table.get(key, []), (*place, key)):
            yield Word(where, one, False, vocabulary.roles)
    for key in ("ask", "deny", "halt", "of"):
        if key in table:
            yield from _table(f"{name}.{key}", table[key], (*place, key))
    if "of" in table:
        for where, one in _leaves(table["of"].get("role", []), (*place, "of", "role")):
            yield Word(where, one, False, vocabulary.roles)
        for where, one in _leaves(table["of"].get("rule", []), (*place, "of", "rule")):
            yield Word(where, one, False, frozenset())
    for key in ("requires", "forbids", "limit"):
        demands = table.get(key, [])
        listed = isinstance(demands, list)
        for index, one in enumerate(demands if listed else [demands]):
            where = (*place, key, index) if listed else (*place, key)
            yield from _past("limit" if key == "limit" else "past", one, where, vocabulary)
    if name == "exempt":
        yield Word((*place, "rule"), table["rule"], False, frozenset())
    for key in MATCHERS:
        alternatives = table.get(key, [])
        several = isinstance(alternatives, list)
        for index, one in enumerate(alternatives if several else [alternatives]):
            where = (*place, key, index) if several else (*place, key)
            yield from _matchers(one, where, vocabulary)
    for key in EXAMPLES:
        examples = table.get(key, [])
        several = isinstance(examples, list)
        for index, one in enumerate(examples if several else [examples]):
            where = (*place, key, index) if several else (*place, key)
            yield from _matchers(one, where, vocabulary, example=True)
    if isinstance(table.get("rewrite"), dict):
        yield from _rewrite(table["rewrite"], (*place, "rewrite"), vocabulary)
    for key in ("message", "text"):
        for placeholder in re.findall(r"\{([a-z_.]+)\}", table.get(key, "")):
            # The word within its text, told apart by the braces.
            yield Word((*place, key, "{}"), placeholder, False, frozenset(vocabulary.facts))


def _past(name: str, table: dict[str, Any], place: Place, vocabulary: Vocabulary) -> Iterator[Word]:
    """The words of a past event, of a limit, or of an array of them."""
    for key, value in table.items():
        if key == "any":
            for index, one in enumerate(value):
                yield from _past("past", one, (*place, key, index), vocabulary)
            continue
        yield Word((*place, key), key, True, frozenset(keys_of(name)))
        where = (*place, key)
        if key in ("of", "not_since"):
            yield from _past("past", value, where, vocabulary)
        elif key == "when":
            yield from _matchers(value, where, vocabulary)
        elif key == "tools":
            for at, one in _leaves(value, where):
                yield from _tool(one, at, vocabulary)
        elif key == "same":
            for at, one in _leaves(value, where):
                yield Word(at, one, False, frozenset(vocabulary.facts))
        elif key == "label":
            yield Word(where, value, False, vocabulary.labels)
        elif keys_of(name)[key].values:
            yield Word(where, value, False, frozenset(keys_of(name)[key].values))
        elif keys_of(name)[key].type == "span" and value in SPANS:
            yield Word(where, value, False, frozenset(SPANS))


def _tool(text: str, place: Place, vocabulary: Vocabulary) -> Iterator[Word]:
    if text.startswith("@"):
        yield Word(place, text, False, frozenset("@" + one for one in vocabulary.toolsets))
    elif text in TOOLS:
        yield Word(place, text, False, frozenset(TOOLS))


def _matchers(
    table: dict[str, Any], place: Place, vocabulary: Vocabulary, *, example: bool = False
) -> Iterator[Word]:
    facts = frozenset(vocabulary.facts)
    for fact, raw in table.items():
        where = (*place, fact)
        if example and fact in keys_of("example") and fact != "tool":
            if fact != "args":
                yield Word(where, fact, True, frozenset(keys_of("example")) | facts)
            continue
        yield Word(where, fact, True, facts | (frozenset(keys_of("example")) if example else set()))
        if fact in FAMILIES and isinstance(raw, dict):
            members = {one.partition(".")[2] for one in facts if one.startswith(f"{fact}.")}
            for member in raw:
                yield Word((*where, member), member, True, frozenset(members))
                yield from _operators(raw[member], (*where, member))
            continue
        if fact == "shell":
            yield from _shell(raw, where)
            continue
        if not example:
            yield from _operators(raw, where)
        for at, one in _strings(raw, where):
            if fact == "tool":
                yield from _tool(one, at, vocabulary)
            elif fact in NAMED_FACTS and vocabulary.facts[fact].values:
                yield Word(at, one, False, frozenset(vocabulary.facts[fact].values or ()))


def _shell(raw: Any, place: Place) -> Iterator[Word]:
    """The words of one `shell` table, or of several."""
    for index, table in enumerate(raw if isinstance(raw, list) else [raw]):
        at = (*place, index) if isinstance(raw, list) else place
        for key, value in table.items():
            where = (*at, key)
            yield Word(where, key, True, frozenset(SHELL_KEYS))
            if key == "flows_to":
                yield from _shell(value, where)
                continue
            yield from _operators(value, where)
            for kind, one in _strings(value, where) if key == "opaque" else ():
                yield Word(kind, one, False, frozenset(OPAQUE_KINDS))


def _strings(raw: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """The strings that are compared as a whole: bare, in arrays, under `not` and `in`."""
    for at, one in _leaves(raw, place):
        if isinstance(one, str):
            yield at, one
    if isinstance(raw, dict):
        for operator in ("equals", "in", "not"):
            if operator in raw:
                yield from _strings(raw[operator], (*place, operator))


def _operators(raw: Any, place: Place) -> Iterator[Word]:
    if not isinstance(raw, dict):
        return
    for operator, value in raw.items():
        where = (*place, operator)
        if operator == "var":
            continue
        yield Word(where, operator, True, frozenset(ALL_OPERATORS))
        yield from _operators(value, where)
        if operator == "detect":
            yield Word(where, value, False, frozenset())


def _rewrite(table: dict[str, Any], place: Place, vocabulary: Vocabulary) -> Iterator[Word]:
    facts = frozenset(vocabulary.facts)
    for fact, change in table.items():
        yield Word((*place, fact), fact, True, facts)
        inner = change.items() if fact in FAMILIES and isinstance(change, dict) else [("", change)]
        for member, one in inner:
            where = (*place, fact, member) if member else (*place, fact)
            if member:
                yield Word(where, member, True, frozenset())
            if isinstance(one, dict):
                for key in one:
                    yield Word((*where, key), key, True, frozenset(keys_of("rule.rewrite")))


def misspellings(word: str) -> Iterator[str]:
    """*word* with its middle letter dropped, doubled, replaced, or swapped with the next."""
    letters = [index for index, sign in enumerate(word) if sign.isalpha()]
    at = letters[len(letters) // 2]
    made = {
        word[:at] + word[at + 1 :],
        word[: at + 1] + word[at:],
        word[:at] + ("x" if word[at] != "x" else "k") + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    }
    yield from sorted(made - {word, ""})


def changed(pack: dict[str, Any], word: Word, slip: str) -> dict[str, Any]:
    """*pack* with *slip* where *word* stood; the order of keys stays."""
    made = copy.deepcopy(pack)
    place = list(word.place)
    in_text = place[-1] == "{}"
    if in_text:
        place.pop()
    node: Any = made
    for step in place[:-1]:
        node = node[step]
    last = place[-1]
    if word.is_key:
        items = [(slip if key == last else key, value) for key, value in node.items()]
        node.clear()
        node.update(items)
    elif in_text:
        node[last] = node[last].replace("{" + word.text + "}", "{" + slip + "}")
    else:
        node[last] = slip
    return made


def set_right(error: Diagnostic, word: str) -> bool:
    """Whether the suggestion names *word*, alone or as the member of its family."""
    return re.search(rf"`([a-z_]+\.)?{re.escape(word)}`", error.suggestion) is not None


def silent_or_misleading(
    pack: dict[str, Any],
    vocabulary: Vocabulary,
    wanted: Callable[[Place], bool],
    seen: set[tuple[object, ...]],
) -> tuple[int, list[str]]:
    """
    How many misspellings at *wanted* places were tried, and those that no error set right.

    Args:
        seen: Words that were tried at such a place before; is added to.
    """
    tried, failures = 0, []
    for word in words_of(pack, vocabulary):
        # One alternative is read like the next, and one rule like another about the same.
        kind = tuple(step for step in word.place if isinstance(step, str))
        at = (kind, word.text, *_about(pack, word.place))
        if not wanted(word.place) or at in seen:
            continue
        seen.add(at)
        for slip in misspellings(word.text):
            if slip in word.others:
                continue
            tried += 1
            text = tomli_w.dumps(changed(pack, word, slip))
            source = PackSource("", text, "pack.toml", "user")
            errors = read_rules([source], vocabulary, settings=SETTINGS).errors
            if not any(set_right(one, word.text) for one in errors):
                said = " | ".join(str(one) for one in errors) or "SILENCE"
                failures.append(f"{word.place} `{word.text}` → `{slip}`: {said}")
    return tried, failures


def _about(pack: dict[str, Any], place: Place) -> tuple[object, ...]:
    """What the rule at *place* is about, by which its words are read."""
    table = pack[place[0]][place[1]] if place[0] == "rule" and len(place) > 1 else {}
    return table.get("on", "tool"), tuple(table.get("tools", ()))


def first(value: Any) -> Any:
    """A list of examples with its first alone."""
    return value[:1] if isinstance(value, list) else value


def few(value: Any) -> Any:
    """A long list with its first two alone."""
    return value[:2] if isinstance(value, list) else value


def telling(value: Any) -> Any:
    """A list of examples without those that use the same words as one before."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return value
    first = {(one.get("tool"), *one): one for one in reversed(value)}
    return list(reversed(first.values()))


def variables_of(table: Any, variables: dict[str, Any]) -> dict[str, Any]:
    """Those of *variables* that *table* uses, and those that they use."""
    if isinstance(table, list):
        inner = table
    elif not isinstance(table, dict):
        return {}
    elif table.keys() == {"var"}:
        name = table["var"]
        return {name: variables[name], **variables_of(variables[name], variables)}
    else:
        inner = list(table.values())
    return {name: one for part in inner for name, one in variables_of(part, variables).items()}


def all_failures(pack: dict[str, Any], vocabulary: Vocabulary) -> tuple[int, list[str]]:
    """
    The same for a whole pack: everything that is no rule, then each rule alone.

    What a word does not touch is left out of the pack that it is changed in, for speed: the
    examples of rules, but for one of each kind, variables that the rule does not use, and all
    but two of what stands in one.
    """
    rules = pack.get("rule", [])
    bare = [{key: one[key] for key in one if key not in EXAMPLES} | PROOF for one in rules]
    seen: set[tuple[object, ...]] = set()
    found = [silent_or_misleading({**pack, "rule": bare}, vocabulary, _in_no_rule, seen)]
    frame = {key: pack[key] for key in ("format", "pack", "toolset") if key in pack}
    variables = pack.get("vars", {})
    for rule in rules:
        used = {name: few(one) for name, one in variables_of(rule, variables).items()}
        for keys, kept in ((rule.keys() - set(EXAMPLES), first), (EXAMPLES, telling)):
            shorter = {key: kept(one) if key in EXAMPLES else one for key, one in rule.items()}
            alone = {**frame, "vars": used, "rule": [shorter]}
            found.append(silent_or_misleading(alone, vocabulary, partial(_in_rule, keys), seen))
    return sum(tried for tried, _ in found), [one for _, failures in found for one in failures]


def _in_no_rule(place: Place) -> bool:
    return place[0] != "rule" or len(place) == 1


def _in_rule(keys: Collection[str], place: Place) -> bool:
    return place[0] == "rule" and len(place) > 1 and place[2] in keys


def _with_declared(packs: list[dict[str, Any]], vocabulary: Vocabulary) -> Vocabulary:
    """*vocabulary* with everything that all of *packs* declare, for one alone to use."""
    return vocabulary.with_names(
        toolsets={one["name"]: tuple(one["tools"]) for p in packs for one in p.get("toolset", [])},
        roles=[one["name"] for pack in packs for one in pack.get("role", [])],
        labels=[one for p in packs for rule in p.get("rule", []) for one in rule.get("labels", [])],
        fields=FIELDS,
    )


def test_each_word_of_the_example_pack_is_set_right() -> None:
    """In every word of every section: an error, and the right word suggested."""
    text = EVERYTHING.read_text("utf-8")
    pack = tomllib.loads(text)
    vocabulary = default_vocabulary()
    source = PackSource("", text, "everything.toml", "user")
    assert not read_rules([source], vocabulary, settings=SETTINGS).errors

    tried, failures = all_failures(pack, _with_declared([pack], vocabulary))

    assert failures == []
    assert tried > 1000


SHIPPED = _shipped.pack_texts()


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_each_word_of_each_shipped_pack_is_set_right(name: str) -> None:
    """The same for everything that is shipped."""
    packs = [tomllib.loads(text) for text in SHIPPED.values()]
    vocabulary = _with_declared(packs, default_vocabulary())

    tried, failures = all_failures(tomllib.loads(SHIPPED[name]), vocabulary)

    assert failures == []
    assert tried
