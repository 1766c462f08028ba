//! The schema as it began.

use crate::table::Step::{self, Index, Unique};
use crate::table::{NewTable, big_integer, big_integer_null, boolean, boolean_null, create, key, table, text, text_null};

/// What the installation is: facts frozen at first start, and its signing keys.
pub(crate) fn instance() -> Vec<Step> {
    let keys = table(
        "signing_keys",
        [
            key("kid"),
            text("alg"),
            text("state"),
            text_null("seat").unique_key().to_owned(),
            text("public_jwk"),
            text("sealed_private"),
            big_integer("created_at"),
            big_integer_null("active_at"),
            big_integer_null("retired_at"),
        ],
    );
    vec![create(table("instance", [key("key"), text("value")])), create(keys)]
}

/// People, the phones that they registered, the browsers that they signed in with.
pub(crate) fn people() -> Vec<Step> {
    let browsers = [text("browser"), text("user_id"), text_null("identifier"), big_integer("last_used_at")];
    let browsers = table("remembered_browsers", browsers).keyed_by("browser", "user_id").belongs_to("user_id", "users");
    vec![
        create(users()),
        Unique("users", &["username"]),
        Unique("users", &["email"]),
        create(devices()),
        Unique("devices", &["upstream", "upstream_user"]),
        Index("devices", &["user_id"]),
        create(browsers),
        Index("remembered_browsers", &["user_id"]),
        Index("remembered_browsers", &["last_used_at"]),
    ]
}

fn users() -> NewTable {
    let columns = [
        key("id"),
        text("username"),
        text_null("email"),
        boolean("email_verified"),
        text("name"),
        text("group_names"),
        boolean("locked"),
        text("source"),
        big_integer("created_at"),
        big_integer("updated_at"),
    ];
    table("users", columns)
}

fn devices() -> NewTable {
    let columns = [
        key("id"),
        text("user_id"),
        text("upstream"),
        text("upstream_user"),
        text("label"),
        big_integer("created_at"),
        big_integer_null("last_used_at"),
    ];
    table("devices", columns).belongs_to("user_id", "users")
}

/// Relying parties.
pub(crate) fn clients() -> Vec<Step> {
    let columns =
        [key("id"), text("metadata"), text_null("secret"), text("source"), boolean("disabled"), big_integer("created_at")];
    vec![create(table("clients", columns))]
}

/// Signed-in browsers.
pub(crate) fn sessions() -> Vec<Step> {
    let columns = [
        key("id"),
        text("cookie"),
        text("user_id"),
        big_integer("auth_time"),
        text("acr"),
        text_null("device_id"),
        boolean("unnamed"),
        text("browser"),
        text("address"),
        text("user_agent"),
        big_integer("created_at"),
        big_integer("last_seen_at"),
        big_integer("expires_at"),
        big_integer_null("ended_at"),
    ];
    vec![
        create(table("sessions", columns).belongs_to("user_id", "users")),
        Unique("sessions", &["cookie"]),
        Index("sessions", &["user_id"]),
        Index("sessions", &["expires_at"]),
    ]
}

/// Requests of relying parties, from `/authorize` to the code.
pub(crate) fn requests() -> Vec<Step> {
    let posted = table("posted_parameters", [key("handle"), text("parameters"), big_integer("expires_at")]);
    vec![
        create(authorizations()),
        Index("authorizations", &["client_id"]),
        Index("authorizations", &["user_id"]),
        Index("authorizations", &["expires_at"]),
        create(posted),
        Index("posted_parameters", &["expires_at"]),
        create(codes()),
        Index("codes", &["authorization_id"]),
        Index("codes", &["expires_at"]),
    ]
}

fn authorizations() -> NewTable {
    let columns = [
        key("id"),
        text("browser"),
        text("client_id"),
        text("request"),
        text("stage"),
        text_null("user_id"),
        text_null("session_id"),
        big_integer_null("auth_time"),
        text_null("acr"),
        text_null("device_id"),
        boolean_null("unnamed"),
        boolean("consented"),
        text_null("error"),
        big_integer("created_at"),
        big_integer("expires_at"),
    ];
    table("authorizations", columns).belongs_to("client_id", "clients").belongs_to("user_id", "users")
}

fn codes() -> NewTable {
    let columns = [
        key("digest"),
        text("authorization_id"),
        text("content"),
        big_integer("expires_at"),
        big_integer_null("consumed_at"),
        text_null("grant_id"),
    ];
    table("codes", columns).belongs_to("authorization_id", "authorizations")
}

/// Token families, their tokens, and what people allowed.
pub(crate) fn grants() -> Vec<Step> {
    let tokens = [key("digest"), text("grant_id"), text("scope"), big_integer("issued_at"), big_integer("expires_at")];
    let consents = table("consents", [text("user_id"), text("client_id"), text("scope"), big_integer("granted_at")]);
    vec![
        create(families()),
        Index("grants", &["client_id"]),
        Index("grants", &["user_id"]),
        Index("grants", &["session_id"]),
        Index("grants", &["expires_at"]),
        create(table("access_tokens", tokens).belongs_to("grant_id", "grants")),
        Index("access_tokens", &["grant_id"]),
        Index("access_tokens", &["expires_at"]),
        create(refresh_tokens()),
        Unique("refresh_tokens", &["predecessor"]),
        Index("refresh_tokens", &["grant_id"]),
        Index("refresh_tokens", &["expires_at"]),
        create(consents.keyed_by("user_id", "client_id").belongs_to("user_id", "users").belongs_to("client_id", "clients")),
        Index("consents", &["client_id"]),
    ]
}

fn families() -> NewTable {
    let columns = [
        key("id"),
        text("client_id"),
        text("user_id"),
        text("session_id"),
        big_integer("auth_time"),
        text("acr"),
        text_null("device_id"),
        boolean("unnamed"),
        text("scope"),
        boolean("offline"),
        text_null("nonce"),
        big_integer("created_at"),
        big_integer("expires_at"),
        big_integer_null("revoked_at"),
    ];
    table("grants", columns).belongs_to("client_id", "clients").belongs_to("user_id", "users")
}

fn refresh_tokens() -> NewTable {
    let columns = [
        key("digest"),
        text("grant_id"),
        text_null("predecessor"),
        big_integer("issued_at"),
        big_integer("expires_at"),
        big_integer_null("rotated_at"),
        big_integer_null("first_used_at"),
    ];
    table("refresh_tokens", columns).belongs_to("grant_id", "grants")
}

/// Attempts to get an approval from a phone, and what limits and hides them.
pub(crate) fn phones() -> Vec<Step> {
    let slots = [text("upstream"), text("upstream_user"), text("login_id"), big_integer("held_until")];
    vec![
        create(logins()),
        Index("logins", &["browser"]),
        Index("logins", &["authorization_id"]),
        Index("logins", &["stage", "deadline"]),
        Index("logins", &["deadline"]),
        create(table("slots", slots).keyed_by("upstream", "upstream_user")),
        Index("slots", &["login_id"]),
        Index("slots", &["held_until"]),
        create(pushes()),
        Index("pushes", &["upstream", "target", "at"]),
        Index("pushes", &["address", "at"]),
        Index("pushes", &["at"]),
        create(table("access_passes", [key("digest"), text("image"), big_integer("seen_at")])),
    ]
}

fn logins() -> NewTable {
    let columns = [
        key("id"),
        text("purpose"),
        text_null("authorization_id"),
        text("browser"),
        text("address"),
        text("user_agent"),
        text("upstream"),
        text("subject"),
        text_null("asked_user_id"),
        text_null("asked_device_id"),
        text_null("upstream_user"),
        boolean("remembered"),
        text_null("typed"),
        boolean("remember"),
        text_null("challenge"),
        text("stage"),
        text_null("reason"),
        text_null("sealed_handle"),
        text_null("approved_user_id"),
        text_null("approved_device_id"),
        big_integer("created_at"),
        big_integer("deadline"),
        big_integer_null("ended_at"),
        big_integer_null("consumed_at"),
        text_null("lease_owner"),
        big_integer_null("lease_until"),
    ];
    table("logins", columns).belongs_to("authorization_id", "authorizations")
}

fn pushes() -> NewTable {
    let columns = [
        key("login_id"),
        text("upstream"),
        text("target"),
        text("address"),
        text("browser"),
        boolean("remembered"),
        big_integer("at"),
        big_integer_null("denied_at"),
    ];
    table("pushes", columns)
}

/// The audit trail. No foreign keys: it outlives what it tells of.
pub(crate) fn audit() -> Vec<Step> {
    let columns = [
        key("id"),
        big_integer("at"),
        text("kind"),
        text_null("user_id"),
        text_null("client_id"),
        text_null("subject"),
        text("address"),
        text("user_agent"),
        text_null("detail"),
    ];
    vec![create(table("audit_events", columns)), Index("audit_events", &["at"])]
}
