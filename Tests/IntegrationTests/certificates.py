"""Keys and certificates for a test, made by the `openssl` program."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class Authority:
    """A root of its own that signs for servers at 127.0.0.1 and for clients."""

    def __init__(self, directory, name="root"):
        self.directory, self.name = directory, name
        self.key, self.certificate = directory / f"{name}.key", directory / f"{name}.pem"
        self._request(self.key, self.certificate, f"/CN={name}", "-x509")

    def _request(self, key, out, subject, *more):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", out, "-subj", subject, "-days", "2", *more)

    def sign(self, name):
        """The paths of a certificate and its key."""
        key, request = self.directory / f"{name}.key", self.directory / f"{name}.csr"
        certificate = self.directory / f"{name}.pem"
        self._request(key, request, f"/CN={name}", "-addext",
                      "subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-days", "2", "-copy_extensions", "copy", "-out", certificate)
        return certificate, key
