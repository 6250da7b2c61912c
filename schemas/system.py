"""Parameters of the endpoints that test the connection."""

from schemas.wire import Parameters, RequestSchema


class Echo(RequestSchema):
    """Any parameters at all."""

    is_checked = False

    def parse(self, values: Parameters) -> Parameters:
        """All parameters, as they are."""
        return {"params": values}
