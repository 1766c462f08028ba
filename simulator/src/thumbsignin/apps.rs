//! The applications of the ThumbSignIn service: their credentials, what phones show of them, and the phones that people
//! registered for each (ThumbSignIn notes §2.5).

use std::collections::BTreeMap;

use crate::logo::Logo;
use crate::random;

#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) registered_ms: i64,
    /// `None` before its first sign-in.
    pub(crate) used_ms: Option<i64>,
}

/// What the one who creates an application says of it.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) logo: Option<Logo>,
}

pub(crate) struct App {
    pub(crate) id: String,
    /// Used as the text that it is.
    pub(crate) secret: String,
    pub(crate) about: About,
    /// By user id; phones oldest first.
    pub(crate) users: BTreeMap<String, Vec<Device>>,
}

impl App {
    pub(crate) fn new(id: String, secret: String, about: About) -> Self {
        Self { id, secret, about, users: BTreeMap::new() }
    }

    /// With an id of 32 hex digits and a secret of 64.
    pub(super) fn with_new_credentials(about: About) -> Self {
        Self::new(random::hex(2), random::hex(4), about)
    }

    pub(crate) fn devices(&self, user: &str) -> &[Device] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    /// The user's phone of that id, or the oldest one where none is named.
    pub(super) fn device_mut(&mut self, user: &str, id: Option<&str>) -> Option<&mut Device> {
        self.users.get_mut(user)?.iter_mut().find(|device| id.is_none_or(|id| device.id == id))
    }

    /// Registers the phone of that id, or a new one where none is named.
    pub(super) fn add_device(&mut self, now: i64, user: &str, id: Option<&str>) {
        let devices = self.users.entry(user.to_owned()).or_default();
        let name = match devices.len() {
            0 => "Virtual phone".to_owned(),
            more => format!("Virtual phone {}", more + 1),
        };
        let id = id.map_or_else(|| random::hex(2), str::to_owned);
        devices.push(Device { id, name, registered_ms: now, used_ms: None });
    }

    /// False where the user has none of that id.
    pub(crate) fn remove_device(&mut self, user: &str, device: &str) -> bool {
        let Some(devices) = self.users.get_mut(user) else { return false };
        let before = devices.len();
        devices.retain(|known| known.id != device);
        devices.len() < before
    }
}
