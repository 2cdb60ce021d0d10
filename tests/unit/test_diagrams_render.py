"""Pictures of the machine are whole, readable, the same each time, and fresh."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from governance._shipped import machine_text
from governance.diagrams import FORMATS, SUFFIXES, SessionPath, render
from governance.diagrams.layout import scene_of
from governance.diagrams.path import spell_ms
from governance.diagrams.png import RendererMissing, draw_png, svg_sha256_of
from governance.diagrams.scene import Box, Label, Line, Scene, settle
from governance.errors import MisuseError
from governance.machine import ABSENT, Circumstances, Registers, Step, load_machine

MACHINE = load_machine()
DEFINITION = MACHINE.definition
STATES = Path(__file__).parents[2] / "states"
SVG = "{http://www.w3.org/2000/svg}"

ORDER: list[tuple[str, dict[str, Any]]] = [
    ("start", {}),
    ("brief", {}),
    ("interrupt", {}),
    ("resume", {"gap": "short"}),
    ("interrupt", {}),
    ("resume", {"gap": "notice"}),
    ("brief", {}),
    ("compact", {}),
    ("end", {}),
]


def travelled() -> SessionPath:
    """The path of one session, one minute a step."""
    registers: Registers = ABSENT
    steps: list[tuple[int, Step]] = []
    for minute, (event, facts) in enumerate(ORDER):
        run = MACHINE.run(registers, event, Circumstances(**facts))
        registers = run.after(registers)
        steps += [(minute * 60_000, step) for step in run.steps]
    until_ms = len(ORDER) * 60_000
    return SessionPath.from_steps(
        steps, until_ms=until_ms, denials={"between-turn": 3}, title="session s-1"
    )


def changed_machine() -> Any:
    """A machine with lines that no hand has drawn: to itself, from a frame, and back."""
    text = machine_text()
    for old, new in (
        (
            '{ in = ["between-turn", "interrupted", "ended"], outcome = "stay", do = ["owe_due"] }',
            '{ in = ["interrupted", "ended"], outcome = "stay" },\n'
            '  { in = ["between-turn"], to = "beginning", do = ["begin_epoch"] }',
        ),
        (
            '{ in = ["interrupted"], outcome = "duplicate" },\n  '
            '{ in = ["ended"], outcome = "late" },\n]\n\n[event.resume]',
            '{ in = ["interrupted", "ended"], to = "interrupted" },\n]\n\n[event.resume]',
        ),
        (
            '{ in = ["beginning", "compacted", "resumed"], outcome = "stay" },\n',
            '{ in = ["beginning"], outcome = "stay" },\n  { in = ["compacted", "resumed"], to = '
            '"compacted", do = ["owe_compacted"] },\n',
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    return load_machine(text).definition


RULES = {"start": ("house.no-night-start", "house.second"), "turn_start": ("house.slow",)}
SCENES = {
    "plain": scene_of(DEFINITION, None, {}),
    "path": scene_of(DEFINITION, travelled(), {}),
    "rules": scene_of(DEFINITION, None, RULES),
    "changed": scene_of(changed_machine(), None, {}),
}


def pairs(boxes: list[Box]) -> Iterator[tuple[Box, Box]]:
    """Every two of *boxes*."""
    for index, box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            yield box, other


def text_boxes(scene: Scene) -> list[Box]:
    """The box of every text but those inside of states."""
    outside = [node.label.box for node in scene.nodes if node.shape != "state" and node.lines]
    labels = [route.label.box for route in scene.routes if route.label.lines]
    return [*outside, *labels, *(note.box for note in scene.notes)]


@pytest.mark.parametrize("name", SCENES)
def test_no_text_overlaps(name: str) -> None:
    """No text covers another text, a state or a sign, and all of it is inside the picture."""
    scene = SCENES[name]
    texts, states = text_boxes(scene), list(scene.state_boxes())
    assert len(texts) >= len(scene.routes)
    for box, other in pairs(texts):
        assert not box.overlaps(other), (box, other)
    for box in texts:
        assert not any(box.overlaps(state) for state in states), box
    frame = Box(0, 0, scene.width, scene.height)
    for box in (*texts, *states):
        assert frame.x <= box.x, box
        assert box.right <= frame.right, box
        assert frame.y <= box.y, box
        assert box.bottom <= frame.bottom, box


@pytest.mark.parametrize("name", SCENES)
def test_text_fits_its_state(name: str) -> None:
    """What stands in a state, time and denials included, stays within its box."""
    for node in SCENES[name].nodes:
        if node.shape == "state":
            box, text = node.box, node.label.box
            assert box.x <= text.x, node
            assert text.right <= box.right, node
            assert box.y <= text.y, node
            assert text.bottom <= box.bottom, node


def test_hand_drawn_labels_stand_where_they_were_put() -> None:
    """The shipped picture needs no label moved: the hand left room for all of them."""
    scene = scene_of(DEFINITION, None, {})
    wanted = [one.label for one in scene.routes]
    taken = [node.label.box for node in scene.nodes if node.shape != "state" and node.lines]
    again = settle(wanted, [*scene.state_boxes(), *taken], scene.width, scene.height)
    assert again == wanted
    assert not any(one.label.box.overlaps(box) for one in scene.routes for box in taken)


def moves() -> set[tuple[str, str, str]]:
    return {(source, event, target) for source, event, target, _ in DEFINITION.moves()}


def test_svg_stands_for_every_move() -> None:
    """Each move of the machine is part of exactly the arrows that are drawn."""
    from governance.diagrams.edges import joined

    shown = {
        (one.source, edge.event, one.target) for edge in joined(DEFINITION) for one in edge.moves
    }
    assert shown == moves()
    assert {one.event for one in joined(DEFINITION)} == {event for _, event, _ in moves()}


def test_mermaid_has_every_move() -> None:
    """Each move stands in the Mermaid text; `[*]` is where it begins and where it ends."""
    text = render(DEFINITION, "mermaid").decode()
    found = set()
    for line in text.splitlines():
        if match := re.match(r"    (\S+) --> (\S+) : (.+)$", line):
            source, target, words = match.groups()
            events = {re.split(r"[ \[]", word)[0] for word in words.split("<br/>")}
            found |= {(source, event, target) for event in events}

    def sign(name: str) -> str:
        return "[*]" if name in ("absent", "ended") else name.replace("-", "_")

    assert found == {(sign(source), event, sign(target)) for source, event, target in moves()}
    assert text.startswith("stateDiagram-v2\n")


def test_dot_has_every_move() -> None:
    """Each move stands in the DOT text, and its braces and quotes are closed."""
    text = render(DEFINITION, "dot").decode()
    found = set()
    for source, target, label in re.findall(r'"(\S+)" -> "(\S+)" \[label="([^"]*)"', text):
        found |= {(source, word.split()[0], target) for word in label.split("\\n")}
    assert found == moves()
    assert text.count("{") == text.count("}")
    assert text.count('"') % 2 == 0


@pytest.mark.parametrize("one", ["mermaid", "dot", "svg"])
def test_the_same_bytes_each_time(one: Any) -> None:
    """A picture depends on nothing but the machine and the path."""
    assert render(DEFINITION, one) == render(load_machine(machine_text()).definition, one)
    assert render(DEFINITION, one, travelled()) == render(DEFINITION, one, travelled())


def svg_of(scene_path: SessionPath | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(render(DEFINITION, "svg", scene_path))


def test_svg_is_whole_and_alone() -> None:
    """The SVG is well formed, names nothing outside of itself, and says what it shows."""
    root = svg_of()
    assert root.tag == f"{SVG}svg"
    words = {text.text for text in root.iter(f"{SVG}text")}
    assert {"Beginning", "Between-Turn", "Compacted", "Resumed", "Interrupted", "ended"} <= words
    assert {"start", "brief", "compact", "interrupt", "resume", "reset", "end"} <= words
    raw = render(DEFINITION, "svg").decode()
    assert re.findall(r"https?://[^\"]+", raw) == ["http://www.w3.org/2000/svg"]
    assert all(text.get("textLength") for text in root.iter(f"{SVG}text") if text.text != "H")


def test_path_is_bold_and_the_rest_is_pale() -> None:
    """Arrows that the session took are bold with their count; all others are pale."""
    strokes = [line.get("stroke-width") for line in svg_of(travelled()).iter(f"{SVG}path")]
    drawn = [one for one in strokes if one is not None]
    taken = [one for one in SCENES["path"].routes if one.count]
    assert drawn.count("2.8") == len(taken) == 8
    assert all(one.dim for one in SCENES["path"].routes if not one.count)
    words = {text.text for text in svg_of(travelled()).iter(f"{SVG}text")}
    assert {"interrupt ×2", "3 denied", "3 min", "session s-1"} <= words


def test_path_counts_returns_apart() -> None:
    """A resume to what was left goes to H, and is not counted at the state it led to."""
    counts = {
        (line.label.lines[0].text, line.hint): line.count
        for line in SCENES["path"].routes
        if line.count
    }
    assert counts["resume ×1", "nobody works to H: resume"] == 1
    assert counts["resume ×1", "nobody works to resumed: resume"] == 1
    assert sum(counts.values()) == sum(travelled().edges.values()) == len(ORDER)


def test_path_in_text_formats() -> None:
    """Mermaid and DOT carry the counts, the times and the denials too."""
    mermaid = render(DEFINITION, "mermaid", travelled()).decode()
    assert "between_turn --> interrupted : interrupt ×2" in mermaid
    assert "3 min, 3 denied" in mermaid
    dot = render(DEFINITION, "dot", travelled()).decode()
    assert '"between-turn" -> "interrupted" [label="interrupt ×2", penwidth=2.8' in dot


def test_time_that_runs_backwards_counts_as_none() -> None:
    """A clock that went back makes no negative times."""
    run = MACHINE.run(ABSENT, "start", Circumstances())
    path = SessionPath.from_steps([(5_000, run.steps[0])], until_ms=1_000)
    assert path.spent_ms == {"beginning": 0}


@pytest.mark.parametrize(
    ("spent_ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (60_000, "1 min"),
        (61_000, "1 min 1 s"),
        (7_500_000, "2 h 5 min"),
        (3_600_000, "1 h"),
        (90_061_000, "1 d 1 h"),
        (86_400_000, "1 d"),
    ],
)
def test_times_are_spelled_in_two_units(spent_ms: int, words: str) -> None:
    """A time says its two largest units and no more."""
    assert spell_ms(spent_ms) == words


def test_rules_stand_at_what_they_guard() -> None:
    """Rules on transitions stand at their arrow, or below where nothing moves."""
    words = {line.text for one in SCENES["rules"].routes for line in one.label.lines}
    assert {"rule house.no-night-start", "rule house.second"} <= words
    notes = {line.text for one in SCENES["rules"].notes for line in one.lines}
    assert "turn_start is guarded by house.slow." in notes
    assert "[rule house.second]" in render(DEFINITION, "mermaid", rules=RULES).decode()


def test_markup_in_a_title_is_text() -> None:
    """What a host named its session cannot become markup, and has no room to grow."""
    path = SessionPath(title='<script>"x"</script> & ' + "y" * 100)
    root = ElementTree.fromstring(render(DEFINITION, "svg", path))
    assert not list(root.iter(f"{SVG}script"))
    assert any("<script>" in (text.text or "") for text in root.iter(f"{SVG}text"))


def test_settle_gives_up_politely() -> None:
    """A label for which there is no room at all stays where it wanted to be."""
    label = Label((Line("x" * 50),), (20, 20))
    assert settle([label], [], 40, 40) == [label]


# -- PNG ---------------------------------------------------------------------------------


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of an eight-bit RGBA picture."""
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert png[24:26] == b"\x08\x06", "eight bits, RGBA"
    data, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += 12 + size
    raw, step = zlib.decompress(data), width * 4 + 1
    rows: list[bytes] = []
    before = bytes(width * 4)
    for row in range(height):
        before = unfilter(raw[row * step], raw[row * step + 1 : (row + 1) * step], before)
        rows.append(before)
    return width, height, rows


def unfilter(kind: int, line: bytes, above: bytes) -> bytes:
    """One row of a PNG without its filter."""
    out = bytearray(line)
    for index in range(len(out)):
        left = out[index - 4] if index >= 4 else 0
        corner = above[index - 4] if index >= 4 else 0
        up = above[index]
        guess = (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]
        out[index] = (out[index] + guess) & 255
    return bytes(out)


def paeth(left: int, up: int, corner: int) -> int:
    near = left + up - corner
    _, _, best = min(
        (abs(near - left), 0, left), (abs(near - up), 1, up), (abs(near - corner), 2, corner)
    )
    return best


def test_png_shows_its_labels() -> None:
    """Every label of the picture has dark pixels in its box: the font was found."""
    scene: Scene = SCENES["plain"]
    width, height, rows = pixels(draw_png(render(DEFINITION, "svg"), scale=1))
    assert (width, height) == (scene.width, scene.height)
    for route in scene.routes:
        box = route.label.box
        dark = sum(
            rows[y][x * 4] < 130
            for y in range(int(box.y) + 2, int(box.bottom) - 2)
            for x in range(int(box.x) + 2, int(box.right) - 2)
        )
        assert dark > 25, route.label


@pytest.mark.parametrize("module", ["resvg_py", "ttf_opensans"])
def test_png_without_the_extra_says_how_to_get_it(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the renderer or its font the error names the extra that brings them."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RendererMissing) as caught:
        draw_png(b"<svg/>")
    assert caught.value.code == "GOV191"
    assert module.replace("_", "-") in str(caught.value)
    assert "session-governance[diagrams]" in str(caught.value)


def test_unknown_format_is_misuse() -> None:
    """A format that nobody draws is refused with the one that was meant."""
    with pytest.raises(MisuseError) as caught:
        render(DEFINITION, "mermade")  # type: ignore[arg-type]
    assert "did you mean `mermaid`?" in str(caught.value)


# -- the rendered files ------------------------------------------------------------------


@pytest.mark.parametrize("one", FORMATS)
def test_rendered_files_are_fresh(one: Any) -> None:
    """The files in states/ show the machine as it is; `python -m governance.diagrams states`."""
    kept = (STATES / "session").with_suffix(SUFFIXES[one]).read_bytes()
    if one == "png":
        # Renderers differ in a pixel here and there; what it was made of may not differ.
        assert svg_sha256_of(kept) == sha256(render(DEFINITION, "svg")).hexdigest()
        assert svg_sha256_of(b"\x89PNG") == ""
    else:
        assert kept == render(DEFINITION, one)


def test_command_draws_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The module's command writes one file a format, and refuses what is no folder."""
    from governance.diagrams.__main__ import main

    assert main([str(tmp_path)]) == 0
    assert {one.name for one in tmp_path.iterdir()} == {
        "session.mmd",
        "session.dot",
        "session.svg",
        "session.png",
    }
    assert main([]) == main([str(tmp_path / "none")]) == 2
    assert "usage" in capsys.readouterr().err
