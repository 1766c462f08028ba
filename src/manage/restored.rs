//! What has to change in a backup before it is served (B42): whatever may be used once is over, since it may have been used
//! after the backup was taken.

use super::{Manage, ManageError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::clock::{Timestamp, rfc3339};
use crate::store::backup::{self, Unused};

/// `latest`: when the latest event of the backup happened.
pub(crate) async fn settle(manage: &Manage<'_>, latest: Option<Timestamp>) -> Result<Unused, ManageError> {
    let detail = latest.map(|at| format!("as of {}", rfc3339(at)));
    let entry = manage.entry(AuditEvent { detail, ..AuditEvent::new(AuditKind::DatabaseRestored) })?;
    let settled = manage.store.write((entry, manage.env.now()), |tx, (entry, now)| {
        Box::pin(async move {
            let unused = backup::end_unused(tx, *now).await?;
            entry.write(tx, *now).await?;
            Ok(unused)
        })
    });
    Ok(settled.await?)
}
