"""Plots as SVG: curves over two logarithmic axes, readable on a light and on a dark page."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 240, 40, 56
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
INK = "#555555"


def shown(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


class Axis:
    """Maps values to places; both logarithmic."""

    def __init__(self, values, begin, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.begin, self.end = begin, end

    def place(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def draw(title, x_name, y_name, curves):
    """`curves`: name to list of (x, y)."""
    points = [point for curve in curves.values() for point in curve]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    if points:
        x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
        y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
        out += grid(x_axis, y_axis)
        for index, (name, curve) in enumerate(curves.items()):
            out += one_curve(name, sorted(curve), COLOURS[index % len(COLOURS)], index, x_axis, y_axis)
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>')
    out.append(f'<text x="18" y="{HEIGHT / 2}" text-anchor="middle" '
               f'transform="rotate(-90 18 {HEIGHT / 2})">{escape(y_name)}</text>')
    return "\n".join(out + ["</svg>", ""])


def grid(x_axis, y_axis):
    out = []
    for value in x_axis.ticks():
        x = x_axis.place(value)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" '
                   f'stroke="{INK}" stroke-opacity="0.25"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                   f'{shown(value)}</text>')
    for value in y_axis.ticks():
        y = y_axis.place(value)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" '
                   f'stroke="{INK}" stroke-opacity="0.25"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{shown(value)}</text>')
    return out


def one_curve(name, curve, colour, index, x_axis, y_axis):
    places = [(x_axis.place(x), y_axis.place(y)) for x, y in curve]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    out = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    y = TOP + 16 + 20 * index
    x = WIDTH - RIGHT + 16
    out.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}" stroke="{colour}" '
               'stroke-width="3"/>')
    out.append(f'<text x="{x + 28}" y="{y}">{escape(name)}</text>')
    return out


def write(path, title, x_name, y_name, curves):
    with open(path, "w", encoding="utf-8") as file:
        file.write(draw(title, x_name, y_name, curves))
