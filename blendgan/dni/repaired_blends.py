"""A blend of network files whose activations are restored (REPAIR), in the part that is run."""

from __future__ import annotations

from dataclasses import replace

from blendgan.dni.blends import Blend
from blendgan.dni.repair import changed_tensors, file_names
from blendgan.dni.repair_pictures import Mending
from blendgan.restoration.recognition import recognise


def repaired(blend: Blend, mending: Mending) -> Blend:
    """Return the blend with the activations of its part to run restored; its note says on what.

    Raises UnknownFormat for networks that no picture can be given to, and what `Mending.level`, `Repairer.repair` and
    `changed_tensors` raise.
    """
    place = blend.place
    parents = [recognise(one.parts.get(place, one.tensors), one.name) for one in blend.networks]
    done = mending.repairer(parents).repair(parents[0].with_tensors(blend.tensors), blend.weights)
    mixture = blend.parts[place].with_changed(changed_tensors(done, blend.tensors))
    note = {**mending.to_json(), "done": done.told(file_names(done.restorer, blend.tensors))}
    return replace(blend, parts={**blend.parts, place: mixture}, repair=note)
