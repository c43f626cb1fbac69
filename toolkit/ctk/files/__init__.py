"""Reading files, and writing them so that a reader never sees half of one."""

from ctk.files.folders import (
    cache_folder,
    date_files,
    fingerprint,
    is_folder_name,
    lock,
    made_over_time,
    path_stamps,
    remove_unfinished,
    workshop,
)
from ctk.files.reading import check_values, read_json, read_npy, read_text, reading, refuse_ways_out
from ctk.files.refusals import check_room, disk_failure, explain, explaining
from ctk.files.sniffing import refuse_packed
from ctk.files.writing import atomic, finite, write_json, write_text
from ctk.files.yaml_text import dump_yaml, parse_yaml, yaml_problem

__all__ = [
    "atomic",
    "cache_folder",
    "check_room",
    "check_values",
    "date_files",
    "disk_failure",
    "dump_yaml",
    "explain",
    "explaining",
    "fingerprint",
    "finite",
    "is_folder_name",
    "lock",
    "made_over_time",
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
