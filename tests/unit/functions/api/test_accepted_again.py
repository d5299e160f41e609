"""What was accepted is accepted again, whatever has changed since and however many ask at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from shared.bootstrap import Services
from shared.models import JobRow, MessageRow, Spend, utcnow
from shared.services.drafts import Draft, Enclosure
from shared.services.keys import NewKey
from shared.services.notices import Notice
from shared.values import Caller, Channel, SuppressedChannel
from tests.unit.functions.api.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

Submit = Callable[[UUID], UUID]
PHONE = "+4915112340000"


@pytest.fixture
def address(user: NewKey, stack: Services) -> str:
    """The mail address of the user's account, which has a phone number as well."""
    mine = f"{uuid4().hex}@example.com"
    stack.accounts.change(user.account.id, {"email": mine, "phone": PHONE})
    return mine


@pytest.fixture
def attachment(user: NewKey, stack: Services) -> str:
    """The key of something to attach."""
    key = f"attachments/{user.account.id}/a.txt"
    stack.store.put(key, b"small")
    return key


@pytest.fixture(params=["mail", "text message", "notification"])
def submit(request: pytest.FixtureRequest, stack: Services, user: NewKey, address: str, attachment: str) -> Submit:
    """Asks for a message under an id."""
    account_id = user.account.id
    notice = Notice(account_id, "Hello", "there", frozenset(Channel))
    draft = Draft(address, "Hello", "there", None, [Enclosure(key=attachment)])
    caller = Caller(account_id, user.row.id, "user")
    asked: dict[str, Submit] = {
        "mail": lambda new_id: stack.emails.send(account_id, draft, new_id),
        "text message": lambda new_id: stack.sms.submit(account_id, PHONE, "there", new_id).message_id,
        "notification": lambda new_id: stack.notifications.submit(caller, notice, new_id),
    }
    return asked[request.param]


@pytest.fixture
def closing(stack: Services, address: str, attachment: str) -> Iterator[Callable[[], None]]:
    """Makes that no new message would be taken: nobody wants any, there is no money, and the attachment is gone."""
    period = f"sms:{utcnow():%Y-%m}"

    def close() -> None:
        stack.suppressions.add(SuppressedChannel.EMAIL, address, "bounce")
        stack.suppressions.add(SuppressedChannel.SMS, PHONE, "opt_out")
        stack.store.delete_prefix(attachment)
        with stack.database.write() as work:
            work.session.add(Spend(period=period, micros=10**9))

    yield close
    stack.suppressions.remove(SuppressedChannel.SMS, PHONE)
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(Spend, period))


def jobs(stack: Services, message_id: UUID) -> int:
    with stack.database.read() as session:
        query = select(func.count()).select_from(JobRow).where(JobRow.key.endswith(f":{message_id}"))
        return session.scalar(query) or 0


def test_a_repeat_after_a_lost_answer_is_not_refused(
    stack: Services, submit: Submit, closing: Callable[[], None]
) -> None:
    new_id = uuid4()
    assert submit(new_id) == new_id
    closing()
    assert submit(new_id) == new_id
    assert jobs(stack, new_id) == 1


def test_of_many_at_once_one_makes_it_and_all_are_told_so(stack: Services, submit: Submit) -> None:
    for new_id in (uuid4() for _ in range(5)):
        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(submit, [new_id] * 6)) == {new_id}
        assert jobs(stack, new_id) == 1
        with stack.database.read() as session:
            assert session.get(MessageRow, new_id)
