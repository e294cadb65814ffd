"""What other DAGs can follow, or start ours with."""

from __future__ import annotations

from airflow.sdk import Asset

# A new snapshot of a population: whoever exports one says so, and the nightly run begins at once.
POPULATION = Asset("kith_population", uri="x-kith://population", group="kith")
# A generation that passed its gates or was approved; the event's `extra` names it and its lake.
GENERATION = Asset("kith_generation", uri="x-kith://generation", group="kith")
# A generation that readers of the profile store have got.
PUBLISHED = Asset("kith_published_generation", uri="x-kith://published", group="kith")
# A scorer that is better than the one in use; the event's `extra` names its file.
SCORER = Asset("kith_proposed_scorer", uri="x-kith://scorer", group="kith")
