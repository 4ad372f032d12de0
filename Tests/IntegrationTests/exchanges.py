"""Reads the conformance corpus; its form is told in conformance/README.md."""

import re
from dataclasses import dataclass, field
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent / "conformance"
CITATION = re.compile(r"RFC \d{4} §\d+(\.\d+)*")
ESCAPE = re.compile(r"\\(?:([rnt\\])|x([0-9a-fA-F]{2})|\{((?:\\.|[^\\}])*)\*(\d+)\})")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
ANSWER = re.compile(r"(head )?(\d{3})( or not)?(?: ([a-z-]+))?")
ENDS = ("kept", "closed", "lingers", "ended")


@dataclass
class Answer:
    """What one answer must be. `may_lack` is for a 100 that depends on how the bytes came."""

    status: int
    code: str | None = None
    head_only: bool = False
    may_lack: bool = False
    checks: list = field(default_factory=list)


@dataclass
class Turn:
    """What the client sends, and the answers that it waits for before it sends more."""

    sent: bytes = b""
    finishes: bool = False
    answers: list = field(default_factory=list)


@dataclass
class Exchange:
    topic: str
    title: str
    citation: str = ""
    turns: list = field(default_factory=list)
    end: str = ""

    @property
    def label(self):
        return f"{self.citation.replace('§', '')}, {self.topic}: {self.title}"

    @property
    def answers(self):
        return [answer for turn in self.turns for answer in turn.answers]

    @property
    def finishes(self):
        return any(turn.finishes for turn in self.turns)

    @property
    def needs_session(self):
        return any(b"{session}" in turn.sent for turn in self.turns)


def unescape(text):
    def replacement(match):
        plain, code, repeated, count = match.groups()
        if plain:
            return PLAIN[plain]
        return chr(int(code, 16)) if code else unescape(repeated) * int(count)

    return ESCAPE.sub(replacement, text)


def exchanges(text, topic):
    """The exchanges of one file."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.startswith("== "):
                found.append(Exchange(topic, line[3:]))
            elif line:
                take(found[-1], line)
        except (AssertionError, IndexError) as error:
            raise SyntaxError(f"{topic}, line {number}: {line!r}") from error
    for exchange in found:
        check(exchange)
    return found


def take(exchange, line):
    """Adds one line to the exchange."""
    kind, rest = line[:2].strip(), line[2:]
    assert not exchange.end
    if line.startswith("RFC "):
        assert not exchange.citation and CITATION.fullmatch(line)
        exchange.citation = line
    elif line == ">|":
        exchange.turns[-1].finishes = True
    elif kind == ">":
        if not exchange.turns or exchange.turns[-1].answers:
            exchange.turns.append(Turn())
        exchange.turns[-1].sent += unescape(rest).encode("latin-1")
    elif kind == "<" and rest in ENDS:
        exchange.end = rest
    elif kind == "<":
        head_only, status, may_lack, code = ANSWER.fullmatch(rest).groups()
        exchange.turns[-1].answers.append(
            Answer(int(status), code, bool(head_only), bool(may_lack)))
    else:
        assert kind == ":" and rest
        exchange.turns[-1].answers[-1].checks.append(unescape(rest))


def check(exchange):
    """An exchange says what rules it, how it ends, and the code of every problem."""
    assert exchange.citation, f"{exchange.title}: no RFC paragraph"
    assert exchange.end, f"{exchange.title}: no end"
    assert (exchange.end == "ended") <= exchange.finishes, exchange.title
    for answer in exchange.answers:
        has_problem = answer.status >= 400 and not answer.head_only
        assert has_problem == bool(answer.code), f"{exchange.title}: {answer.status}"


def corpus():
    return [exchange for path in sorted(DIRECTORY.glob("*.txt"))
            for exchange in exchanges(path.read_text(encoding="utf-8"), path.stem)]
