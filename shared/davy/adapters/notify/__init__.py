"""Receivers of unanswered alarms: webhook, e-mail, syslog and the broker."""

from davy.adapters.notify.base import Message, Notifier, NotifyError
from davy.adapters.notify.make import make_notifier

__all__ = ["Message", "Notifier", "NotifyError", "make_notifier"]
