"""The population folder, checked once at the door: everything after it may trust what it reads."""

from profiling.population.checks import Checked, check_batch
from profiling.population.circles import PopulationCircle
from profiling.population.folder import Population, TableFile, open_population
from profiling.population.friends import cap_friends, mark_tagged_together, tagged_pairs
from profiling.population.quarantine import REASONS, quarantine_schema, quarantined
from profiling.population.snapshot import snapshot_difference

__all__ = [
    "REASONS",
    "Checked",
    "Population",
    "PopulationCircle",
    "TableFile",
    "cap_friends",
    "check_batch",
    "mark_tagged_together",
    "open_population",
    "quarantine_schema",
    "quarantined",
    "snapshot_difference",
    "tagged_pairs",
]
