"""`rebuild_profiles` by the real scheduler, triggered over REST: the generation of one build, whatever is killed.

The deaths come at random moments; `KITH_SEED`, which a failed test names, brings one back.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from ray_tasks.lake import Lake
from ray_tasks.lock import current_holder
from tests.conftest import Built
from tests.ray_tasks.test_kills import assert_equal
from tests.services.conftest import Stack, wait_until
from tests.services.deaths import chance, kill_at_random, ray_head, ray_workers, scheduler, task_processes
from tests.services.rebuilds import LAST, MOMENTS, RUN_S, Rebuild, trigger

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.deaths, pytest.mark.timeout(3600)]

STOP_S = 15  # seconds that a job may go on after its task was marked as failed
WITHIN_S = 1.0  # seconds after a moment in which somebody dies: what is left of a build lasts longer


@pytest.fixture(scope="module")
def rebuilt(stack: Stack, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Rebuild:
    """A run over the drawn population that ended undisturbed; the tests clear its tasks and disturb it."""
    run = trigger(stack, built, tmp_path_factory.mktemp("rebuilt"))
    run.finish()
    shutil.copytree(run.lake, run.undisturbed)
    tries = {name: task["try_number"] for name, task in run.tasks().items() if task["state"] == "success"}
    return replace(run, tries=tries)


def some_moment(rebuild: Rebuild) -> None:
    """Wait until the build has committed something of a stage taken at random."""
    what = chance.choice(MOMENTS)
    wait_until(lambda: rebuild.has_committed(what), RUN_S)


def finish(rebuild: Rebuild) -> dict[int, str]:
    """Wait for the end: the undisturbed generation; states of the disturbed task's jobs by their numbers."""
    rebuild.finish()
    assert_equal(rebuild.lake, rebuild.undisturbed)
    assert current_holder(Lake.open(rebuild.lake))[1] is None
    return rebuild.jobs(LAST)


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
    number = rebuilt.again()
    kill_at_random(lambda: rebuilt.stack.processes("ray::EmbedActor", "ray"), WITHIN_S)
    jobs = finish(rebuilt)
    assert jobs[number] == "SUCCEEDED"
    assert max(jobs) == number


def test_a_killed_ray_worker_is_made_again_within_its_job(rebuilt: Rebuild) -> None:
    number = rebuilt.again()
    some_moment(rebuilt)
    kill_at_random(lambda: ray_workers(rebuilt.stack), WITHIN_S)
    jobs = finish(rebuilt)
    assert jobs[number] == "SUCCEEDED"
    assert max(jobs) == number


def test_a_job_whose_driver_is_killed_fails_and_is_tried_again(rebuilt: Rebuild) -> None:
    number = rebuilt.again()
    some_moment(rebuilt)
    kill_at_random(rebuilt.drivers, WITHIN_S)
    jobs = finish(rebuilt)
    assert (jobs[number], jobs[number + 1]) == ("FAILED", "SUCCEEDED")


def test_a_killed_task_process_leaves_its_job_to_the_next_try(rebuilt: Rebuild) -> None:
    number = rebuilt.again()
    tries = rebuilt.tasks()[LAST]["try_number"]
    some_moment(rebuilt)
    kill_at_random(lambda: task_processes(rebuilt.stack), WITHIN_S)
    jobs = finish(rebuilt)
    assert rebuilt.tasks()[LAST]["try_number"] == tries + 1
    assert jobs[number] == "SUCCEEDED"  # and was followed, or had ended by then: another job finds all of it done
    assert max(jobs) <= number + 1


def test_a_killed_scheduler_is_started_again_and_the_run_ends(rebuilt: Rebuild) -> None:
    rebuilt.again()
    some_moment(rebuilt)
    killed = kill_at_random(lambda: scheduler(rebuilt.stack), WITHIN_S)
    jobs = finish(rebuilt)
    assert jobs[max(jobs)] == "SUCCEEDED"
    assert killed.pid not in [each.pid for each in scheduler(rebuilt.stack)]


def test_a_killed_ray_head_is_started_again_and_the_job_begins_anew(rebuilt: Rebuild) -> None:
    number = rebuilt.again()
    some_moment(rebuilt)
    kill_at_random(lambda: ray_head(rebuilt.stack), WITHIN_S)
    jobs = finish(rebuilt)
    assert min(jobs) > number  # the new head knows no job of the old one's
    assert jobs[max(jobs)] == "SUCCEEDED"


def test_a_task_that_is_marked_as_failed_ends_its_job_and_goes_on_when_cleared(rebuilt: Rebuild) -> None:
    number = rebuilt.again()
    some_moment(rebuilt)
    rebuilt.stack.patch(f"{rebuilt.path}/taskInstances/{LAST}", {"new_state": "failed"})
    wait_until(lambda: rebuilt.jobs(LAST)[number] == "STOPPED" and not rebuilt.drivers(), STOP_S)
    wait_until(lambda: rebuilt.state() == "failed")
    rebuilt.clear(LAST)
    assert finish(rebuilt)[number + 1] == "SUCCEEDED"


def test_a_succeeded_task_that_is_cleared_runs_in_another_job(rebuilt: Rebuild) -> None:
    before = rebuilt.jobs("audit")
    rebuilt.clear("audit")
    rebuilt.finish()
    fresh = {number: state for number, state in rebuilt.jobs("audit").items() if number not in before}
    assert fresh == {max(before, default=0) + 1: "SUCCEEDED"}
