"""Reading files of others and keeping arrays larger than memory."""

from __future__ import annotations

from ctk.data.feature_table import FeatureTable
from ctk.data.features_lacking import features_lacking
from ctk.data.file_listings import FileListings
from ctk.data.ids import parse_id
from ctk.data.npz import Npz, fits_float32, member_checksums, rows_not_finite
from ctk.data.packed_folder import unpacked_once
from ctk.data.picture_rows import PictureRows, earlier_parts
from ctk.data.pictures import open_picture
from ctk.data.samples_writer import SamplesWriter, link_samples
from ctk.data.scratch_array import allocate_scratch
from ctk.data.text_table import MEND, TextTable

__all__ = [
    "MEND",
    "FeatureTable",
    "FileListings",
    "Npz",
    "PictureRows",
    "SamplesWriter",
    "TextTable",
    "allocate_scratch",
    "earlier_parts",
    "features_lacking",
    "fits_float32",
    "link_samples",
    "member_checksums",
    "open_picture",
    "parse_id",
    "rows_not_finite",
    "unpacked_once",
]
