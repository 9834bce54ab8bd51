"""The catalogue of subjects that are drawn by one function each: size, colours, places and movement."""

from __future__ import annotations

from functools import partial

from safelight_storyboard import (
    air_and_water_vehicles as crafts,
)
from safelight_storyboard import (
    buildings,
    quadrupeds,
    road_vehicles,
    small_animals,
)
from safelight_storyboard import (
    sea_creatures_and_insects as sea,
)
from safelight_storyboard import (
    tornado as weather,
)
from safelight_storyboard.catalogue_entry import Entry, Motion, always
from safelight_storyboard.gliding_animals import GLIDING_ANIMALS
from safelight_storyboard.homes_and_landmarks import HOMES_AND_LANDMARKS
from safelight_storyboard.lexicon import Environment as Env
from safelight_storyboard.lexicon import Tint
from safelight_storyboard.subject_kinds import SubjectKind as Kind
from safelight_storyboard.town_buildings import TOWN_BUILDINGS
from safelight_storyboard.town_traffic import TOWN_TRAFFIC
from safelight_storyboard.wildlife import WILDLIFE
from safelight_storyboard.work_vehicles import WORK_VEHICLES

_WILD = (Env.MEADOW, Env.FOREST)
_DRY = (Env.MEADOW,)
_FARM = (Env.MEADOW,)
_WATER = (Env.LAKE,)
_SEA = (Env.SEA,)
_HIGH = (Env.MOUNTAINS, Env.MEADOW)


def _animal(
    kind: Kind,
    share: float,
    colours: tuple[str, ...],
    homes: tuple[Env, ...],
    *,
    pale: str = "#efe2c8",
    high: float = 1.5,
) -> Entry:
    return Entry(
        make=partial(quadrupeds.quadruped, kind), share=share, extent=(1.1, 1.25, high, 0.05), homes=homes,
        colours=colours, pale=pale, speed=0.62, rate=5.0, shadow=1.7,
            tint=Tint.DRY if homes is _DRY else None,
    )  # fmt: skip


CATALOGUE: dict[Kind, Entry] = {
    **WILDLIFE,
    **TOWN_BUILDINGS,
    **WORK_VEHICLES,
    **HOMES_AND_LANDMARKS,
    **TOWN_TRAFFIC,
    **GLIDING_ANIMALS,
    Kind.LLAMA: _animal(Kind.LLAMA, 0.28, ("#d8c8a8", "#a8805a"), _HIGH, high=2.0),
    Kind.LION: _animal(Kind.LION, 0.24, ("#c9954f",), _DRY),
    Kind.TIGER: _animal(Kind.TIGER, 0.24, ("#d6812f",), (Env.FOREST,)),
    Kind.LEOPARD: _animal(Kind.LEOPARD, 0.22, ("#cfa052",), _DRY),
    Kind.WOLF: _animal(Kind.WOLF, 0.22, ("#7d8088",), (Env.FOREST, Env.MOUNTAINS)),
    Kind.FOX: _animal(Kind.FOX, 0.19, ("#c8642a",), _WILD),
    Kind.DEER: _animal(Kind.DEER, 0.27, ("#9a6a3f",), _WILD, high=1.9),
    Kind.COW: _animal(Kind.COW, 0.26, ("#e0d8cc", "#a5714a"), _FARM),
    Kind.BUFFALO: _animal(Kind.BUFFALO, 0.28, ("#5a5450",), _FARM),
    Kind.SHEEP: _animal(Kind.SHEEP, 0.21, ("#ebe5d8",), _FARM),
    Kind.GOAT: _animal(Kind.GOAT, 0.22, ("#d8d0c2", "#8a6a4a"), _HIGH),
    Kind.PIG: _animal(Kind.PIG, 0.2, ("#e3a49a",), _FARM),
    Kind.BEAR: _animal(Kind.BEAR, 0.27, ("#6b4a33",), (Env.FOREST,)),
    Kind.PANDA: _animal(Kind.PANDA, 0.27, ("#f0ece4",), (Env.FOREST,)),
    Kind.ELEPHANT: _animal(Kind.ELEPHANT, 0.42, ("#8b8a90",), _DRY),
    Kind.RHINOCEROS: _animal(Kind.RHINOCEROS, 0.32, ("#84827f",), _DRY),
    Kind.HIPPOPOTAMUS: _animal(Kind.HIPPOPOTAMUS, 0.3, ("#857078",), _WATER),
    Kind.GIRAFFE: _animal(Kind.GIRAFFE, 0.27, ("#d8a860",), _DRY, high=2.2),
    Kind.ZEBRA: _animal(Kind.ZEBRA, 0.27, ("#eeeae2",), _DRY),
    Kind.DONKEY: _animal(Kind.DONKEY, 0.25, ("#8d8378",), _FARM, high=1.7),
    Kind.CAMEL: _animal(Kind.CAMEL, 0.27, ("#c29a62",), (Env.DESERT,), high=1.7),
    Kind.RABBIT: Entry(
        make=always(small_animals.rabbit), share=0.24, extent=(0.7, 0.6, 1.0, 0.05), homes=_FARM,
        colours=("#a98a68", "#d9cdbb"), pale="#f6f0e6", motion=Motion.FIXED, shadow=0.8,
    ),
    Kind.SQUIRREL: Entry(
        make=always(small_animals.squirrel), share=0.26, extent=(0.75, 0.5, 1.1, 0.05), homes=(Env.FOREST,),
        colours=("#a8602f",), motion=Motion.FIXED, shadow=0.8,
    ),
    Kind.MONKEY: Entry(
        make=always(small_animals.monkey), share=0.28, extent=(0.75, 0.5, 1.1, 0.05), homes=(Env.FOREST,),
        colours=("#7a5638",), pale="#e0b58e", motion=Motion.FIXED, shadow=0.8,
    ),
    Kind.TURTLE: Entry(
        make=always(small_animals.turtle), share=0.3, extent=(0.65, 0.75, 0.6, 0.05), homes=(Env.BEACH,),
        colours=("#5f7a4a",), pale="#a8b078", speed=0.06, rate=2.0, shadow=1.1,
    ),
    Kind.FROG: Entry(
        make=always(small_animals.frog), share=0.28, extent=(0.6, 0.6, 0.7, 0.05), homes=_WATER,
        colours=("#5c9a4a",), motion=Motion.FIXED, shadow=0.9,
    ),
    Kind.SNAKE: Entry(
        make=always(small_animals.snake), share=0.26, extent=(0.9, 1.0, 0.7, 0.05), homes=(Env.DESERT,),
        colours=("#8a9a4a",), speed=0.15, rate=3.0, shadow=1.2,
    ),
    Kind.PENGUIN: Entry(
        make=always(small_animals.penguin), share=0.24, extent=(0.45, 0.45, 1.05, 0.06),
            homes=(Env.MEADOW,), tint=Tint.ICE,
        colours=("#f2f2ee",), accent="#e39a3c", pale="#f0b04a", speed=0.22, rate=4.5, shadow=0.6, most=7,
    ),
    Kind.ROOSTER: Entry(
        make=always(small_animals.rooster), share=0.24, extent=(0.8, 0.6, 1.1, 0.05), homes=_FARM,
        colours=("#b5562f", "#e6ddcc"), accent="#e0a84a", motion=Motion.FIXED, shadow=0.8,
    ),
    Kind.WADER: Entry(
        make=always(small_animals.wader), share=0.36, extent=(0.5, 0.6, 1.2, 0.05), homes=_WATER,
        colours=("#e8e6e0", "#e99aa0"), speed=0.12, rate=1.6, shadow=0.6,
    ),
    Kind.SWAN: Entry(
        make=always(small_animals.swan), share=0.2, extent=(0.8, 0.8, 1.0, 0.1), homes=_WATER,
        colours=("#f4f2ec",), accent="#e08a3c", motion=Motion.AFLOAT, speed=0.16,
    ),
    Kind.DUCK: Entry(
        make=always(small_animals.duck), share=0.15, extent=(0.8, 0.8, 0.9, 0.1), homes=_WATER,
        colours=("#b5a58c",), accent="#3f8a5c", motion=Motion.AFLOAT, speed=0.2, most=6,
    ),
    Kind.OWL: Entry(
        make=always(small_animals.owl), share=0.32, extent=(1.4, 1.5, 1.3, 0.2), homes=(Env.FOREST,),
        colours=("#8a6a48",), pale="#f0c860", motion=Motion.AIR, most=4,
    ),
    Kind.SHARK: Entry(
        make=always(sea.shark), share=0.42, extent=(1.0, 0.8, 0.6, 0.6), homes=(Env.UNDERWATER,),
        colours=("#6f8494",), motion=Motion.UNDERWATER, speed=0.2, rate=2.4, most=3,
    ),
    Kind.DOLPHIN: Entry(
        make=always(sea.dolphin), share=0.36, extent=(0.9, 0.9, 0.6, 0.6), homes=(Env.UNDERWATER,),
        colours=("#7f98aa",), motion=Motion.UNDERWATER, speed=0.3, rate=3.2,
    ),
    Kind.JELLYFISH: Entry(
        make=always(sea.jellyfish), share=0.3, extent=(0.7, 0.7, 0.6, 1.0), homes=(Env.UNDERWATER,),
        colours=("#e6a8c8", "#a8c8f0"), motion=Motion.UNDERWATER, speed=0.03, most=6,
    ),
    Kind.OCTOPUS: Entry(
        make=always(sea.octopus), share=0.36, extent=(0.95, 0.95, 0.8, 0.8), homes=(Env.UNDERWATER,),
        colours=("#d0684a",), motion=Motion.UNDERWATER, speed=0.05, most=2,
    ),
    Kind.CRAB: Entry(
        make=always(sea.crab), share=0.24, extent=(0.8, 0.8, 0.8, 0.05), homes=(Env.BEACH,),
        colours=("#d0502f",), speed=0.1, rate=3.0,
    ),
    Kind.BEE: Entry(
        make=always(sea.bee), share=0.13, extent=(0.8, 0.8, 0.8, 0.5), homes=_FARM, colours=("#3a3026",),
        accent="#eab830", motion=Motion.AIR, speed=0.2, rate=9.0, most=6,
    ),
    Kind.DRAGONFLY: Entry(
        make=always(sea.dragonfly), share=0.16, extent=(1.0, 0.8, 0.9, 0.9), homes=_WATER,
            colours=("#2f5a5a",),
        accent="#3fa0b0", motion=Motion.AIR, speed=0.25, rate=9.0,
    ),
    Kind.LIGHTHOUSE: Entry(
        make=always(buildings.lighthouse), share=0.58, extent=(0.6, 0.6, 1.1, 0.14), homes=_SEA,
        colours=("#f2ece0",), accent="#b8392f", motion=Motion.FIXED, shadow=0.0, most=1,
    ),
    Kind.WINDMILL: Entry(
        make=always(buildings.windmill), share=0.58, extent=(0.6, 0.6, 1.2, 0.05), homes=_FARM,
        colours=("#e6dac4",), accent="#8a4a38", motion=Motion.FIXED, shadow=0.7, most=3,
    ),
    Kind.CASTLE: Entry(
        make=always(buildings.castle), share=0.56, extent=(0.85, 0.85, 1.3, 0.14), homes=(Env.MOUNTAINS,),
        colours=("#a89c8c",), accent="#6a4a58", motion=Motion.FIXED, shadow=0.0, most=1,
    ),
    Kind.PAGODA: Entry(
        make=always(buildings.pagoda), share=0.62, extent=(0.45, 0.45, 1.1, 0.05), homes=(Env.MOUNTAINS,),
        colours=("#b06a4a",), accent="#3f4a52", motion=Motion.FIXED, shadow=0.5, most=2,
    ),
    Kind.TEMPLE: Entry(
        make=always(buildings.temple), share=0.4, extent=(0.8, 0.8, 1.0, 0.05), homes=_HIGH,
        colours=("#4a545c",), accent="#a83a2f", motion=Motion.FIXED, shadow=1.4, most=3,
    ),
    Kind.CHURCH: Entry(
        make=always(buildings.church), share=0.52, extent=(0.6, 0.6, 1.15, 0.05), homes=_FARM,
        colours=("#ddd3c2",), accent="#7a4a40", motion=Motion.FIXED, shadow=0.8, most=3,
    ),
    Kind.CABIN: Entry(
        make=always(buildings.cabin), share=0.38, extent=(0.75, 0.75, 1.5, 0.05), homes=(Env.FOREST,
            Env.MOUNTAINS),
        colours=("#8a5f3f",), accent="#5a3c30", motion=Motion.FIXED, shadow=1.2, most=3,
    ),
    Kind.BARN: Entry(
        make=always(buildings.barn), share=0.4, extent=(0.6, 0.85, 1.0, 0.05), homes=_FARM,
            colours=("#a03a30",),
        motion=Motion.FIXED, shadow=1.2, most=3,
    ),
    Kind.TOWER: Entry(
        make=always(buildings.tower), share=0.66, extent=(0.3, 0.3, 1.15, 0.05), homes=(Env.CITY,
            Env.MEADOW),
        colours=("#b8a68e",), accent="#5a6a70", motion=Motion.FIXED, shadow=0.5, most=3,
    ),
    Kind.PYRAMID: Entry(
        make=always(buildings.pyramid), share=0.42, extent=(0.95, 1.3, 1.05, 0.05), homes=(Env.DESERT,),
        colours=("#d0ac74",), motion=Motion.FIXED, shadow=0.0, most=3,
    ),
    Kind.TENT: Entry(
        make=always(buildings.tent), share=0.24, extent=(1.2, 1.25, 1.05, 0.05), homes=(Env.MOUNTAINS,
            Env.LAKE),
        colours=("#c8702f", "#5a7a8a"), pale="#ffd890", motion=Motion.FIXED, shadow=1.4, most=3,
    ),
    Kind.BRIDGE: Entry(
        make=always(buildings.bridge), share=0.34, extent=(1.7, 1.7, 1.1, 0.1), homes=_WATER,
            colours=("#a39a8c",),
        motion=Motion.AFLOAT, most=1,
    ),
    Kind.BUS: Entry(
        make=always(road_vehicles.bus), share=0.3, extent=(1.5, 1.5, 1.05, 0.05), homes=(Env.STREET,),
        colours=("#c8432f", "#d9a82f", "#3f7a8a"), speed=0.9, rate=3.6, shadow=3.0, most=3,
    ),
    Kind.TRAM: Entry(
        make=always(road_vehicles.tram), share=0.26, extent=(3.6, 3.6, 1.5, 0.05), homes=(Env.STREET,),
        colours=("#a8382f", "#3f6a5a"), speed=0.8, rate=3.6, shadow=4.0, most=1,
    ),
    Kind.TRUCK: Entry(
        make=always(road_vehicles.truck), share=0.28, extent=(1.5, 1.5, 1.1, 0.05), homes=(Env.STREET,
            Env.DESERT),
        colours=("#3f6a9a", "#b5483c"), speed=0.9, rate=3.6, shadow=3.0, most=3,
    ),
    Kind.FIRE_ENGINE: Entry(
        make=always(road_vehicles.fire_engine), share=0.29, extent=(1.6, 1.5, 1.1, 0.05),
            homes=(Env.STREET,),
        colours=("#c8281e",), speed=1.1, rate=4.4, shadow=3.0, most=3,
    ),
    Kind.TRACTOR: Entry(
        make=always(road_vehicles.tractor), share=0.28, extent=(1.2, 1.0, 1.3, 0.05), homes=_FARM,
        colours=("#b5382a", "#4a8a3c"), accent="#4f6d8a", pale="#d9c8a8", speed=0.3, rate=2.0,
            shadow=2.0, most=3,
    ),
    Kind.MOTORCYCLE: Entry(
        make=always(road_vehicles.motorcycle), share=0.26, extent=(0.8, 0.8, 1.3, 0.05),
            homes=(Env.DESERT, Env.STREET),
        colours=("#b83a2c",), accent="#3a3f4a", speed=1.6, rate=5.0, shadow=1.2, most=3,
    ),
    Kind.AEROPLANE: Entry(
        make=always(crafts.aeroplane), share=0.62, extent=(0.75, 0.65, 0.4, 0.4),
            homes=(Env.MOUNTAINS, Env.SEA),
        colours=("#eceef0",), accent="#3f6aa0", motion=Motion.AIR, speed=0.12, most=3,
    ),
    Kind.HELICOPTER: Entry(
        make=always(crafts.helicopter), share=0.44, extent=(0.9, 0.75, 0.5, 0.35),
            homes=(Env.MOUNTAINS, Env.CITY),
        colours=("#b5482f", "#3f6a7a"), pale="#cfe2ea", motion=Motion.AIR, speed=0.12, rate=3.0, most=3,
    ),
    Kind.ROCKET: Entry(
        make=always(crafts.rocket), share=0.42, extent=(0.4, 0.4, 1.1, 0.7), homes=(Env.DESERT, Env.SPACE),
        colours=("#e8e8ea",), accent="#b8392f", motion=Motion.AIR, speed=0.0, rate=3.0, most=1,
    ),
    Kind.AIRSHIP: Entry(
        make=always(crafts.airship), share=0.62, extent=(0.7, 0.6, 0.35, 0.4), homes=(Env.CITY,
            Env.MOUNTAINS),
        colours=("#b8b2a6",), accent="#a84a3c", motion=Motion.AIR, speed=0.05, most=2,
    ),
    Kind.KITE: Entry(
        make=always(crafts.kite), share=0.2, extent=(1.5, 0.8, 0.7, 2.3), homes=(Env.MEADOW, Env.BEACH),
        colours=("#3f5a8a",), accent="#d0442f", motion=Motion.AIR, speed=0.08, rate=1.8,
    ),
    Kind.LANTERN: Entry(
        make=always(crafts.lantern), share=0.17, extent=(0.5, 0.5, 1.1, 0.1), homes=(Env.LAKE,),
            colours=("#5a3020",),
        accent="#c8402a", motion=Motion.AIR, speed=0.05, most=9,
    ),
    Kind.SHIP: Entry(
        make=always(crafts.ship), share=0.3, extent=(1.6, 1.65, 1.4, 0.14), homes=_SEA, colours=("#2f3f56",),
        accent="#a8382c", pale="#ffe6b0", motion=Motion.AFLOAT, speed=0.16, most=2,
    ),
    Kind.ROWING_BOAT: Entry(
        make=always(crafts.rowing_boat), share=0.2, extent=(1.1, 1.1, 1.0, 0.2), homes=_WATER,
            colours=("#7a4f34",),
        accent="#b5483c", pale="#d8a888", motion=Motion.AFLOAT, speed=0.2, most=3,
    ),
    Kind.PAPER_BOAT: Entry(
        make=always(crafts.paper_boat), share=0.24, extent=(1.0, 1.0, 0.9, 0.1), homes=_WATER,
            colours=("#f6f3ea",),
        motion=Motion.AFLOAT, speed=0.1, most=3,
    ),
    Kind.SUBMARINE: Entry(
        make=always(crafts.submarine), share=0.5, extent=(0.9, 0.75, 0.6, 0.3), homes=(Env.UNDERWATER,),
        colours=("#d9a830",), motion=Motion.UNDERWATER, speed=0.1, most=1,
    ),
    Kind.TORNADO: Entry(
        make=always(weather.tornado), share=0.72, extent=(0.8, 0.8, 1.15, 0.1), homes=_FARM,
            colours=("#4a4d54",),
        motion=Motion.FIXED, rate=2.4, shadow=0.0, most=1,
    ),
}  # fmt: skip
