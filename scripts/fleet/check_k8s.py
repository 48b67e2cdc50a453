#!/usr/bin/env python3
"""check_k8s.py MANIFEST: what a cluster would look at first, without one: the fields of an Indexed Job,
that the shards' number is the same wherever it stands, and that volumes and mounts belong together."""
import re
import sys

import yaml


def check(what, holds):
    if not holds:
        sys.exit(f"{sys.argv[1]}: {what}")


with open(sys.argv[1], encoding="utf-8") as file:
    job = yaml.safe_load(file)
spec = job["spec"]
pod = spec["template"]["spec"]
container = pod["containers"][0]
script = container["command"][2]
shards = spec["completions"]

check("not a batch/v1 Job", (job["apiVersion"], job["kind"]) == ("batch/v1", "Job"))
check("not Indexed", spec["completionMode"] == "Indexed")
check("parallelism above completions", 0 < spec["parallelism"] <= shards)
check("a pod of a Job must not restart always", pod["restartPolicy"] in ("Never", "OnFailure"))
check(
    "the shards are not as many as the completions",
    re.findall(r"-of-(\d+)\.json|INDEX/(\d+)", script) == [(str(shards), ""), ("", str(shards))],
)
check("nothing asks for KVM", any(k.endswith("/kvm") for k in container["resources"]["limits"]))
names = {e["name"] for e in container["env"]} | {"JOB_COMPLETION_INDEX", "status", "result"}
check("a variable is not set", set(re.findall(r"\$([A-Za-z_]+)", script)) <= names)
check(
    "a mount without a volume",
    {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]},
)
