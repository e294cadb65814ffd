"""`rebuild_profiles` by the real scheduler, triggered over REST: the generation of one build, whatever is killed.

The deaths come at random moments; `KITH_SEED`, which a failed test names, brings one back.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import pytest

from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder
from tests.conftest import Built
from tests.ray_tasks.test_kills import assert_equal
from tests.services.conftest import Stack, wait_until
from tests.services.deaths import chance, kill_at_random, ray_head, ray_workers, scheduler, task_processes
from tests.services.rebuilds import STAGES, Rebuild, trigger

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1800)]

STOP_S = 15  # seconds that a job may go on after its task was marked as failed
WITHIN_S = 3.0  # seconds after a job's begin in which it is disturbed: the shortest stages last that long


@pytest.fixture(scope="module")
def rebuilt(stack: Stack, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Rebuild:
    """A run over the drawn population that ended undisturbed; the tests clear its tasks and disturb it."""
    run = trigger(stack, built, tmp_path_factory.mktemp("rebuilt"))
    run.finish()
    shutil.copytree(run.lake, run.undisturbed)
    tries = {name: task["try_number"] for name, task in run.tasks().items() if task["state"] == "success"}
    return replace(run, tries=tries)


def finish(rebuild: Rebuild) -> None:
    rebuild.finish()
    assert_equal(rebuild.lake, rebuild.undisturbed)


def some_stage() -> str:
    return chance.choice(STAGES)


def test_a_run_triggered_over_rest_ends_in_the_generation_of_one_undisturbed_build(
    rebuilt: Rebuild, built: Built
) -> None:
    assert rebuilt.result("audit")["generation"] == built.generation
    assert_equal(rebuilt.undisturbed, built.lake)
    assert current_holder(Lake.open(rebuilt.undisturbed))[1] is None
    stages = {"partition", "select", "embed", "people", "cluster", "round_0", "broaden", "audit", "gates"}
    assert stages <= set(rebuilt.tries)
    assert set(rebuilt.tries.values()) == {1}


def test_a_killed_embed_actor_is_made_again_within_its_job(rebuilt: Rebuild) -> None:
    rebuilt.again()
    number = rebuilt.wait_for_job("embed")
    kill_at_random(lambda: rebuilt.stack.processes("ray::EmbedActor", "ray"), WITHIN_S)
    finish(rebuilt)
    assert rebuilt.jobs("embed")[number] == "SUCCEEDED"
    assert max(rebuilt.jobs("embed")) == number


def test_a_killed_ray_worker_is_made_again_within_its_job(rebuilt: Rebuild) -> None:
    rebuilt.again()
    number = rebuilt.wait_for_job("embed")
    kill_at_random(lambda: ray_workers(rebuilt.stack), WITHIN_S)
    finish(rebuilt)
    assert rebuilt.jobs("embed")[number] == "SUCCEEDED"
    assert max(rebuilt.jobs("embed")) == number


def test_a_job_whose_driver_is_killed_fails_and_is_tried_again(rebuilt: Rebuild) -> None:
    rebuilt.again()
    stage = some_stage()
    number = rebuilt.wait_for_job(stage)
    kill_at_random(rebuilt.drivers, WITHIN_S)
    finish(rebuilt)
    assert (rebuilt.jobs(stage)[number], rebuilt.jobs(stage)[number + 1]) == ("FAILED", "SUCCEEDED")


def test_a_killed_task_process_finds_its_job_again(rebuilt: Rebuild) -> None:
    rebuilt.again()
    stage = some_stage()
    number, tries = rebuilt.wait_for_job(stage), rebuilt.tasks()[stage]["try_number"]
    kill_at_random(lambda: task_processes(rebuilt.stack), WITHIN_S)
    finish(rebuilt)
    assert rebuilt.jobs(stage)[number] == "SUCCEEDED"
    assert rebuilt.tasks()[stage]["try_number"] == tries + 1


def test_a_killed_scheduler_is_started_again_and_takes_the_run_over(rebuilt: Rebuild) -> None:
    rebuilt.again()
    rebuilt.wait_for_job(some_stage())
    killed = kill_at_random(lambda: scheduler(rebuilt.stack), WITHIN_S)
    finish(rebuilt)
    assert killed.pid not in [each.pid for each in scheduler(rebuilt.stack)]


def test_a_killed_ray_head_is_started_again_and_forgets_its_jobs(rebuilt: Rebuild) -> None:
    rebuilt.again()
    stage = some_stage()
    number = rebuilt.wait_for_job(stage)
    kill_at_random(lambda: ray_head(rebuilt.stack), WITHIN_S)
    finish(rebuilt)
    assert rebuilt.jobs(stage) == {number + 1: "SUCCEEDED"}


def test_a_task_that_is_marked_as_failed_ends_its_job_and_goes_on_when_cleared(rebuilt: Rebuild) -> None:
    rebuilt.again()
    number = rebuilt.wait_for_job("embed")
    time.sleep(chance.uniform(0.0, WITHIN_S))
    rebuilt.stack.patch(f"{rebuilt.path}/taskInstances/embed", {"new_state": "failed"})
    wait_until(lambda: rebuilt.jobs("embed")[number] == "STOPPED" and not rebuilt.drivers(), STOP_S)
    wait_until(lambda: rebuilt.state() == "failed")
    rebuilt.clear("embed")
    finish(rebuilt)
    assert rebuilt.jobs("embed")[number + 1] == "SUCCEEDED"


def test_a_succeeded_task_that_is_cleared_runs_in_another_job(rebuilt: Rebuild) -> None:
    before = rebuilt.jobs("audit")
    rebuilt.clear("audit")
    rebuilt.finish()
    fresh = {number: state for number, state in rebuilt.jobs("audit").items() if number not in before}
    assert fresh == {max(before, default=0) + 1: "SUCCEEDED"}
