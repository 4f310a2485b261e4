"""Who decides for a site."""


class Lead:
    """Whether this process decides for its site. One that is alone always does."""

    @property
    def leads(self) -> bool:
        """Whether desired states may be published."""
        return True

    @property
    def can_ask(self) -> bool:
        """Whether this process, as a standby, can have the leader decide."""
        return False

    def check(self) -> None:
        """Check that a decision may be made here.

        Raises:
            StandbyError: another process decides for the site.
        """

    async def ask(self, operation: str, arguments: str) -> str:
        """Have the leader decide.

        Args:
            operation: Name of the decision.
            arguments: Its arguments as JSON.

        Returns:
            The result as JSON.

        Raises:
            StandbyError: the leader cannot be asked.
            DavyError: what the leader raised.
        """
        raise NotImplementedError(operation)
