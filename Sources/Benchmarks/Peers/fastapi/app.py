"""The same service as a Python user would write it: FastAPI, uvicorn, torch.

    python app.py [--port PORT] [--threads COUNT]

0, the default port, picks a free one; the address is printed. torch uses as many threads as it
does by default, one a core, unless --threads says otherwise.

It takes the requests that load-benchmark sends to the service, of F32 and with Adam's defaults:

    GET    /livez                      200 "ok"
    PUT    /v1/sessions/NAME           a safetensors file of parameters; a session of that name is
                                       replaced
    POST   /v1/sessions/NAME/steps     gradients in raw F32, safetensors or JSON; parameters back
                                       in the same format
    DELETE /v1/sessions/NAME           204

What makes it fast: one process whose event loop steps in place, with no thread to hand over to;
all parameters of a session are one vector that the fused Adam updates in place, where it is also
what answers are sent from; gradients are read where the body was received; orjson for JSON. That
has a price: an answer that is still being sent when the next step of its session begins would show
that step's numbers. A client that waits for its answers never sees it, and a copy would cost time.
"""

import argparse
import socket
import warnings

import numpy
import orjson
import safetensors.torch
import torch
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

RAW = "application/octet-stream"
SAFETENSORS = "application/safetensors"
JSON = "application/json"
# What torch aligns its own memory to.
ALIGNMENT = 64

# Gradients are read and never written, and a request's body cannot be.
warnings.filterwarnings("ignore", message="The given buffer is not writable")


class Session:
    """A safetensors file in memory whose numbers are the parameters."""

    def __init__(self, tensors):
        # The layout of raw bodies: the tensors in byte order of their names, without gaps.
        names = sorted(tensors, key=str.encode)
        self.layout, end = {}, 0
        for name in names:
            start, end = end, end + 4 * tensors[name].numel()
            self.layout[name] = {
                "dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [start, end]}
        header = orjson.dumps(self.layout)
        header += b" " * (-(8 + len(header)) % ALIGNMENT)
        start = 8 + len(header)
        file = torch.empty(start + end, dtype=torch.uint8)
        self.file = memoryview(file.numpy())
        self.file[:8] = len(header).to_bytes(8, "little")
        self.file[8:start] = header
        self.raw = self.file[start:]
        self.step = 0
        self.parameters = torch.nn.Parameter(file[start:].view(torch.float32))
        with torch.no_grad():
            torch.cat([tensors[name].flatten() for name in names], out=self.parameters)
        self.optimizer = torch.optim.Adam([self.parameters], fused=True)

    def apply(self, gradients):
        """One step; `gradients` are all, as one vector."""
        self.parameters.grad = gradients
        self.optimizer.step()
        self.step += 1

    def raw_gradients(self, body):
        if len(body) != len(self.raw):
            raise HTTPException(422, f"expected {len(self.raw)} bytes, not {len(body)}")
        return torch.frombuffer(body, dtype=torch.float32)

    def safetensors_gradients(self, body):
        start = 8 + int.from_bytes(body[:8], "little")
        try:
            layout = orjson.loads(memoryview(body)[8:start])
            layout.pop("__metadata__", None)
        except (AttributeError, orjson.JSONDecodeError) as error:
            raise HTTPException(400, f"no safetensors file: {error}") from error
        if layout == self.layout and len(body) - start == len(self.raw):
            # The same tensors in the same places.
            return torch.frombuffer(body, dtype=torch.float32, offset=start)
        try:
            return self.gathered(safetensors.torch.load(body))
        except safetensors.SafetensorError as error:
            raise HTTPException(400, str(error)) from error

    def json_gradients(self, document):
        tensors = {}
        try:
            for name, value in document["gradients"].items():
                tensors[name] = torch.from_numpy(numpy.array(value, dtype=numpy.float32))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HTTPException(422, f"no gradients: {error}") from error
        return self.gathered(tensors)

    def gathered(self, tensors):
        """Named gradients as one vector."""
        if tensors.keys() != self.layout.keys():
            raise HTTPException(422, "the names of gradients and parameters differ")
        for name, place in self.layout.items():
            if list(tensors[name].shape) != place["shape"] or tensors[name].dtype != torch.float32:
                raise HTTPException(422, f"{name} is not F32 of shape {place['shape']}")
        parts = [tensors[name].flatten() for name in self.layout]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def document(self):
        values = numpy.frombuffer(self.raw, dtype=numpy.float32)
        parameters = {}
        for name, place in self.layout.items():
            start, end = place["data_offsets"]
            parameters[name] = values[start // 4:end // 4].reshape(place["shape"])
        return orjson.dumps(
            {"parameters": parameters, "step": self.step}, option=orjson.OPT_SERIALIZE_NUMPY)


app = FastAPI(openapi_url=None)
sessions = {}


@app.get("/livez")
async def livez():
    return Response("ok", media_type="text/plain")


@app.put("/v1/sessions/{name}")
async def create(name: str, request: Request):
    try:
        tensors = safetensors.torch.load(await request.body())
    except safetensors.SafetensorError as error:
        raise HTTPException(400, str(error)) from error
    if not tensors or any(tensor.dtype != torch.float32 for tensor in tensors.values()):
        raise HTTPException(422, "at least one tensor, and F32 only")
    sessions[name] = Session(tensors)
    return Response(status_code=201)


@app.delete("/v1/sessions/{name}")
async def delete(name: str):
    if sessions.pop(name, None) is None:
        raise HTTPException(404, f"no session {name}")
    return Response(status_code=204)


@app.post("/v1/sessions/{name}/steps")
async def step(name: str, request: Request):
    session = sessions.get(name)
    if session is None:
        raise HTTPException(404, f"no session {name}")
    media_type = request.headers.get("content-type")
    body = await request.body()
    if media_type == RAW:
        session.apply(session.raw_gradients(body))
        return Response(session.raw, media_type=RAW)
    if media_type == SAFETENSORS:
        session.apply(session.safetensors_gradients(body))
        return Response(session.file, media_type=SAFETENSORS)
    if media_type == JSON:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, str(error)) from error
        session.apply(session.json_gradients(document))
        return Response(session.document(), media_type=JSON)
    raise HTTPException(415, f"{RAW}, {SAFETENSORS} or {JSON}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--threads", type=int, help="threads of torch")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=2048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    configuration = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False,
        log_level="warning", timeout_keep_alive=75)
    uvicorn.Server(configuration).run(sockets=[listener])


if __name__ == "__main__":
    main()
