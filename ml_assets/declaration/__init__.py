"""What a user writes: ten sections, one module each, frozen, unknown keys refused."""

from ml_assets.declaration.solution import SECTIONS as SECTIONS
from ml_assets.declaration.solution import Solution as Solution
