"""Which release of a service is the next one, as its deployments are told in order of time. Pure."""

from random import Random

from causeline.deploy.commands.demo.fleet import FLEET


class Releases:
    """Counts the releases of each service, from where a seed lets it begin."""

    def __init__(self, random: Random) -> None:
        self._minors = {service.name: random.randint(3, 40) for service in FLEET}
        self._majors = {service.name: random.randint(1, 4) for service in FLEET}

    def next_of(self, service: str) -> str:
        """Return the next release of a service."""
        self._minors[service] += 1
        return f"{self._majors[service]}.{self._minors[service]}.0"
