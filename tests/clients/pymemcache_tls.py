"""pymemcache over TLS, with certificates created by `openssl`."""

import ssl
import subprocess
import tempfile
import threading
import unittest
from contextlib import ExitStack
from pathlib import Path

from pymemcache.client.base import Client, PooledClient

import servers


def openssl(directory, *arguments):
    command = ["openssl", *arguments]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=servers.WAIT_MAX_SECS)


def make_certificates(directory):
    """An authority, and a key with a certificate for both client and server."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(directory, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
    openssl(directory, "req", *key, "-keyout", "pair.key", "-out", "pair.csr", "-subj", "/CN=localhost")
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="ascii")
    authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"]
    openssl(directory, "x509", "-req", "-in", "pair.csr", *authority, "-out", "pair.pem")


class PymemcacheTls(unittest.TestCase):
    """One set of certificates, one server for each test."""

    @classmethod
    def setUpClass(cls):
        resources = ExitStack()
        cls.addClassCleanup(resources.close)
        cls.directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="larder-")))
        make_certificates(cls.directory)

    def serve(self, more=""):
        files = f"ssl_chain_cert={self.directory}/pair.pem,ssl_key={self.directory}/pair.key"
        server = servers.larder(arguments=["-Z", "-I", "8m", "-o", files + more])
        self.addCleanup(server.__exit__)
        return server

    def client(self, server, pair=False, kind=Client, **options):
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        if pair:
            context.load_cert_chain(self.directory / "pair.pem", self.directory / "pair.key")
        address = ("localhost", server.port)
        client = kind(address, tls_context=context, timeout=servers.WAIT_MAX_SECS, **options)
        self.addCleanup(client.close)
        return client

    def test_commands_work_as_without_tls(self):
        client = self.client(self.serve())
        self.assertTrue(client.set("a", "1", noreply=False))
        self.assertEqual(client.incr("a", 41, noreply=False), 42)
        value, unique = client.gets("a")
        self.assertEqual(value, b"42")
        self.assertTrue(client.cas("a", "x", unique, noreply=False))
        self.assertFalse(client.cas("a", "y", unique, noreply=False))
        self.assertEqual(client.set_many({"b": "2", "c": "3"}, noreply=False), [])
        self.assertEqual(client.get_many(["a", "b", "c", "d"]), {"a": b"x", "b": b"2", "c": b"3"})
        self.assertTrue(client.delete("a", noreply=False))
        self.assertIsNone(client.get("a"))
        client.quit()

    def test_large_values_are_stored_unchanged(self):
        client = self.client(self.serve())
        value = bytes(range(256)) * 16384
        self.assertTrue(client.set("large", value, noreply=False))
        self.assertEqual(client.get("large"), value)

    def test_eight_threads_share_a_pool(self):
        client = self.client(self.serve(), kind=PooledClient, max_pool_size=8)
        wrong = []

        def work(number):
            for turn in range(50):
                client.set(f"{number}", f"{number} {turn}", noreply=False)
                if client.get(f"{number}") != f"{number} {turn}".encode():
                    wrong.append((number, turn))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_client_without_tls_gets_no_reply(self):
        client = Client(("127.0.0.1", self.serve().port), timeout=servers.WAIT_MAX_SECS)
        with self.assertRaises(Exception):
            client.get("a")

    def test_a_client_without_the_required_certificate_is_refused(self):
        server = self.serve(f",ssl_ca_cert={self.directory}/ca.pem,ssl_verify_mode=2")
        with self.assertRaises(OSError):
            self.client(server).get("a")
        self.assertIsNone(self.client(server, pair=True).get("a"))

    def test_an_old_version_of_tls_is_refused(self):
        client = self.client(self.serve(",ssl_min_version=3"))
        client.tls_context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            client.get("a")


if __name__ == "__main__":
    unittest.main()
