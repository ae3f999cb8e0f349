"""Draw the gallery: one picture for each schedule, and the page that shows them:  python docs/make_gallery.py

Rows: portraits (BASE), paintings (TRANSFER), and the blend; the same six faces in each, which nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from blendgan.blending import blend_models
from blendgan.channel_forms import parse as parse_channels
from blendgan.images import write_png
from blendgan.preview import View, preview
from blendgan.recipe import Recipe, Transfer
from blendgan.schedule_forms import parse
from blendgan.sources import open_source

HERE = Path(__file__).resolve().parent
PAIR = ("portraits", "paintings")
SEEDS = (1, 3, 4, 11, 20, 28)


@dataclass(frozen=True)
class Entry:
    """One picture: its file, the schedule's option and value, the words beside it."""

    name: str
    option: str
    value: str
    text: str
    side: str | None = None
    channels: str | None = None

    @property
    def command(self) -> str:
        """The command line that makes the model."""
        side = f" --transfer-gives {self.side}" if self.side else ""
        channels = f" --channels {self.channels}" if self.channels else ""
        return f"blendgan blend --{self.option} {self.value}{side}{channels}"


ENTRIES = (
    Entry("swap-high", "swap-res", "16", "A hard swap: portraits' shapes, paintings' skin, line and paper.", "high"),
    Entry("swap-low", "swap-res", "16", "The other side: paintings' shapes, rendered as photographs are.", "low"),
    Entry("sigmoid", "sigmoid", "16,1", "The swap with a soft edge, an octave wide.", "high"),
    Entry("linear", "linear", "8,128", "From BASE at 8 px to TRANSFER at 128 px, in equal steps.", "high"),
    Entry("band", "band", "32,1", "TRANSFER around 32 px only."),
    Entry("alpha", "alpha", "0.5", "Half of each everywhere (deep network interpolation)."),
    Entry("table", "table", "4=0,8=0.2,16=0.4,32=0.6,64=0.8,128=1", "A share for each resolution."),
    Entry("layers", "layers", "0*6,1*6", "A share for each style layer: TRANSFER from the seventh on."),
    Entry(
        "channels", "alpha", "1", "All layers, but a quarter of the channels: those that changed most.",
        channels="top:0.25:change",
    ),
)  # fmt: skip


def draw(entry: Entry) -> Image.Image:
    """Return the sheet of one entry."""
    sources = tuple(open_source(name) for name in PAIR)
    schedule = parse(entry.option, entry.value, "high" if entry.side == "high" else "low" if entry.side else None)
    channels = parse_channels(entry.channels) if entry.channels else None
    blended = blend_models(sources, Recipe((Transfer(schedule, channels=channels),)))
    models = {name: source.checkpoint for name, source in zip(PAIR, sources, strict=True)}
    return preview(models | {"blend": blended}, View(SEEDS))


def page() -> str:
    """Return the page's text."""
    lines = [
        "# Gallery", "",
        "The shipped pair under every schedule. Rows: `portraits` (BASE), `paintings` (TRANSFER), the blend; the same",
        "latents in each column, psi 0.7. `python docs/make_gallery.py` draws all of it again.",
    ]  # fmt: skip
    for entry in ENTRIES:
        picture = f"![{entry.text}](pictures/gallery-{entry.name}.png)"
        lines += [
            "",
            f"## `{entry.command.removeprefix('blendgan blend ')}`",
            "",
            entry.text,
            "",
            f"    {entry.command}",
        ]
        lines += ["", picture]
    lines += ["", "More pictures: [channels](channels.md), [masks](spatial.md), [sheets and films](seeing.md).", ""]
    return "\n".join(lines)


def main() -> None:
    """Write pictures and page."""
    for entry in ENTRIES:
        write_png(HERE / "pictures" / f"gallery-{entry.name}.png", draw(entry))
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
