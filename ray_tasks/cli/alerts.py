"""`kith alerts`: judge a lake and its store now, tell Ray's metrics of it, or print Prometheus's rules."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated, Any, Never

import typer

from profiling.errors import KithError, LakeError
from profiling.store import ProfileStore, open_store
from ray_tasks.alerts import ALERTS, Fired, judge, rules
from ray_tasks.cli.options import Changes, Json, RayAddress, SettingsFile, console, output, print_json, read_settings
from ray_tasks.lake import Lake
from ray_tasks.lake_state import measure, record
from ray_tasks.metrics import Metric
from ray_tasks.set_aside import stuck

FIRED = 1  # exit code when an alert fires


def alerts(
    lake: Annotated[str | None, typer.Argument(help="A folder, or s3://BUCKET/FOLDER.", show_default=False)] = None,
    store: Annotated[
        str | None, typer.Option("--store", envvar="KITH_STORE", help="The store it publishes to.")
    ] = None,
    as_rules: Annotated[bool, typer.Option("--rules", help="Print the rules file of Prometheus, and end.")] = False,
    watch: Annotated[
        float | None, typer.Option(min=1, help="Tell Ray's metrics every so many seconds, until stopped.")
    ] = None,
    at: Annotated[float | None, typer.Option(help="Judge as of this moment, seconds since 1970.")] = None,
    ray: RayAddress = None,
    settings: SettingsFile = None,
    change: Changes = None,
    as_json: Json = False,
) -> None:
    """Check the six alerts now: each that fires is named with what to do, and the exit code is 1."""
    if as_rules:
        output.file.write(rules())
        return
    if lake is None:
        raise LakeError("no lake is named; give its folder, or --rules")
    days = read_settings(settings, change).forgetting.days
    if watch is not None:
        _watch(lake, store, days, watch, ray)
    values = _look(lake, store, days, time.time() if at is None else at)
    opened, fired = Lake.open(lake), judge(values)
    if as_json:
        print_json(_as_json(opened, values, fired))
    else:
        _show(opened, values, fired)
    if fired:
        raise typer.Exit(FIRED)


def _look(lake: str, store: str | None, days: float, now: float) -> dict[Metric, float]:
    with contextlib.ExitStack() as stack:
        profiles: ProfileStore | None = None
        if store:
            profiles = stack.enter_context(contextlib.closing(open_store(store)))
        return measure(Lake.open(lake), profiles, days, now)


def _watch(lake: str, store: str | None, days: float, every_s: float, address: str | None) -> Never:
    """Never ends by itself: a lake or store that is not there yet, or away for a while, is looked for again."""
    from ray_tasks.ray_session import RaySession

    said = ""
    with RaySession(address, cpus=1) as session:
        session.ray()
        while True:
            error = ""
            try:
                record(_look(lake, store, days, time.time()))
            except KithError as trouble:
                error = str(trouble)
            if error and error != said:
                console.print(f"kith alerts: {error}", highlight=False, markup=False)
            said = error
            time.sleep(every_s)


def _as_json(lake: Lake, values: dict[Metric, float], fired: list[Fired]) -> dict[str, Any]:
    return {
        "lake": str(lake.folder),
        "values": {metric.name: value for metric, value in values.items()},
        "fired": [
            {
                "alert": each.alert.name,
                "meaning": each.alert.meaning,
                "metric": each.metric.name,
                "value": each.value,
                "runbook": each.alert.runbook,
            }
            for each in fired
        ],
        "set_aside": [vars(each) for each in stuck(lake)],
    }


def _show(lake: Lake, values: dict[Metric, float], fired: list[Fired]) -> None:
    names = {each.alert.name for each in fired}
    for alert in ALERTS:
        state = "FIRES" if alert.name in names else "well"
        if all(metric not in values for metric, _ in alert.limits):
            state = "not judged: nothing was published, or no --store is named"
        output.print(f"{alert.name}: {state}", highlight=False, markup=False)
        for each in fired:
            if each.alert is alert:
                output.print(f"  {alert.meaning}: {_value(each)}", highlight=False, markup=False)
        if alert.name in names:
            output.print(f"  runbook: {alert.runbook}", highlight=False, markup=False)
    for work in stuck(lake):
        output.print(f"  {work.stage}, bucket {work.bucket}: {work.reason}", highlight=False, markup=False)


def _value(fired: Fired) -> str:
    if fired.metric.unit == "seconds":
        return f"{fired.value / 3600:.1f} hours"
    return f"{fired.value:.1%}" if fired.metric.unit == "share" else f"{fired.value:g} {fired.metric.unit}"
