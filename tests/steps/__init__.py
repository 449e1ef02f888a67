"""The steps of `tests/run`, in order.

A step is a function of the environment and its own result. It adds passed and failed tests to the result. It raises
`Missing` if it needs something that is not on this machine and cannot be fetched.
"""

from . import (
    binary_memcached_suite,
    cache_backends,
    client_drivers,
    debian_package,
    django_suite,
    go_suite,
    memcache_crate_suite,
    pymemcache_suite,
    rust,
    small_suites,
    status_page,
)
from .report import Step

STEPS = (
    Step("build", "the release binary for the clients", rust.build_release),
    Step("debug", "cargo test", rust.debug_tests),
    Step("release", "the tests that start larder, with the release binary", rust.release_tests),
    Step("oracle", "the same random requests to larder and memcached, compared", rust.oracle),
    Step("django", "Django's own cache and session tests", django_suite.run),
    Step("pymemcache", "pymemcache's own integration tests", pymemcache_suite.run),
    Step("tls", "pymemcache over TLS", small_suites.pymemcache_tls),
    Step("memccapable", "libmemcached's conformance test", small_suites.memccapable),
    Step("binary", "clients of the binary protocol, with and without a login", small_suites.binary_clients),
    Step("python-clients", "python-memcached and meta-memcache", small_suites.python_clients),
    Step("drivers", "clients for Perl, Ruby, PHP, Node and Go", client_drivers.run),
    Step("binary-memcached", "python-binary-memcached's own tests", binary_memcached_suite.run),
    Step("gomemcache", "gomemcache's own tests", go_suite.run),
    Step("memcache-crate", "the memcache crate's own tests", memcache_crate_suite.run),
    Step("libmemcached", "the command line tools of libmemcached", small_suites.libmemcached_tools),
    Step("memcached-tool", "the report script of Debian's memcached", small_suites.memcached_tool),
    Step("tools", "larder top in a terminal of tmux", small_suites.larder_top),
    Step("servers", "three servers behind nutcracker and a hash client", small_suites.several_servers),
    Step("status-page", "the status page of --metrics in a browser", status_page.run),
    Step("site", "a Django site in eight processes", small_suites.site),
    Step("fuzz", "the fuzz targets compile", rust.fuzz_targets),
    Step("backends", "Django's cache backends, compared in the smallest size", cache_backends.run_smoke),
    Step("benches", "every benchmark in its smallest size", rust.benches),
    Step("debian-package", "the package in a clean Debian (as root, by name)", debian_package.run, by_default=False),
)
