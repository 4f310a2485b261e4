"""TLS of every wire: settings, the identity's files, contexts for servers and clients, peers, renewal."""

from davy.adapters.tls.contexts import client_context, server_context
from davy.adapters.tls.identity_files import Tls
from davy.adapters.tls.settings import TlsSettings

__all__ = ["Tls", "TlsSettings", "client_context", "server_context"]
