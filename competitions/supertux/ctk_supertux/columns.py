"""Names: what a view's labels are called, and the exact strings of questions, answers and captions.

Source: the course's graded files, on which every string was compared; kart and track names are the info file's own.
"""

from __future__ import annotations

IMAGE, QUESTION, CANDIDATES = "image", "question", "candidates"
"""Features: (N, 100, 150, 3) uint8; (N,) str; (N, 5) str."""
FRAME, FAMILY, KIND, TRACK, KARTS = "frame", "family", "kind", "track", "karts"
"""Groups (N,) int64; a caption's question is the group QUESTION. KARTS counts the kept karts of a view, -1 unknown."""
IMAGE_FILE = "image_file"
"""Note (N,) str, and the key of a graded row: the picture's path below the data folder."""
HEIGHT, WIDTH = 100, 150
"""Pixels of a picture."""
TRAIN, VALID, GRADED, DEMO = "train", "valid", "valid_grader", "train_demo"
"""Folders of the homework's data."""
INFO, PAIRS, CAPTIONS = "_info.json", "_qa_pairs.json", "_captions.json"
"""Ends of file names."""
GRADED_PAIRS, GRADED_CHOICES = "balanced_qa_pairs.json", "all_mc_qas.json"
"""The graded files, in GRADED."""

FAMILIES = ("ego", "count", "track", "relative", "counting")
"""Families of questions, in the order of their numbers in the group FAMILY; -1 is none of them."""
KINDS = ("ego", "count", "track", "relative")
"""Kinds of captions, in the order of their numbers in the group KIND; -1 is none of them."""
CHOICES = 5
"""Candidates of a choice."""

EGO_QUESTION = "What kart is the ego car?"
TOTAL_QUESTION = "How many karts are there in the scenario?"
TRACK_QUESTION = "What track is this?"
SIDE_QUESTION = "Is {} to the left or right of the ego car?"
FRONT_QUESTION = "Is {} in front of or behind the ego car?"
WHERE_QUESTION = "Where is {} relative to the ego car?"
COUNT_LEFT = "How many karts are to the left of the ego car?"
COUNT_RIGHT = "How many karts are to the right of the ego car?"
COUNT_FRONT = "How many karts are in front of the ego car?"
COUNT_BEHIND = "How many karts are behind the ego car?"
LEFT, RIGHT, FRONT, BACK = "left", "right", "front", "back"

EGO_CAPTION = "{} is the ego car."
COUNT_CAPTION = "There are {} karts in the scene."
TRACK_CAPTION = "The track is {}."
LEFT_CAPTION = "{} is left of the ego car."
RIGHT_CAPTION = "{} is right of the ego car."
FRONT_CAPTION = "{} is in front of the ego car."
BEHIND_CAPTION = "{} is behind the ego car."
