"""Pure statistics on numpy arrays and pandas frames: usable alone, without Dagster.

Cut by the question asked, because stages share answers; import the module that owns the thing.
"""
