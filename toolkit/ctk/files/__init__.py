"""Reading files, and writing them so that a reader never sees half of one."""

from ctk.files.folders import (
    cache_folder,
    fingerprint,
    is_folder_name,
    lock,
    made_over_time,
    path_stamps,
    remove_unfinished,
    workshop,
)
from ctk.files.reading import check_values, read_json, read_npy, read_text, reading, refuse_ways_out
from ctk.files.refusals import check_room, explain, explaining, no_room
from ctk.files.sniffing import refuse_packed
from ctk.files.writing import atomic, finite, write_json, write_text
from ctk.files.yaml_text import dump_yaml, parse_yaml, yaml_problem

__all__ = [
    "atomic",
    "cache_folder",
    "check_room",
    "check_values",
    "dump_yaml",
    "explain",
    "explaining",
    "fingerprint",
    "finite",
    "is_folder_name",
    "lock",
    "made_over_time",
    "no_room",
    "parse_yaml",
    "path_stamps",
    "read_json",
    "read_npy",
    "read_text",
    "reading",
    "refuse_packed",
    "refuse_ways_out",
    "remove_unfinished",
    "workshop",
    "write_json",
    "write_text",
    "yaml_problem",
]
