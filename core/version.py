"""Who we are, and which version of the API clients may expect."""

NAME = "Switchyard"
#: The version of the xyOps API that requests and replies follow.
API_VERSION = "1.0.88"
