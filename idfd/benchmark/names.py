"""Names and sentences of others, made harmless for the documents they are written into."""

from __future__ import annotations


def markdown_text(text: str) -> str:
    r"""Keep a text from ending a cell of a table, starting markup or being taken for HTML.

    Example:
        >>> print(markdown_text("a|b <i>"))
        a\|b \<i>
    """
    text = " ".join(text.split())
    for mark in ("\\", "|", "*", "_", "`", "[", "<", "&"):
        text = text.replace(mark, f"\\{mark}")
    return text


def csv_text(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula.

    Example:
        >>> csv_text("=1+1"), csv_text("net")
        ("'=1+1", 'net')
    """
    return f"'{text}" if text[:1] in set("=+-@\t\r") else text
