"""Send forms to the REST API of Airflow's own application and print what it answers, in the last line: FOLDER FORMS.

FORMS is a JSON list of pairs of a DAG's id and a form.
"""

from __future__ import annotations

import json
import sys


def main(folder: str, forms: str) -> None:
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from fastapi.testclient import TestClient

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(dag_folder=folder, bundle_name="dags-folder"), "dags-folder", None)
    answers = []
    with TestClient(create_app(apps="core")) as client:
        token = client.post("/auth/token").json()["access_token"]
        for dag_id, form in json.loads(forms):
            answer = client.post(
                f"/api/v2/dags/{dag_id}/dagRuns",
                json={"logical_date": None, "conf": form},
                headers={"Authorization": f"Bearer {token}"},
            )
            answers.append([answer.status_code, answer.json().get("detail")])
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
