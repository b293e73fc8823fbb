"""What can be done about a gap between groups: each remedy makes candidates, none of them chooses.

Blind remedies (the group is unknown at decision time) weigh training rows anew or add a penalty; the aware remedy sets a
threshold for each group. :mod:`ml_assets.learning.ladder` tries them in order, :mod:`ml_assets.learning.mitigation` chooses.
"""
