"""What CI systems say of a job, as one table of variables to fields. No other variable of the environment is read.

A provider is the first whose mark is set. A field is the first variable of its list that is not empty; `{NAME}` stands within a template,
which is nothing where one of its variables is. `job` is what tells the runs of one pipeline apart also where they share a name: a
matrix on GitHub gives all its jobs one name, but each its own runner and tracking id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GITHUB = "github"
AZURE = "azure"
_EVENT_FILE = "GITHUB_EVENT_PATH"
_LONGEST = 1000
_LONGEST_EVENT_FILE = 8 * 2**20

PROVIDERS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    GITHUB: (
        "GITHUB_ACTIONS",
        {
            "repository": ("{GITHUB_REPOSITORY}",),
            "run": ("{GITHUB_RUN_ID}",),
            "attempt": ("{GITHUB_RUN_ATTEMPT}",),
            "job": ("{GITHUB_JOB} {RUNNER_NAME} {RUNNER_TRACKING_ID}", "{GITHUB_JOB} {RUNNER_NAME}", "{GITHUB_JOB}"),
            "commit": ("{GITHUB_SHA}",),
            "branch": ("{GITHUB_HEAD_REF}", "{GITHUB_REF_NAME}"),
            "actor": ("{GITHUB_ACTOR}",),
            "link": ("{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",),
        },
    ),
    "gitlab": (
        "GITLAB_CI",
        {
            "repository": ("{CI_PROJECT_PATH}",),
            "run": ("{CI_PIPELINE_ID}",),
            "attempt": (),
            "job": ("{CI_JOB_ID}",),
            "commit": ("{CI_MERGE_REQUEST_SOURCE_BRANCH_SHA}", "{CI_COMMIT_SHA}"),
            "branch": ("{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}", "{CI_COMMIT_REF_NAME}"),
            "actor": ("{GITLAB_USER_LOGIN}",),
            "link": ("{CI_JOB_URL}",),
            "environment": ("{CI_ENVIRONMENT_NAME}",),
        },
    ),
    "buildkite": (
        "BUILDKITE",
        {
            "repository": ("{BUILDKITE_REPO}",),
            "run": ("{BUILDKITE_BUILD_ID}",),
            "attempt": ("{BUILDKITE_RETRY_COUNT}",),
            "job": ("{BUILDKITE_JOB_ID}",),
            "commit": ("{BUILDKITE_COMMIT}",),
            "branch": ("{BUILDKITE_BRANCH}",),
            "actor": ("{BUILDKITE_BUILD_CREATOR}",),
            "link": ("{BUILDKITE_BUILD_URL}",),
        },
    ),
    "circleci": (
        "CIRCLECI",
        {
            "repository": ("{CIRCLE_PROJECT_USERNAME}/{CIRCLE_PROJECT_REPONAME}", "{CIRCLE_REPOSITORY_URL}"),
            "run": ("{CIRCLE_WORKFLOW_ID}",),
            "attempt": ("{CIRCLE_BUILD_NUM}",),
            "job": ("{CIRCLE_JOB} {CIRCLE_NODE_INDEX}", "{CIRCLE_JOB}"),
            "commit": ("{CIRCLE_SHA1}",),
            "branch": ("{CIRCLE_BRANCH}",),
            "actor": ("{CIRCLE_USERNAME}",),
            "link": ("{CIRCLE_BUILD_URL}",),
        },
    ),
    AZURE: (
        "TF_BUILD",
        {
            "repository": ("{BUILD_REPOSITORY_URI}", "{BUILD_REPOSITORY_NAME}"),
            "run": ("{BUILD_BUILDID}",),
            "attempt": ("{SYSTEM_JOBATTEMPT}",),
            "job": ("{SYSTEM_JOBID}",),
            "commit": ("{SYSTEM_PULLREQUEST_SOURCECOMMITID}", "{BUILD_SOURCEVERSION}"),
            "branch": ("{SYSTEM_PULLREQUEST_SOURCEBRANCH}", "{BUILD_SOURCEBRANCH}"),
            "actor": ("{BUILD_REQUESTEDFOR}",),
            "link": ("{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",),
        },
    ),
    "bitbucket": (
        "BITBUCKET_BUILD_NUMBER",
        {
            "repository": ("{BITBUCKET_REPO_FULL_NAME}",),
            "run": ("{BITBUCKET_PIPELINE_UUID}", "{BITBUCKET_BUILD_NUMBER}"),
            "attempt": ("{BITBUCKET_STEP_RUN_NUMBER}",),
            "job": ("{BITBUCKET_STEP_UUID} {BITBUCKET_PARALLEL_STEP}", "{BITBUCKET_STEP_UUID}"),
            "commit": ("{BITBUCKET_COMMIT}",),
            "branch": ("{BITBUCKET_BRANCH}",),
            "actor": ("{BITBUCKET_STEP_TRIGGERER_UUID}",),
            "link": ("https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",),
            "environment": ("{BITBUCKET_DEPLOYMENT_ENVIRONMENT}",),
        },
    ),
    "teamcity": (
        "TEAMCITY_VERSION",
        {
            "repository": ("{TEAMCITY_PROJECT_NAME}",),
            "run": ("{BUILD_URL}", "{TEAMCITY_BUILDCONF_NAME} {BUILD_NUMBER}"),
            "attempt": (),
            "job": ("{TEAMCITY_BUILDCONF_NAME}",),
            "commit": ("{BUILD_VCS_NUMBER}",),
            "branch": (),
            "actor": (),
            "link": ("{BUILD_URL}",),
        },
    ),
    "jenkins": (
        "JENKINS_URL",
        {
            "repository": ("{GIT_URL}",),
            "run": ("{JENKINS_URL}{JOB_NAME} {BUILD_NUMBER}",),
            "attempt": (),
            "job": ("{STAGE_NAME} {NODE_NAME} {EXECUTOR_NUMBER}", "{NODE_NAME} {EXECUTOR_NUMBER}"),
            "commit": ("{GIT_COMMIT}",),
            "branch": ("{CHANGE_BRANCH}", "{BRANCH_NAME}", "{GIT_BRANCH}"),
            "actor": ("{CHANGE_AUTHOR}",),
            "link": ("{BUILD_URL}",),
        },
    ),
}
"""By name: the variable that marks it, and for each field of `CiJob` its templates, first fit."""


class CiJob(NamedTuple):
    """A run of a CI job; fields that nobody knows are empty. `provider` is empty outside of CI."""

    provider: str = ""
    repository: str = ""
    run: str = ""
    attempt: str = ""
    job: str = ""
    commit: str = ""
    branch: str = ""
    actor: str = ""
    link: str = ""
    environment: str = ""


def job_variables() -> list[str]:
    """Return the name of every variable that `detect_job` reads, in order of the alphabet."""
    names = {_EVENT_FILE}
    for mark, fields in PROVIDERS.values():
        names.add(mark)
        for templates in fields.values():
            names.update(name for template in templates for name in _names(template))
    return sorted(names)


def detect_job(environment: Mapping[str, str]) -> CiJob:
    """Return what the environment says of the job. A value is cut to 1,000 characters; a commit that is no hash (`HEAD`) is none."""
    for provider, (mark, fields) in PROVIDERS.items():
        if environment.get(mark, "").strip().lower() not in ("", "false", "0"):
            values = {field: _first(templates, environment) for field, templates in fields.items()}
            values["repository"] = without_credentials(values["repository"])
            values["link"] = without_credentials(values["link"])
            if provider == GITHUB:
                values["commit"] = _pull_request_head(environment.get(_EVENT_FILE, "")) or values["commit"]
            if not re.fullmatch(r"[0-9a-fA-F]{7,64}", values["commit"]):
                values["commit"] = ""
            values["branch"] = re.sub(r"^refs/heads/", "", values["branch"])
            return CiJob(provider=provider, **values)
    return CiJob()


def without_credentials(address: str) -> str:
    """Return an address without `user:password@`; what is no address with a scheme comes back as it is."""
    return re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#]*@", r"\1", address)


def _names(template: str) -> Iterator[str]:
    return iter(re.findall(r"\{(\w+)\}", template))


def _first(templates: tuple[str, ...], environment: Mapping[str, str]) -> str:
    for template in templates:
        if all(environment.get(name) for name in _names(template)):
            text = re.sub(r"\{(\w+)\}", lambda match: environment[match[1]], template)
            return text.encode("utf-8", "replace").decode().replace("\0", "")[:_LONGEST]
    return ""


def _pull_request_head(path: str) -> str:
    """Return the head of the pull request that an event file of GitHub tells of: what it runs on is a merge that nobody made."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            event = json.loads(file.read(_LONGEST_EVENT_FILE))
        return str(event["pull_request"]["head"]["sha"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
