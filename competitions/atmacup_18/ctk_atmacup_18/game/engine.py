"""SuperTuxKart seen from the driver's seat: the engine started without a display, its camera where a car's would be.

The game's Python face offers neither the camera's settings nor its matrices; the library exports both, so they are
reached by their symbols. Runs where ``pystk2`` is installed, in a process of its own for each race (README.md).
"""

from __future__ import annotations

import ctypes
import gc
import os
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np

WIDTH, HEIGHT = 256, 128  # rendered; twice what is kept, so that an area average smooths the edges
FIELD_OF_VIEW = 60  # degrees, upright
HEIGHT_OF_CAMERA = 0.75  # metres above the kart, where the game puts it
STEP = 0.1  # seconds of the game
_VALUE = 80  # bytes from the start of a setting to its value


def start(track: str, seed: int, *, karts: int, difficulty: int, reverse: bool) -> SimpleNamespace:
    """Start a race of AI drivers; returns ``race``, ``world`` and ``cameras()``, (projection, view) of each, (4, 4).

    The race is a time trial: nothing is thrown at anybody. ``world.karts[0]`` is the one whose camera it is.
    """
    gc.disable()  # the engine's objects do not survive a collection in another order
    import pystk2

    graphics = pystk2.GraphicsConfig.ld()  # hd hangs with the data that Debian has
    graphics.screen_width, graphics.screen_height, graphics.display, graphics.render = WIDTH, HEIGHT, False, True
    graphics.particles_effects = 0  # dust around a driver's head takes seconds a picture
    library = ctypes.CDLL(pystk2.__file__)
    # Where a slope is not finite this filter loops for seconds in a software renderer, a picture in a hundred.
    _set(library, "m_anisotropic", "i", 0)
    pystk2.init(graphics)
    _seat_camera(library)
    _hide_names(library)
    config = pystk2.RaceConfig()
    config.track, config.seed, config.reverse, config.difficulty = track, seed, reverse, difficulty
    config.mode, config.num_kart, config.laps = pystk2.RaceConfig.RaceMode.TIME_TRIAL, karts, 99
    config.step_size, config.overlay, config.num_cameras = STEP, False, 0
    config.players[0].controller = pystk2.PlayerConfig.Controller.AI_CONTROL
    config.players[0].camera_mode = pystk2.PlayerConfig.CameraMode.ON
    race = pystk2.Race(config)
    race.start()
    return SimpleNamespace(race=race, world=pystk2.WorldState(), cameras=lambda: _cameras(library))


def leave() -> None:
    """End the process at once: the engine often crashes while an interpreter ends."""
    os._exit(0)


def _seat_camera(library: ctypes.CDLL) -> None:
    """Move the camera from behind the kart to the driver's head, stiff, looking ahead."""
    _set(library, "m_camera_distance", "f", 0.01)  # at 0 the camera and what it looks at fall together
    _set(library, "m_camera_forward_smooth_position", "f", 0.0)
    _set(library, "m_camera_forward_smooth_rotation", "f", 0.0)
    _set(library, "m_camera_fov", "i", FIELD_OF_VIEW)


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


def _cameras(library: ctypes.CDLL) -> list[tuple[Any, Any]]:
    table = _address(library, "_ZTVN3irr5scene16CCameraSceneNodeE")
    view_of = library._ZNK3irr5scene16CCameraSceneNode13getViewMatrixEv
    projection_of = library._ZNK3irr5scene16CCameraSceneNode19getProjectionMatrixEv
    begin, end = (ctypes.c_uint64 * 2).from_address(_address(library, "_ZN6Camera13m_all_camerasE"))
    found = []
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    for camera in (ctypes.c_uint64 * ((end - begin) // 8)).from_address(begin):
        for word in (ctypes.c_uint64 * 60).from_address(camera):
            if not (word > 0x10000 and word % 8 == 0 and abs(word - camera) < 1 << 40):
                continue
            try:
                first = int.from_bytes(os.pread(memory, 8, word), "little")
            except OSError:  # no address after all
                continue
            if table < first < table + 0x400:  # the member that is a scene node with a camera's virtual table
                found.append((_matrix(projection_of, word), _matrix(view_of, word)))
                break
    os.close(memory)
    return found


def _matrix(function: Any, node: int) -> Any:
    function.restype, function.argtypes = ctypes.POINTER(ctypes.c_float), [ctypes.c_void_p]
    return np.ctypeslib.as_array(function(node), (16,)).reshape(4, 4).T.copy()


def _address(library: ctypes.CDLL, symbol: str) -> int:
    return ctypes.addressof(ctypes.c_char.in_dll(library, symbol))
