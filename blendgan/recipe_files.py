"""Recipes in files: YAML to write by hand, and the recipe inside a blended model or a picture, to read back.

A short one needs no file: its text stands for it.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from blendgan.channels import Channels, Region
from blendgan.papers import METADATA_KEY
from blendgan.recipe import KEY, Recipe, to_json
from blendgan.recipe_schema import BadRecipe, Mistake, from_json
from blendgan.recipe_words import to_words
from stylegan2 import store
from stylegan2.errors import RecipeError

READY = Path(__file__).resolve().parent / "data" / "recipes"  # of published works, each with its source
YAML_ENDINGS = (".yaml", ".yml", ".json")  # JSON is YAML
EXPECTED = (
    "a recipe (.yaml), or a blended model (.safetensors) or picture (.png, or .jpg with its .json) that carries one"
)
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
INLINE = "recipe"  # what messages call one that has no file
LARGEST_YAML = 1 << 20  # bytes: a recipe with a list of gains for every channel has some 100 kB

_log = logging.getLogger(__name__)


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of a YAML file, or the one that a .safetensors model or a .png picture carries.

    `path` may also be the name of a ready recipe, such as pinkney-1c, or of a shipped model; or, where it begins with
    {, the recipe itself as YAML in one line: `{schedule: swap-res 16}`. Raises RecipeError, with line, key, value and
    what is allowed; CheckpointError for a model that cannot be read.
    """
    if is_inline(path):
        return _parse(INLINE, os.fspath(path), Path())
    file = find_recipe(path)
    ending = file.suffix.lower()
    if ending in YAML_ENDINGS:
        return _read_yaml(file)
    if ending not in _CARRIERS:
        raise RecipeError(f"{file}: found the ending {file.suffix!r}, expected {EXPECTED}")
    values = _CARRIERS[ending](file)
    try:
        return from_json(values)
    except BadRecipe as error:
        raise RecipeError(f"{file}: its recipe is damaged: {error}") from error


def is_inline(path: str | os.PathLike[str]) -> bool:
    """Whether this is a recipe's own text, rather than the name of one: it begins with {, and no file is called so."""
    return os.fspath(path).lstrip().startswith("{") and not os.path.isfile(path)


def folder_of(path: str | os.PathLike[str]) -> Path:
    """Return where the relative paths in a recipe are looked for besides the working directory: beside its file."""
    return Path() if is_inline(path) else Path(path).parent


def find_recipe(path: str | os.PathLike[str]) -> Path:
    """Return the file of a recipe: that of this path, else the ready one or the shipped model of this name.

    Raises RecipeError.
    """
    file, name = Path(path), os.fspath(path)
    ready = ready_recipes()
    if file.is_file():
        return file
    if name in ready:
        return READY / f"{name}.yaml"
    if name in store.manifest():
        return store.resolve(name)
    found = "a folder" if file.is_dir() else "no such file"
    raise RecipeError(
        f"{file}: {found}; expected {EXPECTED}, or the name of a shipped model or of a ready recipe "
        f"({', '.join(ready)})"
    )


def ready_recipes() -> dict[str, str]:
    """Return name -> what it gives, in one line, of the recipes that travel with the project."""
    return {
        file.stem: file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        for file in sorted(READY.glob("*.yaml"))
    }


def dumps_yaml(recipe: Recipe) -> str:
    """Return the recipe as YAML; equal recipes give equal texts."""
    text: str = yaml.safe_dump(to_json(recipe), sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return text


def dumps_flow(recipe: Recipe) -> str:
    """Return the recipe as YAML in one line, which stands for a file's name: `{base: a, transfers: [b], schedule: …}`.

    In the command line's words where they say all of it.
    """
    words = to_words(recipe)
    values = to_json(recipe)
    if words is not None and not any(model.fingerprint for model in recipe.models):
        named = (
            {"base": recipe.base.name, "transfers": [model.name for model in recipe.models[1:]]} if recipe.base else {}
        )
        values = named | {key.replace("-", "_"): text for key, text in words.items() if text != "base"}
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=math.inf, default_flow_style=True)
    return text.strip()


def _of_model(file: Path) -> object:
    from stylegan2 import checkpoints  # needs torch, which a recipe in YAML does not

    metadata = checkpoints.load(file).metadata
    if KEY not in metadata:
        raise RecipeError(f"{file}: this model carries no recipe; expected one that `blendgan blend` wrote")
    return metadata[KEY]


def _of_picture(file: Path) -> object:
    from blendgan.picture_files import read_texts  # as above

    texts = read_texts(file)
    try:
        said = json.loads(texts.get(METADATA_KEY, "null"))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{file}: the text under {METADATA_KEY!r} is no JSON; the picture was changed") from error
    if isinstance(said, Mapping) and said.get(KEY) is not None:
        if said.get("mask"):
            _log.warning(
                "%s: was drawn with a mask, which is no part of its recipe: %s", file, json.dumps(said["mask"])
            )
        return said[KEY]
    beside = "" if file.suffix.lower() == ".png" else f", in {file.with_suffix('.json').name} beside it"
    raise RecipeError(
        f"{file}: this picture carries no recipe; expected one of a blended model, with its metadata{beside}"
    )


# Forms other than PNG say it in a file beside them, NAME.json (`blendgan.picture_files`).
_CARRIERS = {".safetensors": _of_model} | dict.fromkeys(PICTURE_ENDINGS, _of_picture)


def _read_yaml(file: Path) -> Recipe:
    _refuse_huge(file, file.stat().st_size)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: not UTF-8 text; expected a recipe in YAML") from error
    return _parse(file, text, file.parent)


def _parse(file: Path | str, text: str, folder: Path) -> Recipe:
    """`file` is what messages call it; `folder`: where its masks may lie."""
    _refuse_huge(file, len(text))
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_aliases_and_doubles(file, text, node)
        values = yaml.safe_load(text)
    except RecursionError as error:
        raise RecipeError(f"{file}: nested too deeply; expected a recipe in YAML") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{file}{_line_of(error)}: not YAML ({_problem(error)})") from error
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError) as error:  # of a date, a number, a tag
        raise RecipeError(
            f"{file}: a value that YAML cannot read ({error}); expected plain numbers and words"
        ) from error
    try:
        return _with_masks_beside(from_json(values), folder)
    except BadRecipe as error:
        raise RecipeError("; ".join(_located(file, node, mistake) for mistake in error.mistakes)) from error


def _refuse_huge(file: Path | str, size: int) -> None:
    if size > LARGEST_YAML:
        raise RecipeError(f"{file}: found {size} bytes, expected a recipe of at most {LARGEST_YAML}")


def _with_masks_beside(recipe: Recipe, folder: Path) -> Recipe:
    """A mask's relative path is looked for in the working directory, then beside the recipe, as models are."""

    def found(channels: Channels | None) -> Channels | None:
        if not isinstance(channels, Region) or channels.mask is None or Path(channels.mask).exists():
            return channels
        beside = folder / channels.mask
        return replace(channels, mask=str(beside)) if beside.is_file() else channels

    return replace(recipe, transfers=tuple(replace(t, channels=found(t.channels)) for t in recipe.transfers))


def _refuse_aliases_and_doubles(file: Path | str, text: str, node: Any) -> None:
    """A key twice would silently lose one, and aliases can make a small file a huge one (a billion laughs)."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise RecipeError(f"{file}, line {token.start_mark.line + 1}: found an alias, expected it written out")
    open_nodes = [node]
    while open_nodes:
        one = open_nodes.pop()
        if isinstance(one, yaml.MappingNode):
            _refuse_doubles(file, one)
            open_nodes += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            open_nodes += one.value


def _refuse_doubles(file: Path | str, mapping: Any) -> None:
    seen: dict[str, int] = {}
    for key, _ in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise RecipeError(f"{file}, line {line}: found a list or mapping as a key, expected a word")
        if key.value in seen:
            raise RecipeError(f"{file}, line {line}: found the key {key.value} again (first in line {seen[key.value]})")
        seen[key.value] = line


def _located(file: Path | str, root: Any, mistake: Mistake) -> str:
    return f"{file}, line {_line_at(root, mistake.where)}: {mistake.line()}"


def _line_at(node: Any, where: tuple[str | int, ...]) -> int:
    """The line of the deepest part of `where` that the file has; a key's own line, not its value's."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        pairs = [(key, value) for key, value in node.value if key.value == str(part)] if _is_mapping(node) else []
        if not pairs:
            break
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line


def _is_mapping(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode)


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f", line {mark.line + 1}"


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
