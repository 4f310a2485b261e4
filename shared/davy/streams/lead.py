"""Who decides for a site."""


class Lead:
    """Whether this process decides for its site. One that is alone always does."""

    @property
    def leads(self) -> bool:
        """Whether desired states may be published."""
        return True

    def check(self) -> None:
        """Check that a decision may be made here.

        Raises:
            StandbyError: another process decides for the site.
        """
