"""How near a projection comes to its photo, in how much time: python -m benchmarks projection [--few]

Each method gets each face and a budget of seconds, and so many steps as its own pace, measured first, lets it make.
What it finds is compared with the photo: pixels, the features of BASE's discriminator, LPIPS where it is there, and the
person, by dlib's recogniser: BASE's picture beside the photo's crop, and the redrawn photo beside the photo. Aligned
crops that the shipped encoder never saw are measured apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image

from benchmarks import likeness, toonify_time
from benchmarks.figures import machine
from benchmarks.identity import Recogniser
from benchmarks.projection_figures import NO_LPIPS, Bench, Result, Results, known_lpips, ratios, table, together
from benchmarks.projection_methods import ENCODER_ROW, Method, Subject, methods_for, subject_of
from blendgan.faces import WHOLE
from blendgan.images import grid, write_png
from blendgan.samples import write_portrait
from blendgan.toonification import open_studio
from stylegan2.errors import InputError
from stylegan2.loading import load_generator

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"  # beside the checkout
PHOTOS, CROPS = DATA / "photos", DATA / "faces"
EVERY = 25  # one crop of so many was kept from the shipped encoder's training, the last of each 25 in order of names
ENDINGS = (".jpg", ".png")
BUDGETS = (0.3, 1.0, 5.0, 20.0)  # seconds
MOST, FEW = 10, 3  # faces of each kind
# With seven methods a face takes 44 s up to 5 s, and 140 s more at 20 s; to compare a result takes 1 s at most. So 2 x
# 10 faces take some 24 minutes in all.
LONG_S, LONG_FACES = 5.0, 1
RATIOS = (
    f"`{ENCODER_ROW}` beside the best of optimisation alone at each budget (under 1: it is nearer), and with a second "
    "beside with twenty; by means, in brackets by medians (the last column over the faces that had both):"
)


def measure(
    bench: Bench,
    methods: Mapping[str, Method],
    subjects: Sequence[Subject],
    budgets: Sequence[float],
    long_faces: int = LONG_FACES,
) -> Results:
    """Let every method work on every face at every budget, in turn; budgets over LONG_S on the first few alone."""
    results: dict[tuple[str, float], dict[str, Result]] = {}
    for place, subject in enumerate(subjects):
        for budget in budgets:
            for name, method in methods.items() if budget <= LONG_S or place < long_faces else ():
                found = method(subject, budget)
                results.setdefault((name, budget), {})[subject.name] = bench.result(subject, found)
        print(f"{subject.name}: {place + 1} of {len(subjects)}", file=sys.stderr, flush=True)
    return results


def report(groups: Mapping[str, Results]) -> str:
    """Return the tables of each kind of face, and how the encoder with refinement stands, as Markdown."""
    parts = ["Means over the faces, and in brackets medians; 0 is the photo itself."]
    for name, results in groups.items():
        parts += [f"**{name}**", table(results)]
        parts += [RATIOS, ratios(results)] if _has_encoder(results) else []
    if len(groups) > 1 and _has_encoder(both := together(groups)):
        parts += ["**All faces together**", RATIOS, ratios(both)]
    return "\n\n".join(parts)


def _has_encoder(results: Results) -> bool:
    return any(method == ENCODER_ROW for method, _ in results)


def held_out(folder: Path, every: int, count: int) -> list[Path]:
    """Return crops of a folder, the last of every so many in order of names, evenly spread over all of these.

    Raises InputError where there are none.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix in ENDINGS)[every - 1 :: every]
    if not files:
        raise InputError(f"{folder}: found no crop to take, expected at least {every} files ({', '.join(ENDINGS)})")
    count = min(count, len(files))
    return [files[i * len(files) // count] for i in range(count)]


def sheet(subject: Subject, results: Results) -> Image.Image:
    """Draw a row for each method: the crop, then BASE's picture and the blend's at each budget."""
    done = {case: found[subject.name] for case, found in results.items() if subject.name in found}
    names, budgets = (list(dict.fromkeys(case[i] for case in done)) for i in (0, 1))
    crop = Image.fromarray(subject.face.crop)
    rows = {name: [crop, *(picture for budget in budgets for picture in done[name, budget].pictures)] for name in names}
    return grid(rows, ["photo", *(text for budget in budgets for text in (f"{budget:g} s", "painted"))])


def main(words: Sequence[str]) -> None:
    """Measure what was asked for and print it."""
    arguments = _parsed(words)
    torch.set_num_threads(arguments.threads)
    try:
        _measure(arguments)
    except (InputError, ModuleNotFoundError) as error:
        sys.exit(f"projection: {error}")


def _measure(arguments: argparse.Namespace) -> None:
    if arguments.likeness is not None:
        photos, base = _photos(arguments.photos), load_generator("portraits")
        print(likeness.table(list(likeness.measure(photos, arguments.likeness, base, Recogniser()))))
        return
    print(f"Measured on: {machine()}.\n", flush=True)
    if not arguments.no_table or arguments.portrait:
        _measure_projections(arguments)
    if arguments.times:
        crops = arguments.crops and held_out(arguments.crops, arguments.every, toonify_time.MANY)
        print(f"\n{toonify_time.table(arguments.photos, crops, arguments.threads)}")


def _measure_projections(arguments: argparse.Namespace) -> None:
    bench = Bench(open_studio("portraits", "paintings"), Recogniser(), known_lpips())
    groups = {} if arguments.no_table else _subjects(arguments, bench)
    with tempfile.TemporaryDirectory() as folder:
        write_portrait(Path(folder) / "portrait.png")
        portrait = subject_of(Path(folder) / "portrait.png", bench.studio)
    methods = methods_for(bench.studio.finder, portrait)
    if groups:
        _measure_groups(arguments, bench, methods, groups)
    if arguments.portrait:  # the only one that may be published
        results = measure(bench, methods, [portrait], arguments.budgets)
        write_png(arguments.portrait, sheet(portrait, results))


def _measure_groups(
    arguments: argparse.Namespace,
    bench: Bench,
    methods: Mapping[str, Method],
    faces: Mapping[str, Sequence[Subject]],
) -> None:
    groups: dict[str, Results] = {}
    for name, subjects in faces.items():
        groups[name] = measure(bench, methods, subjects, arguments.budgets, arguments.long_faces)
        for subject in subjects if arguments.sheets else ():
            write_png(arguments.sheets / f"{subject.name}.png", sheet(subject, groups[name]))
    print(report(groups), *([] if bench.lpips else [NO_LPIPS]), sep="\n\n", flush=True)


def _subjects(arguments: argparse.Namespace, bench: Bench) -> dict[str, list[Subject]]:
    count = FEW if arguments.few else MOST
    groups = {"Photos": [subject_of(photo, bench.studio) for photo in _photos(arguments.photos)[:count]]}
    if arguments.crops:
        crops = held_out(arguments.crops, arguments.every, count)
        title = f"Aligned crops, each the last of {arguments.every}"
        groups[title] = [subject_of(crop, bench.studio, WHOLE) for crop in crops]
    return groups


def _photos(folder: Path) -> list[Path]:
    """Photos of people; one of a group comes last. Raises InputError where there are none."""
    photos = sorted(folder.glob("*.jpg"), key=lambda photo: (photo.stem.startswith("group"), photo.name))
    if not photos:
        raise InputError(f"{folder}: found no photos, expected .jpg files; give their folder by --photos")
    return photos


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks projection", description=__doc__)
    crops = CROPS if CROPS.is_dir() else None
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of photos; the first face of each counts")
    parser.add_argument("--crops", type=Path, default=crops, metavar="DIR", help="folder of aligned crops")
    parser.add_argument("--every", type=_count, default=EVERY, metavar="K", help="take the last of each K crops (25)")
    parser.add_argument("--few", action="store_true", help=f"{FEW} faces of each kind instead of {MOST}")
    parser.add_argument("--budgets", type=_seconds, default=BUDGETS, help="seconds, such as 0.3,1,5,20")
    parser.add_argument(
        "--long-faces",
        type=_count,
        default=LONG_FACES,
        metavar="N",
        help=f"faces of each kind that get budgets over {LONG_S:g} s ({LONG_FACES})",
    )
    parser.add_argument("--likeness", type=Path, metavar="DIR", help="compare the photos with what toonify wrote there")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="draw a sheet for each face")
    parser.add_argument("--portrait", type=Path, metavar="PNG", help="draw the sheet of the public-domain portrait")
    parser.add_argument("--times", action="store_true", help="time whole processes too")
    parser.add_argument("--no-table", action="store_true", help="only what else was asked for")
    parser.add_argument("--threads", type=_count, default=2)
    return parser.parse_args(words)


def _seconds(text: str) -> tuple[float, ...]:
    found = tuple(sorted(float(part) for part in text.split(",")))
    if found[0] <= 0:
        raise argparse.ArgumentTypeError(f"found {found[0]:g} s, expected more than 0")
    return found


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, expected 1 or more")
    return int(text)
