//! Relying parties: add, replace, read, change, delete, and give a new secret (RFC 7591 §2, by an operator's hand).

use super::users::name_conflict;
use super::{Manage, ManageError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::{Client, Source};
use crate::domain::client_patch::ClientPatch;
use crate::domain::client_rules;
use crate::domain::clock::Timestamp;
use crate::domain::id::ClientId;
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::audit::PendingEvent;
use crate::protocol::client_metadata::ClientMetadata;
use crate::store::{StoreError, Tx, clients, grants};

/// A client, and its new secret where it was given one: the only moment at which the secret can be read.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub client: Client,
    pub secret: Option<Secret>,
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

fn checked(patch: &ClientPatch, before: &ClientMetadata, allow_private: bool) -> Result<ClientMetadata, ManageError> {
    let metadata = patch.apply(before).map_err(ManageError::Invalid)?;
    client_rules::check_transport(&metadata, allow_private).map_err(|wrong| ManageError::Invalid(vec![wrong]))?;
    Ok(metadata)
}

/// A client that is not there yet. A confidential one has a secret; without an id it gets one as well.
fn new_client(manage: &Manage<'_>, id: Option<String>, patch: ClientPatch) -> Result<Issued, ManageError> {
    let id = match id {
        Some(id) => {
            client_rules::check_id(&id).map(|()| ClientId::new(id)).map_err(|wrong| ManageError::Invalid(vec![wrong]))?
        }
        None => ClientId::generate(manage.env)?,
    };
    let metadata = checked(&patch, &ClientMetadata::default(), manage.allow_private)?;
    let secret = if metadata.is_public() { None } else { Some(Secret::generate(manage.env)?) };
    let client = Client {
        id,
        metadata,
        secret: secret.as_ref().map(Secret::digest),
        source: Source::Command,
        disabled: false,
        created_at: manage.now(),
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
    let job = Replacing {
        created: manage.entry(event(&fresh.client.id, "created"))?,
        replaced: manage.entry(event(&fresh.client.id, "replaced"))?,
        client: fresh.client,
        known: known.as_ref().map(Secret::digest),
        now: manage.now(),
    };
    let client = manage.store.try_write(job, |tx, job| Box::pin(job.run(tx))).await?;
    let secret = known.into_iter().chain(fresh.secret).find(|secret| client.secret == Some(secret.digest()));
    Ok(Issued { client, secret })
}

struct Replacing {
    client: Client,
    /// The digest of the secret that whoever asks has in hand.
    known: Option<SecretDigest>,
    created: PendingEvent,
    replaced: PendingEvent,
    now: Timestamp,
}

impl Replacing {
    async fn run(&self, tx: &Tx) -> Result<Client, ManageError> {
        let Some(before) = clients::find(tx, &self.client.id).await? else {
            let inserted = insert(tx, &self.client, &self.created).await?;
            return if inserted { Ok(self.client.clone()) } else { Err(name_conflict().into()) };
        };
        if before.source == Source::File {
            return Err(ManageError::Declared(name(&before.id)));
        }
        let keeps = self.client.secret.is_some() && before.secret.is_some() && before.secret == self.known;
        let secret = if keeps { before.secret.clone() } else { self.client.secret.clone() };
        let after = Client { secret, disabled: before.disabled, created_at: before.created_at, ..self.client.clone() };
        if after.metadata == before.metadata && after.secret == before.secret {
            return Ok(after);
        }
        clients::update(tx, &after).await?;
        clients::update_secret(tx, &after.id, after.secret.as_ref()).await?;
        self.replaced.write(tx, self.now).await?;
        Ok(after)
    }
}

pub(crate) async fn list(manage: &Manage<'_>) -> Result<Vec<Client>, ManageError> {
    Ok(clients::list(manage.store.read()).await?)
}

pub(crate) async fn find(manage: &Manage<'_>, id: &ClientId) -> Result<Client, ManageError> {
    clients::find(manage.store.read(), id).await?.ok_or_else(|| ManageError::NotFound(name(id)))
}

enum Change {
    Update(ClientPatch, Option<bool>),
    Rotate,
    Delete,
}

struct Changing {
    id: ClientId,
    change: Change,
    /// A secret in case one is needed.
    secret: SecretDigest,
    allow_private: bool,
    entry: PendingEvent,
    now: Timestamp,
}

impl Changing {
    async fn run(&self, tx: &Tx) -> Result<(Client, bool), ManageError> {
        let before = clients::find(tx, &self.id).await?.ok_or_else(|| ManageError::NotFound(name(&self.id)))?;
        if before.source == Source::File {
            return Err(ManageError::Declared(name(&self.id)));
        }
        let changed = match &self.change {
            Change::Update(patch, disabled) => self.update(tx, before, patch, *disabled).await?,
            Change::Rotate if before.metadata.is_public() => {
                return Err(ManageError::Refused(format!("{} is public: it has no secret", name(&self.id))));
            }
            Change::Rotate => {
                clients::update_secret(tx, &self.id, Some(&self.secret)).await?;
                (Client { secret: Some(self.secret.clone()), ..before }, true)
            }
            Change::Delete => {
                clients::delete(tx, &self.id).await?;
                (before, false)
            }
        };
        self.entry.write(tx, self.now).await?;
        Ok(changed)
    }

    async fn update(
        &self,
        tx: &Tx,
        before: Client,
        patch: &ClientPatch,
        disabled: Option<bool>,
    ) -> Result<(Client, bool), ManageError> {
        let metadata = checked(patch, &before.metadata, self.allow_private)?;
        let needs_secret = !metadata.is_public() && before.secret.is_none();
        let kept = || before.secret.clone().unwrap_or_else(|| self.secret.clone());
        let secret = (!metadata.is_public()).then(kept);
        let after = Client { metadata, disabled: disabled.unwrap_or(before.disabled), secret, ..before.clone() };
        clients::update(tx, &after).await?;
        if after.secret != before.secret {
            clients::update_secret(tx, &self.id, after.secret.as_ref()).await?;
        }
        // Switched on: what was being redeemed when it was switched off, and was useless ever since, stays so.
        if after.disabled != before.disabled {
            grants::revoke_for_client(tx, &self.id, self.now).await?;
        }
        Ok((after, needs_secret))
    }
}

async fn change(manage: &Manage<'_>, id: &ClientId, change: Change, detail: &str) -> Result<Issued, ManageError> {
    let secret = Secret::generate(manage.env)?;
    let job = Changing {
        id: id.clone(),
        change,
        secret: secret.digest(),
        allow_private: manage.allow_private,
        entry: manage.entry(event(id, detail))?,
        now: manage.now(),
    };
    let (client, has_new_secret) = manage.store.try_write(job, |tx, job| Box::pin(job.run(tx))).await?;
    Ok(Issued { client, secret: has_new_secret.then_some(secret) })
}

/// Where the client is switched off, what it has is dead for good. One that ceases to be public gets a secret, one that becomes
/// public loses it.
pub(crate) async fn update(
    manage: &Manage<'_>,
    id: &ClientId,
    patch: ClientPatch,
    disabled: Option<bool>,
) -> Result<Issued, ManageError> {
    let detail = match disabled {
        Some(true) => "disabled",
        Some(false) => "enabled",
        None => "updated",
    };
    change(manage, id, Change::Update(patch, disabled), detail).await
}

/// Replaces a client's secret; the old one is dead at once.
pub(crate) async fn rotate_secret(manage: &Manage<'_>, id: &ClientId) -> Result<Issued, ManageError> {
    change(manage, id, Change::Rotate, "secret rotated").await
}

pub(crate) async fn delete(manage: &Manage<'_>, id: &ClientId) -> Result<Client, ManageError> {
    change(manage, id, Change::Delete, "deleted").await.map(|issued| issued.client)
}
