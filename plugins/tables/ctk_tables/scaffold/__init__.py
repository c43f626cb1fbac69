"""The scaffold of ``ctk new competition --data``: options, what is shown and asked, and the files of a package."""
