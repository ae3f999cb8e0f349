"""How much of an attribute DFI gives, and what it costs: python -m benchmarks.dfi_attributes FACES [--into docs/dfi.md]

Faces of the lists that are in no set and that no judge has seen, edited at several strengths by DFI, by a step in the
latents of the shipped generator, and by the mean pictures alone. Half an hour of one thread; each face is kept in
--keep, so that a study that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks import dfi_judge
from benchmarks.dfi_edits import Outcome, Sets, ways
from benchmarks.dfi_split import ATTRIBUTES, Attribute, lists_of
from benchmarks.dfi_tables import Cost, Judged, Record, text_of
from benchmarks.identity import Recogniser
from benchmarks.memory import resident
from benchmarks.pages import Study, put
from blendgan.dfi.features import open_features
from blendgan.dfi.sets import read_picture
from blendgan.images import to_pictures, to_uint8
from blendgan.projection import finder_of
from blendgan.regions import SIDE_PX, draw_region
from stylegan2.checkpoints.atomic import writing
from stylegan2.memory import keep_freed_memory

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "benchmarks.dfi_attributes FACES"
TESTED = 16  # faces of each attribute
LEVELS = 127.5  # of 0 to 255 in a picture's 1
MODEL = "portraits"


@cache
def judge_of(attribute: Attribute, faces: Path) -> dfi_judge.Judge:
    """Train the judge of an attribute on its own faces."""
    source, target = (dfi_judge.read_faces(each.files) for each in lists_of(attribute, faces, "judge"))
    return dfi_judge.train(source, target, attribute.box)


def judged(attribute: Attribute, faces: Path) -> Judged:
    """Tell how often the judge of an attribute is right."""
    own = [dfi_judge.read_faces(each.files) for each in lists_of(attribute, faces, "judge")]
    parts = [lists_of(attribute, faces, part) for part in ("sets", "tests")]
    others = [torch.cat([dfi_judge.read_faces(part[i].files) for part in parts]) for i in range(2)]
    return Judged(
        attribute.name,
        tuple(len(each.files) for each in parts[0]),
        tuple(map(len, own)),
        dfi_judge.cross_validated(own[0], own[1], attribute.box),
        dfi_judge.accuracy(judge_of(attribute, faces), others[0], others[1]),
        sum(map(len, others)),
    )


def measured(
    attribute: Attribute, photo: Path, outcome: Outcome, judge: dfi_judge.Judge, recogniser: Recogniser | None
) -> Record:
    """The figures of one edited face."""
    before = read_picture(photo, outcome.picture.shape[2], outcome.picture.shape[3])
    said = [float(judge.logits(picture)) for picture in (before, outcome.base, outcome.picture)]
    apart = [None if recogniser is None else _apart(recogniser, each, outcome) for each in (before, outcome.base)]
    start = None if recogniser is None else recogniser.distance(_pixels(before), _pixels(outcome.base))
    inside = _region(attribute)
    change = (outcome.picture - before)[0]
    sizes = [float(change[:, part].square().mean().sqrt()) * LEVELS for part in (inside, ~inside)]
    return Record(
        attribute.name, photo.name, outcome.method, outcome.strength,
        said[0], said[1], said[2], apart[0], apart[1], start, sizes[0], sizes[1], outcome.seconds,
    )  # fmt: skip


def _apart(recogniser: Recogniser, picture: Tensor, outcome: Outcome) -> float:
    return recogniser.distance(_pixels(picture), _pixels(outcome.picture))


def _pixels(picture: Tensor) -> NDArray[np.uint8]:
    return to_uint8(picture)[0]


def _region(attribute: Attribute) -> Tensor:
    """Bools [128, 128]: where the attribute is to be seen."""
    pace = SIDE_PX // dfi_judge.SEEN_PX
    drawn = torch.from_numpy(draw_region(attribute.region or "hair")[::pace, ::pace]) > 0.5
    return ~drawn if attribute.region is None else drawn


def study(faces: Path, keep: Path, count: int = TESTED) -> Iterator[tuple[str, list[Record] | Judged]]:
    """Yield how often each judge is right, then the records of face after face, of all attributes in turn."""
    features, finder, recogniser = open_features(MODEL), finder_of(MODEL), _recogniser()
    for attribute in ATTRIBUTES:
        file = keep / attribute.name / "judge.json"
        if not file.is_file():
            _keep(file, [asdict(judged(attribute, faces))])
        yield attribute.name, Judged(**json.loads(file.read_text(encoding="utf-8"))[0])
    sets = {each.name: Sets(*lists_of(each, faces, "sets"), finder) for each in ATTRIBUTES}
    for index in range(count):
        for attribute in ATTRIBUTES:
            tests = lists_of(attribute, faces, "tests")[0].files
            if index >= len(tests):
                continue
            photo = tests[index]
            file = keep / attribute.name / f"{photo.stem}.json"
            if not file.is_file():
                found = [each for way in ways(features).values() for each in way(photo, sets[attribute.name])]
                judge = judge_of(attribute, faces)
                _keep(file, [asdict(measured(attribute, photo, each, judge, recogniser)) for each in found])
                _strip(photo, found).save(file.with_suffix(".png"))
            yield photo.name, [Record(**each) for each in json.loads(file.read_text(encoding="utf-8"))]


def _keep(file: Path, found: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing(file) as out:
        out.write(json.dumps(found, indent=1).encode())


def _strip(photo: Path, found: list[Outcome]) -> Image.Image:
    """For the eye only: the photo, then each way's pictures, with what it began from."""
    before = read_picture(photo, dfi_judge.SEEN_PX, dfi_judge.SEEN_PX)
    bases = {outcome.method: outcome.base for outcome in found if outcome.method == "latent"}
    shown = [before, *bases.values(), *(outcome.picture for outcome in found)]
    strip = Image.new("RGB", (len(shown) * dfi_judge.SEEN_PX, dfi_judge.SEEN_PX))
    for i, picture in enumerate(to_pictures(torch.cat(shown))):
        strip.paste(picture, (i * dfi_judge.SEEN_PX, 0))
    return strip


def _recogniser() -> Recogniser | None:
    """dlib's, where its packages are."""
    try:
        return Recogniser()
    except ModuleNotFoundError as error:
        print(f"no identity: {error}", file=sys.stderr)
        return None


def cost(faces: Path, method: str) -> Cost:
    """What a process of its own takes that edits one face in one way."""
    words = [sys.executable, "-m", "benchmarks.dfi_attributes", str(faces), "--one", method]
    return Cost(**json.loads(subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout))


def one(faces: Path, method: str) -> Cost:
    """Edit one face at all strengths in this process (Linux)."""
    attribute = ATTRIBUTES[0]
    features = open_features(MODEL) if method == "dfi" else None
    sets = Sets(*lists_of(attribute, faces, "sets"), finder_of(MODEL) if method == "latent" else None)
    photo = lists_of(attribute, faces, "tests")[0].files[0]
    seconds = [outcome.seconds for outcome in ways(features)[method](photo, sets)]
    return Cost(fmean(seconds), resident("VmHWM"))


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dfi_attributes", description=__doc__)
    parser.add_argument("faces", type=Path, help="the folder of the aligned faces that the lists name")
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    parser.add_argument("--keep", type=Path, default=ROOT / "out" / "dfi-attributes", help="where each face is kept")
    parser.add_argument("--count", type=int, default=TESTED, help="faces of each attribute")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # for `cost`
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Print the tables, or put them into the page."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    if options.one:
        print(json.dumps(asdict(one(options.faces, options.one))))
        return
    records: list[Record] = []
    judges: list[Judged] = []
    for name, found in study(options.faces, options.keep, options.count):
        print(name, file=sys.stderr, flush=True)
        if isinstance(found, Judged):
            judges.append(found)
        else:
            records += found
    costs = {method: cost(options.faces, method) for method in ("dfi", "latent")}
    text = text_of(records, judges, costs)
    if options.into:
        put(options.into, "attributes", COMMAND, Study(text))
    else:
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
