"""SuperTuxKart without a display, its camera put where a competition wants it, and what that camera shows told.

The game's Python face offers neither the camera's settings, nor its matrices, nor whom it follows; the library exports
them all, so they are reached by their symbols. Runs where ``pystk2`` is installed, in a process of its own for each
race (README.md).
"""

from __future__ import annotations

import ctypes
import gc
import os
import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

_P = ctypes.c_void_p

FIELD_OF_VIEW = 60  # degrees, upright, of the driver's seat
HEIGHT_OF_CAMERA = 0.75  # metres above the kart, where the game puts the driver's seat
SEAT, BEHIND = 0.01, 2.6  # metres from the kart to the camera; at 0 it and what it looks at fall together
STEP = 0.1  # seconds of the game
_VALUE = 80  # bytes from the start of a setting to its value
_WORDS_OF_CAMERA, _WORDS_OF_WORLD = 60, 400
_SHARED_POINTER = 16  # bytes


@dataclass
class Game:
    """A race of AI drivers. ``world.karts[0]`` is the one whose camera it is, until another is looked at.

    race, world  of the game's own face
    """

    race: Any
    world: Any
    library: ctypes.CDLL

    def cameras(self) -> list[tuple[Any, Any]]:
        """Tell (projection, view) of each camera, (4, 4) each, as of the picture that was drawn last."""
        return [
            (_matrix(self.library, "Projection", node), _matrix(self.library, "View", node)) for node in self._nodes()
        ]

    def look_from(self, kart: int) -> tuple[Any, Any, Any, Any]:
        """Draw what the camera behind a kart shows at this moment: nothing moves meanwhile.

        Returns the picture (H, W, 3) uint8, its depth (H, W) float32 in [0, 1], projection and view (4, 4).
        """
        camera = self._camera()
        follow = self.library._ZN6Camera7setKartEP12AbstractKart
        begin = self.library._ZN6Camera19setInitialTransformEv
        move = self.library._ZN12CameraNormal6updateEf
        follow.argtypes, begin.argtypes, move.argtypes = [_P, _P], [_P], [_P, ctypes.c_float]
        follow.restype = begin.restype = move.restype = None
        follow(camera, self._karts()[kart])
        begin(camera)
        for _ in range(30):  # until it stands still behind the kart
            move(camera, STEP)
        before, self.race.config.step_size = self.race.config.step_size, 0.0
        self.race.step()
        drawn = self.race.render_data[0]
        self.race.config.step_size = before
        projection, view = self.cameras()[0]
        return np.array(drawn.image), np.array(drawn.depth), projection, view

    def _camera(self) -> int:
        begin = _words(_address(self.library, "_ZN6Camera13m_all_camerasE"), 1)[0]
        return int(_words(begin, 1)[0])

    def _karts(self) -> list[int]:
        """Find the world's list of karts: so many pointers to objects of a kart's class."""
        world, count = _words(_address(self.library, "_ZN5World7m_worldE"), 1)[0], len(self.world.karts)
        table = _address(self.library, "_ZTV13KartWithStats"), _address(self.library, "_ZTV4Kart")
        words = _words(world, _WORDS_OF_WORLD)
        for begin, end in pairwise(words):
            if end - begin != count * _SHARED_POINTER:
                continue
            karts = [int(_words(begin + _SHARED_POINTER * number, 1)[0]) for number in range(count)]
            if all(any(start < _words(kart, 1)[0] < start + 0x600 for start in table) for kart in karts):
                return karts
        raise LookupError("the world's list of karts was not found: is it another version of the game?")

    def _nodes(self) -> list[int]:
        """Find the scene node of each camera: the member with a camera's virtual table."""
        table = _address(self.library, "_ZTVN3irr5scene16CCameraSceneNodeE")
        begin, end = _words(_address(self.library, "_ZN6Camera13m_all_camerasE"), 2)
        found = []
        memory = os.open("/proc/self/mem", os.O_RDONLY)
        for camera in _words(begin, (end - begin) // 8):
            for word in _words(camera, _WORDS_OF_CAMERA):
                if not (word > 0x10000 and word % 8 == 0 and abs(word - camera) < 1 << 40):
                    continue
                try:
                    first = int.from_bytes(os.pread(memory, 8, word), "little")
                except OSError:  # no address after all
                    continue
                if table < first < table + 0x400:
                    found.append(word)
                    break
        os.close(memory)
        return found


def start(
    track: str,
    seed: int,
    *,
    karts: int,
    difficulty: int,
    reverse: bool,
    size: tuple[int, int],
    from_the_seat: bool,
    items: bool = False,
    kart: str = "",
) -> Game:
    """Start a race of AI drivers.

    size           of pictures, height and width
    from_the_seat  whether the camera is in the driver's head, stiff, instead of behind the kart
    items          whether things are thrown; else it is a time trial
    kart           of the player whom the game wants beside AI drivers, and who stands; else the game chooses it
    """
    gc.disable()  # the engine's objects do not survive a collection in another order
    import pystk2

    graphics = pystk2.GraphicsConfig.ld()  # hd hangs with the data that Debian has
    graphics.screen_height, graphics.screen_width = size
    graphics.display, graphics.render = False, True
    graphics.particles_effects = 0  # dust around a driver's head takes seconds a picture
    library = ctypes.CDLL(pystk2.__file__)
    # Where a slope is not finite this filter loops for seconds in a software renderer, a picture in a hundred.
    _set(library, "m_anisotropic", "i", 0)
    pystk2.init(graphics)
    _stiffen_camera(library)
    _set(library, "m_camera_distance", "f", SEAT if from_the_seat else BEHIND)
    if from_the_seat:
        _set(library, "m_camera_fov", "i", FIELD_OF_VIEW)
    _hide_names(library)
    config = pystk2.RaceConfig()
    config.track, config.seed, config.reverse, config.difficulty = track, seed, reverse, difficulty
    mode = pystk2.RaceConfig.RaceMode
    config.mode, config.num_kart, config.laps = mode.NORMAL_RACE if items else mode.TIME_TRIAL, karts, 99
    config.step_size, config.overlay, config.num_cameras = STEP, False, 0
    config.players[0].controller = pystk2.PlayerConfig.Controller.AI_CONTROL
    config.players[0].camera_mode = pystk2.PlayerConfig.CameraMode.ON
    if kart:
        config.players[0].kart = kart
    race = pystk2.Race(config)
    race.start()
    return Game(race, pystk2.WorldState(), library)


def leave() -> None:
    """End the process at once: the engine often crashes while an interpreter ends."""
    os._exit(0)


def _stiffen_camera(library: ctypes.CDLL) -> None:
    """Have the camera follow at once, so that a place of its own belongs to every place of the kart."""
    _set(library, "m_camera_forward_smooth_position", "f", 0.0)
    _set(library, "m_camera_forward_smooth_rotation", "f", 0.0)


def _set(library: ctypes.CDLL, name: str, kind: str, value: float) -> None:
    """Set one of the user's settings; ``kind`` as ``struct`` has it."""
    place = _address(library, f"_ZN16UserConfigParams{len(name)}{name}E") + _VALUE
    ctypes.memmove(place, struct.pack(kind, value), struct.calcsize(kind))


def _hide_names(library: ctypes.CDLL) -> None:
    """Make the function return at once that writes a driver's name above the kart: cars have none."""
    function = library._ZN4Kart15setOnScreenTextERKN3irr4core6stringIwNS1_12irrAllocatorIwEEEE
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    writable = 7
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(address & ~4095), ctypes.c_size_t(8192), writable)
    ctypes.memmove(address, b"\xc3", 1)


def _matrix(library: ctypes.CDLL, which: str, node: int) -> Any:
    name = f"get{which}Matrix"
    function = library[f"_ZNK3irr5scene16CCameraSceneNode{len(name)}{name}Ev"]
    function.restype, function.argtypes = ctypes.POINTER(ctypes.c_float), [_P]
    return np.ctypeslib.as_array(function(node), (16,)).reshape(4, 4).T.copy()


def _words(address: int, count: int) -> list[int]:
    return list((ctypes.c_uint64 * count).from_address(address))


def _address(library: ctypes.CDLL, symbol: str) -> int:
    return ctypes.addressof(ctypes.c_char.in_dll(library, symbol))
