"""Draw docs/calibration.svg: what the shipped interval classifier said and what was found.

    python docs/calibration.py

The people are those held out of its training; their figures stand in the bundle.
"""

from pathlib import Path

from inference.intervals.classifier import load

TARGET = Path(__file__).with_name("calibration.svg")
VIEWS = {"all measurements": "#06c", "required": "#c60"}
SIDE, LEFT, TOP = 220, 50, 30


def main() -> None:
    """Draw both curves."""
    bins = load().manifest.figures["reliability"]
    curves = "".join(_curve(bins[name], colour) for name, colour in VIEWS.items())
    words = "".join(
        f'<text x="300" y="{80 + 20 * k}" fill="{colour}">{name}</text>'
        for k, (name, colour) in enumerate(VIEWS.items())
    )
    TARGET.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 310" font-family="sans-serif" '
        'font-size="11"><rect width="480" height="310" fill="#fff"/>'
        '<text x="50" y="18">Share found abnormal against probability said; area: people</text>'
        f'<path d="M{LEFT} {TOP}V{TOP + SIDE}H{LEFT + SIDE}" fill="none" stroke="#999"/>'
        f'<path d="M{LEFT} {TOP + SIDE}L{LEFT + SIDE} {TOP}" stroke="#ccc"/>{_ticks()}{curves}'
        f'<text x="160" y="290" text-anchor="middle">probability of abnormal</text>{words}'
        '<text x="300" y="60">given:</text></svg>\n',
        encoding="utf-8",
    )


def _curve(bins: list[list[float]], colour: str) -> str:
    """A line through (probability, share), with a dot for the people of each tenth."""
    points = [(*_place(said, found), people) for said, found, people in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1 + people**0.5 / 3:.1f}" fill="{colour}" '
        'fill-opacity="0.5"/>'
        for x, y, people in points
    )
    return f'<polyline points="{line}" fill="none" stroke="{colour}"/>{dots}'


def _ticks() -> str:
    parts = []
    for value in (0.0, 0.5, 1.0):
        x, y = _place(value, value)
        parts.append(f'<text x="{x}" y="{TOP + SIDE + 15}" text-anchor="middle">{value:g}</text>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    return "".join(parts)


def _place(said: float, found: float) -> tuple[float, float]:
    return LEFT + SIDE * said, TOP + SIDE * (1 - found)


if __name__ == "__main__":
    main()
