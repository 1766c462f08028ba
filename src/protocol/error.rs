//! Error codes of OAuth 2.0 and OpenID Connect, each with the section that defines it.

use super::named::parsed_enum;

parsed_enum! {
    /// The `error` of an authorization response, a token response or a bearer challenge.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum ErrorCode {
        // RFC 6749 §4.1.2.1, §5.2.
        InvalidRequest = "invalid_request",
        UnauthorizedClient = "unauthorized_client",
        InvalidScope = "invalid_scope",
        // RFC 6749 §5.2.
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        UnsupportedGrantType = "unsupported_grant_type",
        // RFC 6749 §4.1.2.1.
        UnsupportedResponseType = "unsupported_response_type",
        AccessDenied = "access_denied",
        ServerError = "server_error",
        // OIDC Core §3.1.2.6.
        LoginRequired = "login_required",
        ConsentRequired = "consent_required",
        RequestNotSupported = "request_not_supported",
        RequestUriNotSupported = "request_uri_not_supported",
        RegistrationNotSupported = "registration_not_supported",
        // OpenID Connect Unmet Authentication Requirements §2.
        UnmetAuthenticationRequirements = "unmet_authentication_requirements",
        // RFC 6750 §3.1.
        InvalidToken = "invalid_token",
        InsufficientScope = "insufficient_scope",
    }
}
