"""Alarms as JSON over HTTP."""

import hashlib
from collections.abc import Sequence

import httpx

from davy.adapters.notify.base import Message, NotifyError
from davy.domain.alarm_targets import Webhook

TIMEOUT_S = 10.0


class WebhookNotifier:
    """Posts `{"alarms": [...]}`. A redirect is a failure: the site's file alone says where alarms go.

    Args:
        target: Name of the target.
        config: Address and token.
    """

    def __init__(self, target: str, config: Webhook) -> None:
        self._target, self._config = target, config

    async def send(self, messages: Sequence[Message]) -> None:
        """Post the alarms. Idempotency-Key names this message, should it come twice; raises NotifyError."""
        token = self._config.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers["Idempotency-Key"] = _key(messages)
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                url = self._config.url.get_secret_value()
                answer = await client.post(url, json={"alarms": [dict(each) for each in messages]}, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise NotifyError(self._target, f"{self._config.url}: {reason}") from error
        if not answer.is_success:
            raise NotifyError(self._target, f"{self._config.url} answers {answer.status_code} {answer.reason_phrase}")


def _key(messages: Sequence[Message]) -> str:
    named = [f"{each['alarm']} {each['raised_at']} {each['unanswered_s']}" for each in messages]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]
