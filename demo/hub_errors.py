"""The refusals of the demonstration Hub, as the Hub words them."""

from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """A refusal that the clients tell apart by status and `X-Error-Code`."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        revision: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.revision = revision

    def response(self) -> Response:
        headers = {"X-Error-Message": self.message}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        if self.revision is not None:
            headers["X-Revision"] = self.revision
        return JSONResponse({"error": self.message}, self.status, headers)


def repo_not_found() -> HubError:
    """A missing and a private repository look alike, so that names do not leak."""
    return HubError(401, "Repository not found", "RepoNotFound")


def revision_not_found() -> HubError:
    return HubError(404, "Invalid rev id", "RevisionNotFound")


def entry_not_found(message: str = "Entry not found") -> HubError:
    return HubError(404, message, "EntryNotFound")


def gated_repo() -> HubError:
    return HubError(403, "Access to this dataset is restricted", "GatedRepo")


def disabled_repo() -> HubError:
    """The clients know this refusal by its message, not by a code."""
    return HubError(403, "Access to this resource is disabled.")


def bad_request(message: str) -> HubError:
    return HubError(400, message, "BadRequest")
