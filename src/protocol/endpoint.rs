//! The endpoints of the specifications: each path once, with what holds for every request to it. Routes, discovery, CORS and
//! metrics read it here.

/// An endpoint that relying parties know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// OIDC Discovery §4.
    OpenIdConfiguration,
    /// RFC 8414 §3.
    ServerMetadata,
    /// RFC 7517 §5.
    Jwks,
    /// RFC 6749 §3.1.
    Authorization,
    /// RFC 6749 §3.2.
    Token,
    /// OIDC Core §5.3.
    UserInfo,
    /// RFC 7662 §2.
    Introspection,
    /// RFC 7009 §2.
    Revocation,
    /// OIDC RP-Initiated Logout §2.
    EndSession,
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
    pub(crate) const ALL: [Self; 9] = [
        Self::OpenIdConfiguration,
        Self::ServerMetadata,
        Self::Jwks,
        Self::Authorization,
        Self::Token,
        Self::UserInfo,
        Self::Introspection,
        Self::Revocation,
        Self::EndSession,
    ];

    /// The path below the issuer (design 3).
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::OpenIdConfiguration => "/.well-known/openid-configuration",
            Self::ServerMetadata => "/.well-known/oauth-authorization-server",
            Self::Jwks => "/jwks",
            Self::Authorization => "/authorize",
            Self::Token => "/token",
            Self::UserInfo => "/userinfo",
            Self::Introspection => "/introspect",
            Self::Revocation => "/revoke",
            Self::EndSession => "/logout",
        }
    }

    /// The endpoint at a path, if there is one.
    pub(crate) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }

    /// Its URL at the provider with this issuer (without a trailing slash).
    pub(crate) fn url(self, issuer: &str) -> String {
        format!("{issuer}{}", self.path())
    }

    /// Whether browsers are led there and show its answers; the others answer programs, with JSON.
    pub(crate) const fn answers_browsers(self) -> bool {
        matches!(self, Self::Authorization | Self::EndSession)
    }

    /// Whose scripts may read its answers.
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
            assert_eq!(Endpoint::at(endpoint.path()), Some(endpoint));
            assert_eq!(Endpoint::at(&format!("{}/", endpoint.path())), None);
        }
        assert_eq!(Endpoint::at("/"), None);
    }
}
