r"""Formulas as models write them, in words: "\( x^2 \)" is said "x squared". Pure.

Some models write LaTeX whatever they were told. Here are the few commands that a conversation may have; of others the
name is said.
"""

from __future__ import annotations

_COMMANDS = {
    "times|cdot": " times ", "div": " divided by ", "pm": " plus or minus ", "approx": " is about ",
    "leq?": " at most ", "geq?": " at least ", "neq?": " is not ", "to|rightarrow": " to ", "infty": " infinity ",
    "int": " the integral of ", "sum": " the sum of ", "left|right|quad": " ",
}  # fmt: skip

FORMULAS: tuple[tuple[str, str], ...] = (
    (r"\$\$|\\[()\[\]]|\$(?=[a-zA-Z\\])|(?<=[a-zA-Z)}])\$(?!\w)", " "),
    *((rf"\\(?:{names})(?![a-zA-Z])", words) for names, words in _COMMANDS.items()),
    (r"\\sqrt\{?", " the square root of "),
    (r"\\(?:[dt]?frac|text|mathrm|mathbf)\{", " "),
    (r"\}\{", " over "),
    (r"(?<=[\w)}])\^(?:2(?!\d)|\{2\})\$?", " squared "),
    (r"(?<=[\w)}])\^(?:3(?!\d)|\{3\})\$?", " cubed "),
    (r"(?<=[\w)}])\^\{?(?=[\w-])", " to the power of "),
)
"""What is found, and what is said for it: a space at an edge sets it apart where a word stands there."""
