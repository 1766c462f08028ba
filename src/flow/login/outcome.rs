//! What a login is for: the one place that knows.

use crate::domain::login::Purpose;
use crate::store::{StoreError, Tx, authorizations};

/// Locks what a login is for until the commit. False: it is gone (an authorization made room for another one a moment ago), and no
/// login begins for it.
pub(super) async fn on_begin(tx: &Tx, purpose: &Purpose) -> Result<bool, StoreError> {
    let Purpose::Authorization(id) = purpose;
    authorizations::lock(tx, id).await
}
