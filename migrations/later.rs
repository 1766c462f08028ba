//! What was added to the schema since (`COMPATIBLE` in `lib.rs` has what older programs live with).

use crate::table::Step::{self, Index, Unique};
use crate::table::{big_integer, big_integer_null, boolean, boolean_null, column, create, key, table, text, text_null};

/// Logout tokens that are yet to be delivered. No foreign key to the session or the person: a token about them is delivered
/// though they are gone.
pub(crate) fn backchannel_logouts() -> Vec<Step> {
    let columns = [
        key("id"),
        text("client_id"),
        text("session_id"),
        text("user_id"),
        text_null("held_by"),
        big_integer("due_at"),
        big_integer("attempts"),
        text_null("lease_owner"),
        big_integer_null("lease_until"),
        big_integer("created_at"),
    ];
    vec![
        create(table("backchannel_logouts", columns).belongs_to("client_id", "clients")),
        Index("backchannel_logouts", &["client_id"]),
        Index("backchannel_logouts", &["held_by"]),
        Index("backchannel_logouts", &["due_at"]),
        Index("backchannel_logouts", &["created_at"]),
    ]
}

/// Refused requests of clients: each row stands for all that are alike.
pub(crate) fn refused_requests() -> Vec<Step> {
    let columns = [
        key("key"),
        text("client_id"),
        text("endpoint"),
        text("error"),
        text("field"),
        text("reason"),
        text_null("got"),
        text_null("registered"),
        big_integer("count"),
        big_integer("first_at"),
        big_integer("last_at"),
    ];
    vec![
        create(table("refused_requests", columns).belongs_to("client_id", "clients")),
        Index("refused_requests", &["client_id", "last_at"]),
        Index("refused_requests", &["last_at"]),
    ]
}

/// What several nodes on one database need: the outcome of commits whose answer was lost, turns to count in, and which
/// programs a schema still serves.
pub(crate) fn nodes() -> Vec<Step> {
    vec![
        create(table("commits", [key("id"), boolean("took"), big_integer("at")])),
        Index("commits", &["at"]),
        create(table("push_turns", [key("key"), big_integer("at")])),
        Index("push_turns", &["at"]),
        create(table("schema_compatibility", [key("migration"), text("compatible_since")])),
    ]
}

/// Whom a login is for and through which client, and what of an attempt counts where: for limits, pictures and the audit trail.
pub(crate) fn targets() -> Vec<Step> {
    vec![
        column("logins", text_null("target")),
        column("logins", text_null("client_id")),
        Index("logins", &["target"]),
        column("pushes", text_null("typed")),
        column("pushes", text_null("network")),
        column("pushes", boolean_null("sent")),
        Index("pushes", &["upstream", "typed", "at"]),
        Index("pushes", &["network", "at"]),
    ]
}

/// What strangers may have us keep: the source of an authorization, and audit events of which one row stands for many.
pub(crate) fn room() -> Vec<Step> {
    vec![
        column("authorizations", text_null("source")),
        Index("authorizations", &["source", "stage", "created_at"]),
        Index("authorizations", &["stage", "created_at"]),
        column("audit_events", text_null("sample")),
        column("audit_events", big_integer_null("count")),
        column("audit_events", big_integer_null("last_at")),
        Unique("audit_events", &["sample"]),
        create(table("audit_tallies", [key("key"), big_integer("rows"), big_integer("at")])),
        Index("audit_tallies", &["at"]),
    ]
}

/// Who may confirm without a symbol. An older program asks everybody for one.
pub(crate) fn confirmation() -> Vec<Step> {
    vec![column("users", boolean_null("confirm_without_symbol"))]
}

/// Requests that were declined, which their users are asked about, and since when they use which browser; the pause that "this was
/// not me" leads to; and what the operator's webhook is yet to hear of.
pub(crate) fn disowned() -> Vec<Step> {
    let declines = [
        key("login_id"),
        text("user_id"),
        text_null("client_id"),
        text_null("browser"),
        text("address"),
        text("user_agent"),
        big_integer("at"),
    ];
    let events = [
        key("id"),
        text("body"),
        big_integer("due_at"),
        big_integer("attempts"),
        text_null("lease_owner"),
        big_integer_null("lease_until"),
        big_integer("created_at"),
    ];
    vec![
        column("users", big_integer_null("declined_at")),
        column("users", big_integer_null("strangers_until")),
        column("remembered_browsers", big_integer_null("first_used_at")),
        column("authorizations", boolean_null("passed_over")),
        create(table("declines", declines).belongs_to("user_id", "users")),
        Index("declines", &["user_id", "at"]),
        Index("declines", &["at"]),
        create(table("webhook_events", events)),
        Index("webhook_events", &["due_at"]),
        Index("webhook_events", &["created_at"]),
    ]
}

/// By which phone service somebody whose name is filled in signed in.
pub(crate) fn methods() -> Vec<Step> {
    vec![column("remembered_browsers", text_null("upstream"))]
}

/// The logos of clients that commands made: the name of the file beside the client, which is read often, the picture apart.
pub(crate) fn logos() -> Vec<Step> {
    vec![
        column("clients", text_null("logo")),
        create(table("client_logos", [key("client_id"), text("file_name"), text("image")]).belongs_to("client_id", "clients")),
        Index("client_logos", &["file_name"]),
    ]
}
