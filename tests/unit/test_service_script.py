"""The script of the service, where it is interrupted before it serves."""

from __future__ import annotations

import pytest

from governance.service import serve, server


def test_an_interruption_while_it_begins_ends_it_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C among the imports leaves the code of an interruption, and no traceback."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "options_of", interrupted)

    assert serve.main([]) == serve.INTERRUPTED == 130
    assert capsys.readouterr().err == ""
