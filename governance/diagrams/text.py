"""The machine as text that other tools draw: Mermaid and DOT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from governance.diagrams.edges import Bundle, bundles, frames, unframed
from governance.diagrams.path import SessionPath, spell_ms
from governance.diagrams.tones import PLAIN, TONES
from governance.machine.definition import Definition

Rules = Mapping[str, Sequence[str]]


def draw_mermaid(definition: Definition, path: SessionPath | None, rules: Rules) -> bytes:
    """
    A Mermaid ``stateDiagram-v2``; ``[*]`` is both what was never seen and what has ended.

    Mermaid cannot colour one arrow, so the way of a session stands as counts on the arrows
    it took; states it never came to are pale.
    """
    lines = ["stateDiagram-v2", "    direction LR"]
    inside = [name for name in definition.states if not _is_sign(definition, name)]
    lines += [f'    state "{definition.states[name].title}" as {_id(name)}' for name in inside]
    for bundle in bundles(unframed(definition)):
        ends = [
            "[*]" if _is_sign(definition, name) else _id(name)
            for name in (bundle.source, bundle.target)
        ]
        words = "<br/>".join(_words(bundle, path, rules))
        lines.append(f"    {ends[0]} --> {ends[1]} : {words}")
    if path is not None:
        for name in inside:
            said = _spent(path, name)
            if said:
                lines += [f"    note right of {_id(name)}", f"        {said}", "    end note"]
    for name in inside:
        fill, stroke = TONES.get(name, PLAIN)
        lines.append(f"    classDef {_id(name)}Tone fill:{fill},stroke:{stroke},color:#1f2933")
    lines.append("    classDef paleTone fill:#f8f9fa,stroke:#ced4da,color:#8a94a0")
    for name in inside:
        pale = path is not None and name not in path.visited
        lines.append(f"    class {_id(name)} {'pale' if pale else _id(name)}Tone")
    return ("\n".join(lines) + "\n").encode()


def draw_dot(definition: Definition, path: SessionPath | None, rules: Rules) -> bytes:
    """A Graphviz digraph; the arrows that a session took are bold, the others pale."""
    lines = [
        f"digraph {_quoted(definition.name)} {{",
        '  graph [rankdir=LR, fontname="Open Sans", nodesep=0.6, ranksep=1.1]',
        '  node [shape=box, style="rounded,filled", fontname="Open Sans", penwidth=1.5]',
        '  edge [fontname="Open Sans", fontsize=10, color="#52606d", fontcolor="#1f2933"]',
    ]
    for index, (frame, members) in enumerate(frames(definition).items()):
        lines += [
            f"  subgraph cluster_{index} {{",
            f'    label={_quoted(frame)}; style="rounded,dashed"; color="#9aa5b1"',
            *(f"    {_dot_node(definition, name, path)}" for name in members),
            "  }",
        ]
    framed = {name for members in frames(definition).values() for name in members}
    lines += [
        f"  {_dot_node(definition, name, path)}" for name in definition.states if name not in framed
    ]
    for bundle in bundles(unframed(definition)):
        words = "\\n".join(_escaped(one) for one in _words(bundle, path, rules))
        style = ""
        if path is not None:
            taken = path.count(bundle.edges)
            pale = ', color="#d5dae0", fontcolor="#8a94a0"'
            style = ', penwidth=2.8, color="#1d4ed8"' if taken else pale
        source, target = _quoted(bundle.source), _quoted(bundle.target)
        lines.append(f'  {source} -> {target} [label="{words}"{style}]')
    return ("\n".join([*lines, "}"]) + "\n").encode()


def _words(bundle: Bundle, path: SessionPath | None, rules: Rules) -> list[str]:
    """One line an event: its name, what must hold, the rules that guard it, and the count."""
    # A return is a move like any other where no sign for it is drawn.
    plain = None if path is None else evolve(path, returns={})
    lines: list[str] = []
    for event, edges in bundle.events().items():
        held = " or ".join(edge.held for edge in edges) if all(edge.held for edge in edges) else ""
        line = f"{event} {held}" if held else event
        for rule in rules.get(event, ()):
            line += f" [rule {rule}]"
        often = plain.count(edges) if plain is not None else 0
        lines.append(f"{line} ×{often}" if often else line)
    return lines


def _spent(path: SessionPath, name: str) -> str:
    words = []
    if path.spent_ms.get(name):
        words.append(spell_ms(path.spent_ms[name]))
    if path.denials.get(name):
        words.append(f"{path.denials[name]} denied")
    return ", ".join(words)


def _dot_node(definition: Definition, name: str, path: SessionPath | None) -> str:
    pale = path is not None and name not in path.visited
    fill, stroke = ("#f8f9fa", "#ced4da") if pale else TONES.get(name, PLAIN)
    if name == definition.initial:
        return f'{_quoted(name)} [shape=circle, label="", width=0.2, fillcolor="#1f2933"]'
    if name == definition.final:
        said = _spent(path, name) if path is not None else ""
        outside = f"ended\\n{said}" if said else "ended"
        return (
            f'{_quoted(name)} [shape=doublecircle, label="", xlabel="{outside}", '
            'width=0.18, fillcolor="#1f2933"]'
        )
    label = _escaped(definition.states[name].title)
    if path is not None and (said := _spent(path, name)):
        label += f"\\n{said}"
    ink = "#8a94a0" if pale else "#1f2933"
    colours = f'fillcolor="{fill}", color="{stroke}", fontcolor="{ink}"'
    return f'{_quoted(name)} [label="{label}", {colours}]'


def _is_sign(definition: Definition, name: str) -> bool:
    return name in (definition.initial, definition.final)


def _id(name: str) -> str:
    return name.replace("-", "_")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
