//! The endpoints of the specifications: each path once, with what holds for every request to it.

use super::named::parsed_enum;

parsed_enum! {
    /// An endpoint that relying parties know, named by its path below the issuer (design 3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Endpoint {
        /// OIDC Discovery §4.
        OpenIdConfiguration = "/.well-known/openid-configuration",
        /// RFC 8414 §3.
        ServerMetadata = "/.well-known/oauth-authorization-server",
        /// RFC 7517 §5.
        Jwks = "/jwks",
        /// RFC 6749 §3.1.
        Authorization = "/authorize",
        /// RFC 6749 §3.2.
        Token = "/token",
        /// OIDC Core §5.3.
        UserInfo = "/userinfo",
        /// RFC 7662 §2.
        Introspection = "/introspect",
        /// RFC 7009 §2.
        Revocation = "/revoke",
        /// OIDC RP-Initiated Logout §2.
        EndSession = "/logout",
    }
}

/// Which other origins' scripts may read an endpoint's answers (Fetch §3.2), never with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CorsPolicy {
    None,
    /// All: a public document (check 17).
    Public,
    /// Those of browser clients, which call the endpoint from their own origin (check 17).
    Clients,
}

impl Endpoint {
    pub(crate) fn url(self, issuer: &str) -> String {
        format!("{issuer}{}", self.as_str())
    }

    /// Whether browsers are led there and show its answers; the others answer programs, with JSON.
    pub(crate) const fn answers_browsers(self) -> bool {
        matches!(self, Self::Authorization | Self::EndSession)
    }

    pub(crate) const fn cors(self) -> CorsPolicy {
        match self {
            Self::OpenIdConfiguration | Self::ServerMetadata | Self::Jwks => CorsPolicy::Public,
            Self::Token | Self::UserInfo | Self::Revocation => CorsPolicy::Clients,
            Self::Authorization | Self::Introspection | Self::EndSession => CorsPolicy::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_a_path_of_its_own() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::parse(endpoint.as_str()), Some(endpoint));
            assert_eq!(Endpoint::parse(&format!("{}/", endpoint.as_str())), None);
        }
        assert_eq!(Endpoint::parse("/"), None);
    }
}
