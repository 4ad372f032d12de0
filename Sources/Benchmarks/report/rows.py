"""What was measured: a row for each number that the project holds itself to."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a row's ratio, or its measured value where it has no ratio, should keep to."""
    # "at most" or "at least".
    kind: str
    bound: float

    def is_met_by(self, value):
        return value <= self.bound if self.kind == "at most" else value >= self.bound


def at_most(bound):
    return Goal("at most", bound)


def at_least(bound):
    return Goal("at least", bound)


@dataclasses.dataclass
class Row:
    """One number: `ratio` beside something else, or `measured` alone."""
    section: str
    # The work, such as "GET /livez, 64 connections".
    name: str
    # What it is measured beside: in a word or two, and as a sentence ends, "of …".
    peer: str = ""
    beside: str = ""
    # "the time": ours is so many times as long; "the rate", "the speed": so many times as fast.
    relation: str = ""
    ratio: float | None = None
    # Ours alone.
    measured: float | None = None
    unit: str = ""
    # The least and the greatest, over fresh starts, of what the row says.
    spread: tuple[float, float] | None = None
    goal: Goal | None = None
    # Why there is no number.
    left_out: str = ""
    # Whether the peer is somebody else's program, or the floor, and not a part of ours.
    is_peer: bool = False
    # Kept in the file only, being one of many.
    is_detail: bool = False

    @property
    def value(self):
        return self.measured if self.ratio is None else self.ratio

    @property
    def result(self):
        if self.left_out:
            return "left out: " + self.left_out
        if self.ratio is None:
            return f"{number(self.measured)} {self.unit}"
        return f"{number(self.ratio)} × {self.relation} of {self.peer}"

    @property
    def verdict(self):
        if self.goal is None:
            return ""
        text = f"{self.goal.kind} {self.goal.bound:g}"
        if self.value is None:
            return text
        return text + (", met" if self.goal.is_met_by(self.value) else ", MISSED")

    def as_json(self):
        fields = dataclasses.asdict(self)
        fields["goal"] = self.goal and {self.goal.kind.replace(" ", "_"): self.goal.bound}
        return {name: value for name, value in fields.items() if value not in (None, "", False)}


def ratio_over_starts(ratios, measured, **fields):
    """A row of the median ratio, and of the median of what was measured of ours beside it."""
    return Row(
        ratio=statistics.median(ratios), measured=statistics.median(measured),
        spread=(min(ratios), max(ratios)), **fields)


def measured_over_starts(measured, **fields):
    return Row(
        measured=statistics.median(measured), spread=(min(measured), max(measured)), **fields)


def number(value):
    """About three digits."""
    if value >= 1_000:
        return grouped(round(value))
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def grouped(count):
    """A whole number in groups of three digits."""
    return f"{count:,}".replace(",", " ")


def show(rows):
    rows = [row for row in rows if not row.is_detail]
    widths = [max((len(text) for text in column), default=0)
              for column in zip(*((row.name, row.result) for row in rows))]
    for row in rows:
        print(f"  {row.name:<{widths[0]}}  {row.result:<{widths[1]}}  {row.verdict}".rstrip())
