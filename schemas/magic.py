"""Parameters of magic links: all of them are the job's."""

from schemas.parameters import check_names
from schemas.run import JobInput, merge_json
from schemas.wire import Parameters, Pattern, RequestSchema


class RunMagic(RequestSchema):
    """The job's input; every other parameter is one of the job's."""

    is_checked = False

    input = JobInput(metadata={"description": "The job's input: `data` and `files`."})
    json = Pattern("", metadata={"description": "More parameters, as the text of a JSON object."})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as `params`, and `job_input`."""
        params = dict(values)
        merge_json(params)
        job_input = self.load(params).get("input")
        params.pop("input", None)
        check_names(params, "Magic trigger params")
        return {"params": params, "job_input": job_input}
