"""What a user reads of a failed start depends on where it is read, and on when it failed.

Why it matters: starts on other hosts fail for reasons that only the spawner knows. Which of its
words reach the user, and which must not, decides whether the user can help himself.

Sources:
- jupyterhub 6.1.1, spawner.py, `SpawnException`: `message` is "logged and returned to the user",
  `log_message` "will be logged (not shown to the user)", `message_html` is "for use in UI".
- jupyterhub/apihandlers/base.py, `write_error`: a start that is still waited for answers with the
  exception's status and message, and with 500 for any other exception.
- jupyterhub/apihandlers/users.py, `SpawnProgressAPIHandler`: a failed start ends the stream with
  `"failed": true` and "Spawn failed: ..."; utils.py, `format_exception`, finds the words.
- jupyterhub/handlers/pages.py, `_wrap_spawn_single_user`: a page waits for one second; what fails
  before is an error page, what fails later is told by the progress page.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import pytest

from hublab.scenario import NAVIGATE, Hub, LiveLab, Visitor, flag_file, until_state

from .page_starts import Shown, answered_at_once, shown

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("hub.snippet", ["hooks.py"])]


class HookFailure(NamedTuple):
    """What a hook raises, and what the start is answered and its stream ends with."""

    raised: str
    status: int
    message: str
    told: str
    source: str


TABLE = [
    HookFailure(
        "ValueError",
        500,
        "Internal Server Error",
        "Spawn failed: The words of an error.",
        "write_error: any other exception; format_exception: str(exc)",
    ),
    HookFailure(
        "HTTPError 403",
        403,
        "Not today.",
        "Spawn failed: HTTP 403: error (Not today.)",
        "write_error: get_message(); user.py, User.spawn: reason = 'error'",
    ),
    HookFailure(
        "HTTPError reason",
        403,
        "error",
        "Spawn failed: HTTP 403: error",
        "write_error: exception.reason; user.py, User.spawn: reason = 'error'",
    ),
]


async def failed_start(lab: LiveLab, hub: Hub, raised: str) -> tuple[int, str, dict[str, object]]:
    """A start whose hook raises: its status, its message, the last event of its stream."""
    async with flag_file(lab, "hub", "pre_spawn_hook", raised):
        status, answer = await hub.request("POST", "users/alice/server")
    events = [event async for event in hub.progress("alice", "")]
    return status, answer["message"], events[-1]


@pytest.mark.finding(
    "The reason of an HTTPError that fails a start is replaced by the word error",
    project="jupyterhub",
    steps='pre_spawn_hook raises tornado.web.HTTPError(403, reason="Over quota"); POST '
    "/hub/api/users/alice/server, and follow the progress of the start.",
    expected='Over quota: an HTTPError "should be informative and will be relayed to the user" '
    "(comment in user.py, User.spawn), and write_error sends its reason.",
    seen='403 with the message "error", and "Spawn failed: HTTP 403: error": User.spawn overwrites '
    "the reason, which tornado sends to users, with a label of its metrics.",
)
@pytest.mark.sabotage("hub.JupyterHub.tornado_settings", {"slow_spawn_timeout": 0})
async def test_a_failed_start_says_less_by_the_api(lab: LiveLab) -> None:
    """Each row: what the REST API answers, and what the progress stream ends with."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    for row in TABLE:
        status, message, last = await failed_start(lab, hub, row.raised)
        assert (status, message) == (row.status, row.message), row.source
        assert (last["failed"], last["progress"]) == (True, 100), row.source
        assert last["message"] == row.told, row.source
        await until_state(lab, "alice", "stopped")


@pytest.mark.finding(
    "SpawnException: users are shown log_message, and neither message nor message_html",
    project="jupyterhub",
    steps='pre_spawn_hook raises SpawnException("The public words.", reason="capacity", '
    'log_message="The private words.", message_html="<b>The public words.</b>"); follow '
    "/hub/api/users/alice/server/progress, or submit the form of /hub/spawn.",
    expected='Users read `message` or `message_html`; log_message is "not shown to the user" '
    "(docstring of SpawnException).",
    seen='Both show "503 SpawnException(reason=capacity): The private words.": format_exception '
    "takes str(exc), which holds log_message, and knows only the attributes jupyterhub_message "
    "and jupyterhub_html_message, which SpawnException does not set. The answer of POST "
    "/hub/api/users/alice/server is right.",
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/streams_show_public_words.py", sentence="the progress stream"
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/forms_show_public_words.py", sentence="the form show"
)
async def test_the_progress_stream_shows_private_words(lab: LiveLab) -> None:
    """The REST API keeps the private words; the progress stream and the form show them."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    status, message, last = await failed_start(lab, hub, "SpawnException")
    assert (status, message) == (503, "The public words.")
    assert (
        last["message"] == "Spawn failed: 503 SpawnException(reason=capacity): The private words."
    )
    assert "html_message" not in last

    visitor = await lab.sign_in("alice")
    async with flag_file(lab, "hub", "pre_spawn_hook", "SpawnException"):
        page = await answered_at_once(lab, "alice", partial(submit, visitor))
    assert page.status == 503
    assert "The private words." in page.text
    assert "The public words." not in page.text


async def submit(visitor: Visitor) -> Shown:
    """Submit the form of /hub/spawn as it is."""
    url = visitor.origin.with_path(f"{visitor.base}hub/spawn")
    async with visitor.session.get(url, headers=NAVIGATE) as page:
        await page.read()
    xsrf = visitor.session.cookie_jar.filter_cookies(url)["_xsrf"].value
    async with visitor.session.post(
        url.with_query(_xsrf=xsrf), data={"host": ""}, headers=NAVIGATE, allow_redirects=False
    ) as answer:
        return await shown(answer)


@pytest.mark.issue("jupyterhub#4244", happens=True, workaround="raise tornado.web.HTTPError")
@pytest.mark.sabotage("hub.snippet", "../changes/streams_have_no_words.py")
async def test_an_early_failure_has_no_words(lab: LiveLab) -> None:
    """Spawn failed without a reason: an early error has no words on the page, a later one all."""
    visitor = await lab.sign_in("alice")
    async with flag_file(lab, "hub", "pre_spawn_hook", "ValueError"):
        early = await answered_at_once(lab, "alice", partial(submit, visitor))
    assert early.status == 500
    assert "Unhandled error starting server alice" in early.text
    assert "The words of an error." not in early.text

    async with flag_file(lab, "hub", "pre_spawn_hook", "wait"):
        late = await submit(visitor)  # answered after a second, while the hook waits
        async with flag_file(lab, "hub", "pre_spawn_hook", "ValueError"):
            await until_state(lab, "alice", "stopped")
    assert (late.status, late.location.partition("?")[0]) == (302, "/hub/spawn-pending/alice")
    events = [event async for event in (await lab.hub()).progress("alice", "")]
    assert events[-1]["message"] == "Spawn failed: The words of an error."
