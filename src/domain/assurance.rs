//! How strong a login was (decision 2.1): our own ladder of `acr` values. A push or a QR code is never phishing-resistant (NIST
//! SP 800-63B-4 §3.1.3), so no value here claims it.

use serde::{Deserialize, Serialize};

use super::named::parsed_enum;

parsed_enum! {
    /// The authentication context class of a login (`acr`, OIDC Core §2), weakest first: the order is the ladder.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub(crate) enum Acr {
        /// Somebody approved on a registered device: a QR code without a name, or a push without a symbol.
        #[serde(rename = "urn:signbridge:acr:approved")]
        Approved = "urn:signbridge:acr:approved",
        #[serde(rename = "urn:signbridge:acr:named")]
        Named = "urn:signbridge:acr:named",
        /// The person who was asked approved and picked what the page showed.
        #[serde(rename = "urn:signbridge:acr:matched")]
        Matched = "urn:signbridge:acr:matched",
    }
}

/// The `amr` of every login (RFC 8176 §2): a multiple-channel authentication.
pub(crate) const AMR: &[&str] = &["mca"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_ordered_and_its_names_parse_back() {
        assert!(Acr::Approved < Acr::Named && Acr::Named < Acr::Matched);
        for acr in Acr::ALL {
            assert_eq!(Acr::parse(acr.as_str()), Some(acr));
            assert_eq!(serde_json::to_value(acr).unwrap(), acr.as_str());
        }
        assert_eq!(Acr::parse("phr"), None);
    }
}
