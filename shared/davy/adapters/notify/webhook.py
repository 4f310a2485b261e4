"""Alarms as JSON over HTTP."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import Webhook as Signer

from davy.adapters.notify.base import Message, NotifyError
from davy.domain.alarm_targets import Webhook

TIMEOUT_S = 10.0


class WebhookNotifier:
    """Posts `{"alarms": [...]}`, signed if the target has a secret. A redirect is a failure: the site's file alone says where.

    Source: standardwebhooks.com, version 1.0.0: HMAC-SHA256 over id, time and body.

    Args:
        target: Name of the target.
        config: Address, token and secret.
    """

    def __init__(self, target: str, config: Webhook) -> None:
        self._target, self._config = target, config

    async def send(self, messages: Sequence[Message]) -> None:
        """Post the alarms. Idempotency-Key and webhook-id name this message, should it come twice; raises NotifyError."""
        body = json.dumps({"alarms": [dict(each) for each in messages]}, ensure_ascii=False)
        headers = {"Content-Type": "application/json", **self._headers(_key(messages), body)}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                url = self._config.url.get_secret_value()
                answer = await client.post(url, content=body.encode(), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise NotifyError(self._target, f"{self._config.url}: {reason}") from error
        if not answer.is_success:
            raise NotifyError(self._target, f"{self._config.url} answers {answer.status_code} {answer.reason_phrase}")

    def _headers(self, key: str, body: str) -> dict[str, str]:
        token, secret = self._config.token.get_secret_value(), self._config.secret.get_secret_value()
        headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {token}"} if token else {})
        if not secret:
            return headers
        name, now = f"msg_{key}", datetime.now(UTC)
        signature = Signer(secret).sign(name, now, body)
        return headers | {"webhook-id": name, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def _key(messages: Sequence[Message]) -> str:
    named = [f"{each['alarm']} {each['raised_at']} {each['unanswered_s']}" for each in messages]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]
