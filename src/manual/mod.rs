//! The manual: how to install, configure, operate and judge larder.
//!
//! The chapters are Markdown files in `src/manual/`, readable on a forge as well. The README is the short version.
//!
//! | chapter | content |
//! | --- | --- |
//! | [`choosing`] | which of Django's cache backends fits a site, and when memcached or Redis is the better choice |
//! | [`django`] | installing larder for a Django site: settings, sessions, several sites, unix socket, TLS, login |
//! | [`packages`] | Debian package, Docker, Kubernetes, dashboard and alert rules |
//! | [`operations`] | memory, threads, limits, signals, logs, upgrades, systemd, monitoring |
//! | [`security`] | addresses, logins, TLS, pickle, metrics |
//! | [`protocols`] | protocols, commands, and every extension of larder |
//! | [`differences`] | all differences from memcached |
//! | [`benchmarks`] | method and all measurements |

// The first definition of a link counts. Those here lead to modules, those at the end of the files to files.
macro_rules! chapter {
    ($name:ident, $file:literal) => {
        #[doc = "[benchmarks]: crate::manual::benchmarks"]
        #[doc = "[choosing]: crate::manual::choosing"]
        #[doc = "[differences]: crate::manual::differences"]
        #[doc = "[django]: crate::manual::django"]
        #[doc = "[operations]: crate::manual::operations"]
        #[doc = "[packages]: crate::manual::packages"]
        #[doc = "[protocols]: crate::manual::protocols"]
        #[doc = "[security]: crate::manual::security"]
        #[doc = ""]
        #[doc = include_str!($file)]
        pub mod $name {}
    };
}

chapter!(benchmarks, "benchmarks.md");
chapter!(choosing, "choosing.md");
chapter!(differences, "differences.md");
chapter!(django, "django.md");
chapter!(operations, "operations.md");
chapter!(packages, "packages.md");
chapter!(protocols, "protocols.md");
chapter!(security, "security.md");
