//! Cipher lists in the syntax of OpenSSL (`-o ssl_ciphers`). As in OpenSSL, a list selects suites of TLS 1.2, and those
//! of TLS 1.3 are always allowed. Unknown words are ignored, and a list that selects no suite is an error.

use rustls::{CipherSuite, SupportedCipherSuite};

/// The OpenSSL names of the suites of rustls.
const NAMES: &[(CipherSuite, &str)] = &[
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// The suites of `all` that `list` allows, in the order of the list; `None` without any suite of TLS 1.2.
pub(super) fn suites(list: &str, all: &[SupportedCipherSuite]) -> Option<Vec<SupportedCipherSuite>> {
    let mut chosen: Vec<&str> = Vec::new();
    let mut excluded: Vec<&str> = Vec::new();
    for word in list.split([':', ' ', ';', ',']).filter(|word| !word.is_empty()) {
        let (sign, word) = match word.strip_prefix(['!', '-', '+', '@']) {
            Some(rest) => (word.chars().next(), rest),
            None => (None, word),
        };
        let named = NAMES
            .iter()
            .map(|(_, name)| *name)
            .filter(|name| word.split('+').all(|part| matches_suite(part, name)));
        match sign {
            None => {
                for name in named {
                    if !chosen.contains(&name) && !excluded.contains(&name) {
                        chosen.push(name);
                    }
                }
            }
            Some('!') => excluded.extend(named),
            Some('-') => {
                let removed: Vec<&str> = named.collect();
                chosen.retain(|name| !removed.contains(name));
            }
            // The other signs only change the order.
            _ => {}
        }
    }
    chosen.retain(|name| !excluded.contains(name));
    if chosen.is_empty() {
        return None;
    }
    let by_name = |name: &&str| {
        let (suite, _) = NAMES.iter().find(|(_, known)| known == name)?;
        all.iter().find(|supported| supported.suite() == *suite).copied()
    };
    let tls13 = all.iter().filter(|suite| suite.tls13().is_some()).copied();
    Some(tls13.chain(chosen.iter().filter_map(by_name)).collect())
}

/// True if a word of a list matches the suite.
fn matches_suite(word: &str, name: &str) -> bool {
    match word {
        "ALL" | "DEFAULT" | "HIGH" | "AEAD" | "TLSv1.2" => true,
        "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" => true,
        "ECDSA" | "aECDSA" => name.contains("-ECDSA-"),
        "aRSA" => name.contains("-RSA-"),
        "AES" => name.contains("-AES"),
        "AESGCM" => name.contains("-GCM-"),
        "AES128" => name.contains("-AES128-"),
        "AES256" => name.contains("-AES256-"),
        "CHACHA20" => name.contains("-CHACHA20-"),
        _ => word == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    /// The OpenSSL names of the TLS 1.2 suites that a list allows.
    fn allowed(list: &str) -> Option<Vec<&'static str>> {
        let suites = suites(list, ALL_CIPHER_SUITES)?;
        let (tls13, tls12): (Vec<_>, Vec<_>) = suites.into_iter().partition(|suite| suite.tls13().is_some());
        assert_eq!(tls13.len(), 3);
        let name = |suite: &SupportedCipherSuite| {
            NAMES.iter().find(|(known, _)| *known == suite.suite()).map(|(_, name)| *name).unwrap()
        };
        Some(tls12.iter().map(name).collect())
    }

    #[test]
    fn suites_are_selected_in_the_order_of_the_list() {
        let list = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";
        assert_eq!(allowed(list).unwrap(), ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"]);
    }

    #[test]
    fn words_select_groups_and_signs_remove_suites() {
        assert_eq!(allowed("HIGH").unwrap().len(), 6);
        assert_eq!(allowed("HIGH:!aNULL:!MD5").unwrap().len(), 6);
        assert_eq!(allowed("ECDHE+AESGCM:!AES128").unwrap().len(), 2);
        assert_eq!(allowed("!CHACHA20:ALL").unwrap().len(), 4);
        assert_eq!(allowed("ALL:-aRSA:@STRENGTH").unwrap().len(), 3);
        assert_eq!(allowed("AES128-SHA:AES256+aECDSA").unwrap(), ["ECDHE-ECDSA-AES256-GCM-SHA384"]);
    }

    #[test]
    fn a_list_without_a_suite_is_an_error() {
        for list in ["", "NONSENSE", "AES128-SHA", "ALL:!ALL", "RC4+AES"] {
            assert_eq!(allowed(list), None, "{list}");
        }
    }

    #[test]
    fn every_suite_of_tls_12_has_a_name() {
        let named = ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none());
        assert!(named.clone().all(|suite| NAMES.iter().any(|(known, _)| *known == suite.suite())));
        assert_eq!(named.count(), NAMES.len());
    }
}
