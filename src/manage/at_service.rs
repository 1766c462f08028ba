//! What the phone services know of the phones of users, and taking phones away there. Nothing here changes the database.

use futures_util::future::join_all;

use crate::domain::user::{Device, Upstream, User};
use crate::upstream::{PhoneApproval, PhoneRegistry, Phones, RegisteredPhone, RegistryError, Upstreams};

/// How many registrations are asked about at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AtServiceError {
    #[error("{}", unconfigured(.0))]
    Unconfigured(Upstream),
    #[error("{}", closed(.0))]
    Closed(Upstream),
    #[error("the service tells how many phones there are ({0}), and not which: only their owner can remove them, in the app")]
    OnlyCounted(u32),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

fn unconfigured(upstream: &Upstream) -> &'static str {
    match upstream {
        Upstream::SecSign => "the configuration has no [secsign] section: write one with url, the address of the server",
        Upstream::ThumbSignIn => "the configuration has no [thumbsignin] section: write one with url, app_id and secret",
    }
}

fn closed(upstream: &Upstream) -> &'static str {
    match upstream {
        Upstream::SecSign => {
            "SecSign ID tells of phones and registers them by its REST API only: write pin_user and pin_password in [secsign]"
        }
        Upstream::ThumbSignIn => "ThumbSignIn does not tell of phones here",
    }
}

pub(crate) fn registry(service: &dyn PhoneApproval, upstream: Upstream) -> Result<&dyn PhoneRegistry, AtServiceError> {
    service.registry().ok_or(AtServiceError::Closed(upstream))
}

/// What the service of each registration says, in their order.
pub(crate) async fn list(upstreams: &Upstreams, registered: &[(User, Device)]) -> Vec<Result<Phones, AtServiceError>> {
    let mut said = Vec::with_capacity(registered.len());
    for some in registered.chunks(AT_ONCE) {
        said.extend(join_all(some.iter().map(|(_user, device)| phones(upstreams, device))).await);
    }
    said
}

async fn phones(upstreams: &Upstreams, device: &Device) -> Result<Phones, AtServiceError> {
    Ok(registry_of(upstreams, device)?.phones(&device.upstream_user).await?)
}

fn registry_of<'a>(upstreams: &'a Upstreams, device: &Device) -> Result<&'a dyn PhoneRegistry, AtServiceError> {
    let service = upstreams.get(&device.upstream).ok_or(AtServiceError::Unconfigured(device.upstream))?;
    registry(service.as_ref(), device.upstream)
}

/// What became of the phones that a service knew.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    pub gone: Vec<RegisteredPhone>,
    pub kept: Vec<(RegisteredPhone, RegistryError)>,
}

/// Takes every phone of a registration away at its service.
pub(crate) async fn remove(upstreams: &Upstreams, device: &Device) -> Result<Removed, AtServiceError> {
    let found = match phones(upstreams, device).await? {
        Phones::Listed(found) => found,
        Phones::Nobody | Phones::Counted(0) => Vec::new(),
        Phones::Counted(count) => return Err(AtServiceError::OnlyCounted(count)),
    };
    let registry = registry_of(upstreams, device)?;
    let mut removed = Removed::default();
    for phone in found {
        match registry.remove(&device.upstream_user, &phone.id).await {
            // Whoever removed it meanwhile wanted the same.
            Ok(()) | Err(RegistryError::NoSuchPhone) => removed.gone.push(phone),
            Err(error) => removed.kept.push((phone, error)),
        }
    }
    Ok(removed)
}
