"""Plain text: colour only where it is wanted, columns aligned, nothing trailing."""

import io

import pytest

from stellwerk.cli.terminal import PLAIN_WIDTH, Cell, Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")


def test_a_file_or_a_pipe_gets_no_colour_and_a_fixed_width() -> None:
    assert Terminal.of(io.StringIO()) == Terminal(PLAIN_WIDTH, colour=False)


def test_a_terminal_gets_colour_and_its_own_width() -> None:
    assert Terminal.of(Screen()) == Terminal(72, colour=True)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert Terminal.of(Screen()).paint("text", "red") == "text"


def test_an_empty_no_color_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert Terminal.of(Screen()).colour


def test_columns_are_as_wide_as_their_widest_text_with_and_without_colour() -> None:
    rows = [[Cell("a", "green"), Cell("1", right=True), Cell("x")], [Cell("long"), Cell("100", right=True), Cell("")]]
    plain = Terminal().table(("NAME", "N", "Z"), rows)
    assert plain == "NAME    N  Z\na       1  x\nlong  100"
    painted = Terminal(colour=True).table(("NAME", "N", "Z"), rows)
    assert painted.replace("\x1b[32m", "").replace("\x1b[1m", "").replace("\x1b[0m", "") == plain


def test_sentences_are_wrapped_and_indented_without_breaking_words() -> None:
    text = Terminal(width=24).sentence("needs 16 x A100 in one-single pool", indent="  ")
    assert text == "  needs 16 x A100 in\n  one-single pool"
