"""Send forms to the REST API of Airflow's own application and print what it answers, in the last line: FOLDER FORMS.

FORMS is a JSON list of pairs of a DAG's id and a form.
"""

from __future__ import annotations

import json
import sys

from tests.dags.rest import logged_in


def main(folder: str, forms: str) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(dag_folder=folder, bundle_name="dags-folder"), "dags-folder", None)
    answers = []
    with logged_in() as client:
        for dag_id, form in json.loads(forms):
            answer = client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": form})
            answers.append([answer.status_code, answer.json().get("detail")])
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
