//! Relying parties: add, replace, read, change, delete, and give a new secret (RFC 7591 §2, by an operator's hand).

use super::users::name_conflict;
use super::{Manage, ManageError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::brand::CLIENT_LOGO;
use crate::domain::client::{Client, ClientPatch, Source};
use crate::domain::client_rules::check_id;
use crate::domain::id::ClientId;
use crate::domain::picture::Picture;
use crate::domain::refusal::RefusalTally;
use crate::domain::secret::Secret;
use crate::flow::audit::PendingEvent;
use crate::protocol::client_metadata::ClientMetadata;
use crate::store::{StoreError, Tx, clients, grants, refusals};

/// A client, and its new secret where it was given one: the only moment at which the secret can be read.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub client: Client,
    pub secret: Option<Secret>,
}

impl Issued {
    /// With the one of these secrets that the client has now.
    fn of(client: Client, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secret = secrets.into_iter().find(|secret| client.secret == Some(secret.digest()));
        Self { client, secret }
    }
}

pub(super) fn event(id: &ClientId, detail: &str) -> AuditEvent {
    let id = id.as_str().to_owned();
    AuditEvent {
        client: Some(id.clone()),
        subject: Some(id),
        detail: Some(detail.to_owned()),
        ..AuditEvent::new(AuditKind::ClientChanged)
    }
}

fn name(id: &ClientId) -> String {
    format!("client `{id}`")
}

/// A client that is not there yet. A confidential one has a secret; without an id it gets one as well.
fn new_client(manage: &Manage<'_>, id: Option<String>, patch: ClientPatch) -> Result<Issued, ManageError> {
    let id = match id {
        Some(id) => check_id(&id).map_err(|wrong| ManageError::Invalid(vec![wrong]))?,
        None => ClientId::generate(manage.env)?,
    };
    let metadata = patch.apply(&ClientMetadata::default(), manage.allow_private).map_err(ManageError::Invalid)?;
    let secret = if metadata.is_public() { None } else { Some(Secret::generate(manage.env)?) };
    let client = Client {
        id,
        metadata,
        secret: secret.as_ref().map(Secret::digest),
        source: Source::Command,
        disabled: false,
        created_at: manage.env.now(),
        logo: None,
    };
    Ok(Issued { client, secret })
}

pub(crate) async fn create(manage: &Manage<'_>, id: Option<String>, patch: ClientPatch) -> Result<Issued, ManageError> {
    let issued = new_client(manage, id, patch)?;
    let entry = manage.entry(event(&issued.client.id, "created"))?;
    let job = (issued.client.clone(), entry);
    let inserted = manage.store.write(job, |tx, (client, entry)| Box::pin(insert(tx, client, entry))).await?;
    if inserted { Ok(issued) } else { Err(ManageError::Exists(name(&issued.client.id))) }
}

pub(super) async fn insert(tx: &Tx, client: &Client, entry: &PendingEvent) -> Result<bool, StoreError> {
    let inserted = clients::insert(tx, client).await?;
    if inserted {
        entry.write(tx, client.created_at).await?;
    }
    Ok(inserted)
}

/// Adds a client, or makes the one of that id what a new one would be: its metadata are replaced. It keeps its secret where
/// that is `known`, and gets a new one otherwise. One that was switched off stays so.
pub(crate) async fn replace(
    manage: &Manage<'_>,
    id: String,
    patch: ClientPatch,
    known: Option<Secret>,
) -> Result<Issued, ManageError> {
    let fresh = new_client(manage, Some(id), patch)?;
    let created = manage.entry(event(&fresh.client.id, "created"))?;
    let replaced = manage.entry(event(&fresh.client.id, "replaced"))?;
    let job = (fresh.client, known.as_ref().map(Secret::digest), created, replaced, manage.env.now());
    let written = manage.store.try_write(job, |tx, (client, known, created, replaced, now)| {
        Box::pin(async move {
            let Some(before) = clients::find(tx, &client.id).await? else {
                let inserted = insert(tx, client, created).await?;
                return if inserted { Ok(client.clone()) } else { Err(ManageError::from(name_conflict())) };
            };
            if before.source == Source::File {
                return Err(ManageError::Declared(name(&before.id)));
            }
            let keeps = client.secret.is_some() && before.secret.is_some() && before.secret == *known;
            let secret = if keeps { before.secret.clone() } else { client.secret.clone() };
            let (disabled, created_at, logo) = (before.disabled, before.created_at, before.logo.clone());
            let after = Client { secret, disabled, created_at, logo, ..client.clone() };
            if after.metadata == before.metadata && after.secret == before.secret {
                return Ok(after);
            }
            clients::update(tx, &after).await?;
            clients::update_secret(tx, &after.id, after.secret.as_ref()).await?;
            replaced.write(tx, *now).await?;
            Ok(after)
        })
    });
    Ok(Issued::of(written.await?, known.into_iter().chain(fresh.secret)))
}

/// Gives it this logo, or none.
pub(crate) async fn set_logo(manage: &Manage<'_>, id: &ClientId, logo: Option<Picture>) -> Result<Client, ManageError> {
    let logo = logo.map(|logo| (logo.file_name(CLIENT_LOGO), logo));
    let job = (id.clone(), logo, manage.entry(event(id, "logo changed"))?, manage.env.now());
    let changed = manage.store.try_write(job, |tx, (id, logo, entry, now)| {
        Box::pin(async move {
            let before = clients::find(tx, id).await?.ok_or_else(|| ManageError::NotFound(name(id)))?;
            if before.source == Source::File {
                return Err(ManageError::Declared(name(id)));
            }
            clients::update_logo(tx, id, logo.as_ref().map(|(file, logo)| (file.as_str(), &*logo.bytes))).await?;
            entry.write(tx, *now).await?;
            Ok(Client { logo: logo.as_ref().map(|(file, _logo)| file.clone()), ..before })
        })
    });
    changed.await
}

pub(crate) async fn list(manage: &Manage<'_>) -> Result<Vec<Client>, ManageError> {
    Ok(clients::list(manage.store.read()).await?)
}

pub(crate) async fn find(manage: &Manage<'_>, id: &ClientId) -> Result<Client, ManageError> {
    clients::find(manage.store.read(), id).await?.ok_or_else(|| ManageError::NotFound(name(id)))
}

/// The latest requests of a client that were refused, the latest first; some of them stand for many.
pub(crate) async fn refused(manage: &Manage<'_>, id: &ClientId, most: i64) -> Result<Vec<RefusalTally>, ManageError> {
    Ok(refusals::list(manage.store.read(), id, most).await?)
}

pub(crate) enum Change {
    /// What is given, and whether it is switched off. Then what it has is dead for good. One that ceases to be public gets a
    /// secret, one that becomes public loses it.
    Update(ClientPatch, Option<bool>),
    /// A new secret; the old one is dead at once.
    Rotate,
    Delete,
}

pub(crate) async fn change(manage: &Manage<'_>, id: &ClientId, change: Change) -> Result<Issued, ManageError> {
    let detail = match change {
        Change::Update(_, Some(true)) => "disabled",
        Change::Update(_, Some(false)) => "enabled",
        Change::Update(_, None) => "updated",
        Change::Rotate => "secret rotated",
        Change::Delete => "deleted",
    };
    let (fresh, allow_private) = (Secret::generate(manage.env)?, manage.allow_private);
    let job = (id.clone(), change, fresh.digest(), manage.entry(event(id, detail))?, manage.env.now());
    let changed = manage.store.try_write(job, move |tx, (id, change, fresh, entry, now)| {
        Box::pin(async move {
            let before = clients::find(tx, id).await?.ok_or_else(|| ManageError::NotFound(name(id)))?;
            if before.source == Source::File {
                return Err(ManageError::Declared(name(id)));
            }
            let mut after = before.clone();
            match change {
                Change::Update(patch, disabled) => {
                    after.metadata = patch.apply(&before.metadata, allow_private).map_err(ManageError::Invalid)?;
                    // A secret in case it needs one and has none.
                    after.secret = (!after.metadata.is_public()).then(|| before.secret.as_ref().unwrap_or(fresh).clone());
                    after.disabled = disabled.unwrap_or(before.disabled);
                    clients::update(tx, &after).await?;
                }
                Change::Rotate if before.metadata.is_public() => {
                    return Err(ManageError::Refused(format!("{} is public: it has no secret", name(id))));
                }
                Change::Rotate => after.secret = Some(fresh.clone()),
                Change::Delete => {
                    clients::delete(tx, id).await?;
                }
            }
            if after.secret != before.secret {
                clients::update_secret(tx, id, after.secret.as_ref()).await?;
            }
            // Switched on: what was being redeemed when it was switched off, and was useless ever since, stays so.
            if after.disabled != before.disabled {
                grants::revoke_for_client(tx, id, *now).await?;
            }
            entry.write(tx, *now).await?;
            Ok(after)
        })
    });
    Ok(Issued::of(changed.await?, [fresh]))
}
