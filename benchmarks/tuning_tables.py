"""The study's tables: means over seeds and their spread, beside what the paper has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from benchmarks.pages import Study, markdown
from benchmarks.tuning_figures import NOISE, Curve, ruler
from benchmarks.tuning_networks import BLOCKS, CHANNELS, FORMS, LEVELS, LONGER_STEPS, MAIN_STEPS, TUNING_STEPS, WIDTH
from blendgan.plots import Axis, Chart, Line, draw
from blendgan.restoration.recognition import recognise
from blendgan.tuning.costs import COUNTED_PX, count
from blendgan.tuning.forms import build
from blendgan.tuning.training import new_main

Figures = Sequence[Mapping[str, Any]]  # of each seed, as `figures_of` gives them

ABLATIONS = ("FTN", "FTN-deeper", "FTN-spatial")
METHODS = tuple(method for method in FORMS if method not in ABLATIONS[1:])
SHOWN = ("DNI", "AdaFM", "CFSNet", "FTN-gc16", "FTN")  # in the chart of α, which has five colours
APART = ("AdaFM", "CFSNet", "Dynamic-Net", "FTN-gc16", "FTN")  # in that of PSNR
BETWEEN = ("40", "60")  # levels that nothing but the single networks was trained for
# Table 2, AdaFM-Net, PSNR in dB at noise 40, 60, 80
SCRATCH = (28.90, 26.92, 25.60)
PAPER = {
    "DNI": (28.20, 26.98, 25.97),
    "AdaFM": (28.17, 26.77, 25.96),
    "CFSNet": (28.41, 26.87, 26.00),
    "FTN-gc16": (28.78, 27.05, 25.98),
    "FTN-gc4": (28.64, 26.95, 26.00),
    "FTN": (28.48, 26.89, 26.03),
}
PAPER_ABLATION = {
    "FTN": (30.18, 28.90, 28.04),
    "FTN-deeper": (30.06, 28.81, 28.03),
    "FTN-spatial": (30.16, 28.88, 28.04),
}
PAPER_FILTERS = {"DNI": (0.0139, 0.8666), "FTN-gc16": (0.0082, 0.9443), "FTN": (0.0118, 0.8937)}  # Table 3
PAPER_SIZE = {"width": 64, "blocks": 16}  # of AdaFM-Net
PAPER_COST = {"CFSNet": (3.06, 46.96), "AdaFM": (1.46, 26.01), "FTN": (1.83, 25.36), "FTN-gc16": (1.44, 25.13)}
MILLION, GIGA = 1e6, 1e9


def study(figures: Figures, longer: Mapping[str, Mapping[str, Curve]]) -> Study:
    """All tables and both charts. `longer`: curves of the first seed's tunings that were trained for longer."""
    parts = [intro(len(figures))]
    for name in figures[0]["curves"]:
        parts += [
            f"**PSNR at the best α** ({name_of(name)}; after ± the spread over seeds):",
            best_table(figures, name),
        ]
    parts += ["**Against a network trained for the level from nothing** (public pictures; the paper's Table 2):"]
    parts += [paper_table(figures)]
    parts += ["**Structures of FTN** (Table 1, where the second level was 50, not 80):", ablation_table(figures)]
    parts += ["**How far filters change** (Table 3, there of a super-resolution network):", filter_table(figures)]
    parts += ["**Is α a ruler?** (Figure 6)", smooth_table(figures)]
    parts += [
        f"**{LONGER_STEPS // TUNING_STEPS} times as long** (the first seed; PSNR, best α, and the change by that):"
    ]
    parts += [longer_table(figures[0], longer)]
    parts += ["**Colour along α** (Figures 7, 8):", colour_table(figures)]
    parts += [f"**What it costs** (Table 4; an untrained network of AdaFM-Net's size, a picture of {COUNTED_PX} px):"]
    parts += [cost_table()]
    pictures = {"tuning-alpha.png": draw(alpha_chart(figures)), "tuning-gap.png": draw(gap_chart(figures))}
    return Study("\n\n".join(parts), pictures)


def intro(seeds: int) -> str:
    """What was trained."""
    return (
        f"{seeds} seeds; a residual denoiser of {WIDTH} channels and {BLOCKS} blocks, {MAIN_STEPS} steps for noise "
        f"{LEVELS[0]:g}, then {TUNING_STEPS} steps of each method for noise {LEVELS[1]:g}, all at the same rate and on "
        "the same patches. Figures are means over seeds; after ± is their standard deviation. Networks of one level, "
        "and tunings trained for longer, are of the first seed alone."
    )


def name_of(pictures: str) -> str:
    """Of a set of pictures, in words."""
    words = {"public": "middles of astronaut, chelsea, rocket, 256 px", "people": "crops of portraits, CC0, not shown"}
    return words[pictures]


def best_of(curve: Curve) -> tuple[float, float]:
    """The α with the highest PSNR, and that."""
    alpha, psnr = max(curve, key=lambda point: point[1])
    return alpha, psnr


def at(curve: Curve, alpha: float) -> float:
    """The PSNR at an α that was measured."""
    return next(psnr for place, psnr in curve if abs(place - alpha) < 1e-9)


def told(values: Sequence[float], form: str = ".2f") -> str:
    """Mean and spread."""
    spread = f" ± {format(stdev(values), form.lstrip('+'))}" if len(values) > 1 else ""
    return f"{format(fmean(values), form)}{spread}"


def best(figures: Figures, method: str, noise: str, pictures: str = "public") -> list[float]:
    """PSNR at the best α, of each seed."""
    return [best_of(seed["curves"][pictures][method][noise])[1] for seed in figures]


def alone(figures: Figures, noise: str, pictures: str = "public") -> list[float]:
    """PSNR of the networks that were trained for a level alone, of the seeds that have one."""
    return [seed["single"][pictures][noise] for seed in figures if noise in seed["single"][pictures]]


def best_table(figures: Figures, pictures: str) -> str:
    """Table 2: every method at every level; the best of them in bold."""
    noises = list(figures[0]["curves"][pictures]["DNI"])
    single = [told(values) if (values := alone(figures, n, pictures)) else "" for n in noises]
    rows = [["trained for the level", *single]]
    top = {n: max(FORMS, key=lambda method: fmean(best(figures, method, n, pictures))) for n in noises}
    for method in FORMS:
        cells = [told(best(figures, method, n, pictures)) for n in noises]
        bold = [
            f"**{cell}**" if top[n] == method and n != "20" else cell for n, cell in zip(noises, cells, strict=True)
        ]
        rows.append([method, *bold])
    return markdown(("noise", *noises), rows)


def paper_table(figures: Figures) -> str:
    """What each method loses or gains, the paper's figure and ours."""
    headings = ["method", *(f"{words} at {n}" for n in (*BETWEEN, "80") for words in ("paper", "ours", "ours − paper"))]
    rows = []
    for method in METHODS:
        cells = [method]
        for i, noise in enumerate((*BETWEEN, "80")):
            there = [seed for seed in figures if noise in seed["single"]["public"]]
            ours = [a - b for a, b in zip(best(there, method, noise), alone(there, noise), strict=True)]
            paper = PAPER[method][i] - SCRATCH[i] if method in PAPER else None
            apart = "" if paper is None else f"{fmean(ours) - paper:+.2f}"
            cells += ["" if paper is None else f"{paper:+.2f}", told(ours, "+.2f"), apart]
        rows.append(cells)
    return markdown(headings, rows)


def ablation_table(figures: Figures) -> str:
    """Table 1: each structure less the plain one, on the same seed."""
    noises = [f"{n:g}" for n in NOISE[1:]]
    headings = ("less FTN, dB", "paper: 30", "40", "50", *(f"ours: {n}" if n == noises[0] else n for n in noises))
    rows = []
    for method in ABLATIONS[1:]:
        paper = [f"{a - b:+.2f}" for a, b in zip(PAPER_ABLATION[method], PAPER_ABLATION["FTN"], strict=True)]
        ours = [
            told([a - b for a, b in zip(best(figures, method, n), best(figures, "FTN", n), strict=True)], "+.2f")
            for n in noises
        ]
        rows.append((method, *paper, *ours))
    return markdown(headings, rows)


def filter_table(figures: Figures) -> str:
    """Table 3: mean absolute change and cosine of the filters of both levels."""
    rows = []
    for method in (method for method in FORMS if method in figures[0]["filters"]):
        ours = [[seed["filters"][method][i] for seed in figures] for i in (0, 1)]
        paper = PAPER_FILTERS.get(method)
        said = ["", ""] if paper is None else [f"{paper[0]:.4f}", f"{paper[1]:.4f}"]
        rows.append((method, said[0], told(ours[0], ".4f"), said[1], told(ours[1], ".4f")))
    return markdown(("method", "paper: MAE", "ours: MAE", "paper: cosine", "ours: cosine"), rows)


def smooth_table(figures: Figures) -> str:
    """Figure 6: where the best α lies, and what an α by the ruler costs."""
    between = [f"{n:g}" for n in NOISE[1:-1]]
    wanted = [f"{ruler(float(n)):.2f}" for n in between]
    headings = ("method", *(f"noise {n}" for n in between), "mean distance from the ruler", "dB lost by the ruler")
    rows = [("the ruler", *wanted, "0", "0")]
    for method in FORMS:
        alphas = [[best_of(seed["curves"]["public"][method][n])[0] for seed in figures] for n in between]
        rows.append((method, *(told(each) for each in alphas), *_off_ruler(figures, method, between)))
    return markdown(headings, rows)


def _off_ruler(figures: Figures, method: str, between: Sequence[str]) -> tuple[str, str]:
    def of_seed(measure: Callable[[Curve, float], float]) -> list[float]:
        return [
            fmean(measure(seed["curves"]["public"][method][n], ruler(float(n))) for n in between) for seed in figures
        ]

    distance = of_seed(lambda curve, alpha: abs(best_of(curve)[0] - alpha))
    return told(distance), told(of_seed(lambda curve, alpha: best_of(curve)[1] - at(curve, alpha)))


def longer_table(figures: Mapping[str, Any], longer: Mapping[str, Mapping[str, Curve]]) -> str:
    """Best α and PSNR at each level of tunings that were trained for longer, less those of the others."""
    noises = [f"{n:g}" for n in NOISE[1:]]
    rows = []
    for method, curves in longer.items():
        cells = []
        for noise in noises:
            (alpha, psnr), (_, before) = best_of(curves[noise]), best_of(figures["curves"]["public"][method][noise])
            cells.append(f"{psnr:.2f} at {alpha:.2f} ({psnr - before:+.2f})")
        rows.append((method, *cells))
    return markdown(("noise", *noises), rows)


def colour_table(figures: Figures) -> str:
    """RMSE of colours, in levels of 255, against the nearest end."""
    levels = list(figures[0]["colour"]["DNI"])
    alphas = ("0.25", "0.5", "0.75")
    headings = ("method", *(f"noise {n}: α {alpha}" for n in levels for alpha in alphas))
    rows = [
        (method, *(told([seed["colour"][method][n][alpha] for seed in figures]) for n in levels for alpha in alphas))
        for method in FORMS
    ]
    return markdown(headings, rows)


def cost_table() -> str:
    """Table 4: parameters in millions and multiply-adds in billions, of main network and tuning together."""
    main = recognise(new_main(CHANNELS, **PAPER_SIZE, seed=0).state_dict(), "AdaFM-Net's size")
    rows = []
    for method, form in FORMS.items():
        cost = count(main, build(main, form))
        paper = [f"{figure:.2f}" for figure in PAPER_COST.get(method, ())] or ["", ""]
        total = (cost.main_multiply_adds + cost.multiply_adds) / GIGA
        rows.append((method, paper[0], f"{cost.total_parameters / MILLION:.2f}", paper[1], f"{total:.2f}"))
    rows.insert(
        0,
        (
            "main network",
            "1.41",
            f"{cost.main_parameters / MILLION:.2f}",
            "25.11",
            f"{cost.main_multiply_adds / GIGA:.2f}",
        ),
    )
    return markdown(("", "parameters, M: paper", "ours", "multiply-adds, G: paper", "ours"), rows)


def alpha_chart(figures: Figures) -> Chart:
    """The best α over the level, less that of the ruler: 0 everywhere is Figure 6's ideal."""
    lines = []
    for method in SHOWN:
        points = []
        for noise in NOISE:
            alphas = [best_of(seed["curves"]["public"][method][f"{noise:g}"])[0] for seed in figures]
            points.append((noise, fmean(alphas) - ruler(noise)))
        lines.append(Line(method, tuple(points)))
    axis = Axis("noise, of 255", ticks=NOISE)
    return Chart("The best alpha, less that of a linear scale", tuple(lines), {"0": 0.0}, axis)


def gap_chart(figures: Figures) -> Chart:
    """PSNR at the best α, less DNI's."""
    lines = []
    for method in APART:
        points = []
        for noise in NOISE:
            ours, other = (fmean(best(figures, one, f"{noise:g}")) for one in (method, "DNI"))
            points.append((noise, ours - other))
        lines.append(Line(method, tuple(points)))
    return Chart("PSNR at the best alpha, less that of DNI, dB", tuple(lines), {}, Axis("noise, of 255", ticks=NOISE))
