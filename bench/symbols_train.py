"""Train the symbol detector on drawings made by code, and write the file that ships; the same every time.

python -m bench.symbols_train make --into DIR --seed 1 --count 33000 [--photos DIR]
python -m bench.symbols_train mine --into DIR --seed 11 --count 400 [--photos DIR] [--icons DIR]
python bench/symbols_train.py fit --into DIR          needs torch, in any environment; a processor will do
python -m bench.symbols_train export --into DIR       writes detectors/image/symbols/net.onnx; needs onnx
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

#: Side of what the network sees at once, and the radius a symbol has there.
WINDOW, RADIUS = 64, 24
#: The side the network works at: what is drawn is made smaller by three quarters.
INPUT = 48
MARGIN = 16
SEED = 20261120
SHARE_OTHER = 0.55


def make(into: Path, photos_folder: Path | None, count: int, seed: int) -> None:
    from bench.symbol_drawings import ALIKE, CLASSES, nothing
    from bench.symbol_renderings import photographs, rendering
    from safelight.detectors.image.symbols.detector import local_contrast

    rng = np.random.default_rng(seed)
    photos = photographs(photos_folder)
    pictures = np.zeros((count, WINDOW, WINDOW), np.float16)
    labels = np.zeros(count, np.uint8)
    side = WINDOW + 2 * MARGIN
    for number in range(count):
        scale = RADIUS * rng.uniform(0.82, 1.22)
        shift = (rng.uniform(-8, 8), rng.uniform(-8, 8))
        if rng.random() < SHARE_OTHER:
            label, draw = 0, nothing if rng.random() < 0.3 else ALIKE[int(rng.integers(len(ALIKE)))]
            if rng.random() < 0.5:
                scale *= rng.uniform(0.5, 2.2)
                shift = (rng.uniform(-30, 30), rng.uniform(-30, 30))
            if rng.random() < 0.08:
                # A piece of a symbol, seen too large, is not one.
                draw = CLASSES[int(rng.integers(1, len(CLASSES)))][1]
                scale, shift = RADIUS * rng.uniform(2.6, 5), (rng.uniform(-60, 60), rng.uniform(-60, 60))
        else:
            label = int(rng.integers(1, len(CLASSES)))
            draw = CLASSES[label][1]
        picture = rendering(rng, draw(rng), photos, side=side, scale=scale, shift=shift)
        pictures[number] = local_contrast(picture)[MARGIN:-MARGIN, MARGIN:-MARGIN]
        labels[number] = label
        if number % 5000 == 0:
            print(number, flush=True)
    into.mkdir(parents=True, exist_ok=True)
    np.savez(into / f"drawn-{seed}.npz", pictures=pictures, labels=labels)


def mine(into: Path, photos_folder: Path | None, icons: Path | None, count: int, seed: int) -> None:
    """What the network of before takes for a symbol in whole pictures, with what it is."""
    from bench.symbol_drawings import ALIKE, CLASSES, SIDE, nothing
    from bench.symbol_renderings import photographs, rendering
    from safelight.detectors.image.symbols import MODEL
    from safelight.detectors.image.symbols.detector import SymbolDetector, close_up_views

    rng = np.random.default_rng(seed)
    photos, detector = photographs(photos_folder), SymbolDetector(MODEL)
    paths = sorted(icons.glob("*.svg")) if icons else []

    def icon() -> Any:
        import re

        from bench.svg_paths import raster

        text = paths[int(rng.integers(len(paths)))].read_text(encoding="utf-8")
        mask = np.zeros((SIDE, SIDE), np.float32)
        mask[40:152, 40:152] = raster(" ".join(re.findall(r'\sd="([^"]+)"', text)), 112) / 255
        return mask

    pictures, labels = [], []
    for number in range(count):
        kind = rng.random()
        label, mask = 0, nothing(rng)
        if kind < 0.35:
            label = int(rng.integers(1, len(CLASSES)))
            mask = CLASSES[label][1](rng)
        elif kind < 0.6 and paths:
            mask = icon()
        elif kind < 0.9:
            mask = ALIKE[int(rng.integers(len(ALIKE)))](rng)
        scale, shift = rng.uniform(22, 160), (rng.uniform(-120, 120), rng.uniform(-80, 80))
        grey = rendering(rng, mask, photos, side=640, scale=scale, shift=shift)[80:560]
        truth = (320 + shift[0], 240 + shift[1], scale * INPUT / (RADIUS * INPUT / WINDOW))
        for place in detector.find_candidates(grey, 0.35):
            off = np.hypot(place.x + place.side / 2 - truth[0], place.y + place.side / 2 - truth[1])
            ratio = place.side / truth[2]
            told = 0
            if label and off < 0.9 * max(place.side, truth[2]) * 0.5:
                if off > 0.2 * truth[2] or not 0.72 < ratio < 1.38:
                    continue
                told = label
            chosen = close_up_views(grey, place)
            pictures.append(chosen[[0, int(rng.integers(1, 5))]])
            labels += [told, told]
        if number % 100 == 0:
            print(number, len(labels), flush=True)
    np.savez(
        into / f"mined-{seed}.npz",
        pictures=np.concatenate(pictures).astype(np.float16),
        labels=np.array(labels, np.uint8),
    )


def fit(into: Path, epochs: int, limit: int, onwards: bool) -> None:
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    parts = [np.load(path) for path in sorted(into.glob("drawn-*.npz"))]
    drawn = np.concatenate([part["pictures"] for part in parts])[:limit]
    labels = np.concatenate([part["labels"] for part in parts]).astype(np.int64)[:limit]
    pictures = np.concatenate(
        [
            nn.functional.interpolate(
                torch.from_numpy(drawn[at : at + 1000, None].astype(np.float32)),
                size=(INPUT, INPUT),
                mode="bilinear",
                antialias=True,
                align_corners=False,
            )[:, 0]
            .numpy()
            .astype(np.float16)
            for at in range(0, len(drawn), 1000)
        ]
    )
    del drawn, parts
    held = len(labels) // 12
    mined = [np.load(path) for path in sorted(into.glob("mined-*.npz"))]
    if mined:
        # In front of those that are held back for measuring.
        pictures = np.concatenate([*[one["pictures"] for one in mined], pictures])
        labels = np.concatenate([*[one["labels"].astype(np.int64) for one in mined], labels])
    classes = int(labels.max()) + 1

    def block(inside: int, outside: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
        ]

    net = nn.Sequential(
        nn.Conv2d(1, 12, 5, 2, 2, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(inplace=True),
        *block(12, 16, 1),
        *block(16, 32, 2),
        *block(32, 32, 1),
        *block(32, 48, 2),
        *block(48, 64, 1),
        nn.Conv2d(64, 96, 6, 1, 0, bias=False),
        nn.BatchNorm2d(96),
        nn.ReLU(inplace=True),
        nn.Conv2d(96, classes, 1),
    )
    count, batch = len(labels) - held, 128
    steps = epochs * (count // batch)
    if onwards:
        before = np.load(into / "weights.npz")
        net.load_state_dict({name: torch.from_numpy(before[name]) for name in before.files})
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3 if onwards else 4e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    rng = np.random.default_rng(SEED)
    for epoch in range(epochs):
        net.train()
        order, total = rng.permutation(count), 0.0
        for start in range(0, count - batch + 1, batch):
            chosen = order[start : start + batch]
            seen = pictures[chosen].astype(np.float32)
            # Dark on light is light on dark.
            seen *= rng.choice(np.array([-1, 1], np.float32), (batch, 1, 1))
            loss = loss_of(net(torch.from_numpy(seen[:, None])).flatten(1), torch.from_numpy(labels[chosen]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
            total += float(loss.detach())
        net.eval()
        with torch.no_grad():
            told = np.concatenate(
                [
                    net(torch.from_numpy(pictures[at : at + 512, None].astype(np.float32))).flatten(1).numpy()
                    for at in range(count, len(labels), 512)
                ]
            )
        right = (told.argmax(1) == labels[count:]).mean()
        seen_as = told[:, 1:].max(1) > told[:, 0]
        truth = labels[count:] > 0
        print(
            f"epoch {epoch}: loss {total / (count // batch):.4f}, right {right:.4f}, "
            f"symbols seen {seen_as[truth].mean():.4f}, others taken for one {seen_as[~truth].mean():.4f}",
            flush=True,
        )
        weights = {name: value.numpy() for name, value in net.state_dict().items()}
        np.savez(into / "weights.npz", **weights)


def export(into: Path) -> None:
    """The network as ONNX, normalisation folded into its convolutions."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights: Any = np.load(into / "weights.npz")
    layers = sorted({int(name.split(".")[0]) for name in weights.files})
    nodes, constants, last = [], [], "picture"
    strides = {0: (2, 2), 3: (1, 1), 6: (2, 1), 9: (1, 1), 12: (2, 1), 15: (1, 1), 18: (1, 0), 21: (1, 0)}
    for layer in layers:
        kernel = weights[f"{layer}.weight"]
        if kernel.ndim != 4:
            continue
        stride, padding = strides[layer]
        last_layer = f"{layer + 1}.running_mean" not in weights.files
        if last_layer:
            bias = weights[f"{layer}.bias"]
        else:
            scale = weights[f"{layer + 1}.weight"] / np.sqrt(weights[f"{layer + 1}.running_var"] + 1e-5)
            bias = weights[f"{layer + 1}.bias"] - weights[f"{layer + 1}.running_mean"] * scale
            kernel = kernel * scale[:, None, None, None]
        # Half the size on disk; the runtime widens them as it loads.
        for name, value in ((f"w{layer}", kernel), (f"b{layer}", bias)):
            constants.append(numpy_helper.from_array(value.astype(np.float16), f"{name}h"))
            nodes.append(helper.make_node("Cast", [f"{name}h"], [name], to=TensorProto.FLOAT))
        out = "logits" if last_layer else f"c{layer}"
        nodes.append(
            helper.make_node(
                "Conv",
                [last, f"w{layer}", f"b{layer}"],
                [out],
                strides=[stride] * 2,
                pads=[padding] * 4,
                kernel_shape=list(kernel.shape[2:]),
            )
        )
        last = out
        if not last_layer:
            nodes.append(helper.make_node("Relu", [out], [f"r{layer}"]))
            last = f"r{layer}"
    graph = helper.make_graph(
        nodes,
        "symbols",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 1, "height", "width"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "classes", "down", "across"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = Path(__file__).parents[1] / "src/safelight/detectors/image/symbols/net.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "mine", "fit", "export"))
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--limit", type=int, default=1_000_000)
    parser.add_argument("--icons", type=Path)
    parser.add_argument("--onwards", action="store_true", help="From the weights of before.")
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.into, asked.photos, asked.count, asked.seed)
    elif asked.what == "mine":
        mine(asked.into, asked.photos, asked.icons, asked.count, asked.seed)
    elif asked.what == "fit":
        fit(asked.into, asked.epochs, asked.limit, asked.onwards)
    else:
        export(asked.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
