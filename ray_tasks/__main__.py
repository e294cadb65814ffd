"""`python -m ray_tasks …` is `kith …`."""

from ray_tasks.cli import main

main()
