"""The sheet beside a blend: what the renderer draws, a row for each model, class 0 where none is given."""

from __future__ import annotations

import dataclasses

import pytest
from PIL import Image

from blendgan.images import grid, to_pictures
from blendgan.preview import View, preview
from blendgan.rendering import Setting, open_renderer
from stylegan2.errors import InputError


def sheet(rows: dict[str, object], seeds: tuple[int, ...], setting: Setting) -> Image.Image:
    pictures = {name: to_pictures(open_renderer(model, setting).draw_seeds(seeds)) for name, model in rows.items()}
    return grid(pictures, columns=[f"seed {seed}" for seed in seeds])


def test_the_rows_are_what_the_renderer_draws(pico):
    models = {"a": pico(0), "b": pico(1)}
    drawn = preview(models, View((3, 7), 0.5))
    assert drawn.tobytes() == sheet(models, (3, 7), Setting(0.5)).tobytes()
    assert drawn.tobytes() != preview({"a": pico(0), "b": pico(0)}, View((3, 7), 0.5)).tobytes()


def test_without_a_class_it_is_the_first(pico):
    models = {"a": pico(3, config=dataclasses.replace(pico().config, num_classes=3))}
    first = preview(models, View((0,)))
    assert first.tobytes() == sheet(models, (0,), Setting(class_index=0)).tobytes()
    assert first.tobytes() != preview(models, View((0,), class_index=2)).tobytes()
    with pytest.raises(InputError, match="class 3: this model has 3 classes"):
        preview(models, View((0,), class_index=3))
