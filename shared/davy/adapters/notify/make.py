"""Makes the sender of a target."""

from davy.adapters.notify.base import Notifier
from davy.adapters.notify.broker import BrokerNotifier
from davy.adapters.notify.mail import MailNotifier
from davy.adapters.notify.syslog import SyslogNotifier
from davy.adapters.notify.webhook import WebhookNotifier
from davy.adapters.words import Words
from davy.domain.alarm_targets import Email, Mqtt, Syslog, Webhook
from davy.domain.ports import Bus
from davy.domain.topics import AlarmTopics


def make_notifier(
    name: str, config: Webhook | Email | Syslog | Mqtt, bus: Bus, topics: AlarmTopics, language: str = "en"
) -> Notifier:
    """Return the sender of a target.

    Args:
        name: Name of the target.
        config: Its configuration.
        bus: The site's broker.
        topics: Of the site's alarms.
        language: Of e-mail.
    """
    match config:
        case Webhook():
            return WebhookNotifier(name, config)
        case Email():
            return MailNotifier(name, config, words=Words(language))
        case Syslog():
            return SyslogNotifier(name, config)
        case Mqtt():
            return BrokerNotifier(name, bus, topics)
