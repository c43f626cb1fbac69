"""One run, in order: prepare, split, filter, fit, predictions, blend, postprocess, submit, results, report."""
