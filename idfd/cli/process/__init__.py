"""``idfd process``: turn captures and imported sets into clean triples."""

from __future__ import annotations

import click

from idfd.cli.lazy import LazyGroup

COMMANDS = {
    "view": "idfd.cli.process.view",
    "defocus": "idfd.cli.process.defocus",
    "degrade": "idfd.cli.process.degrade",
}


class ProcessGroup(LazyGroup):
    """A group whose name alone is a command: ``idfd process SESSION... -o DIR``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let everything that does not begin with a command go to the run itself."""
        if not args or args[0] not in self.modules:
            args = ["", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the empty name is the run."""
        if args[0] == "":
            from idfd.cli.process.run import run

            return "", run, args[1:]
        return super().resolve_command(ctx, args)


@click.group(cls=ProcessGroup, modules=COMMANDS)
def process() -> None:
    """Turn captures and imported sets into clean triples."""
