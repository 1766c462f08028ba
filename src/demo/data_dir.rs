//! The directory of a demonstration and what it keeps from one start to the next: ports and secrets, in `demo.json`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DemoError, DemoOptions};
use crate::domain::env::Env;
use crate::domain::hex::hex;
use crate::domain::secret::Secret;

const KEPT_FILE: &str = "demo.json";

/// The directory of a demonstration; one that nobody asked for is removed at the end.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) path: PathBuf,
    pub(super) is_kept: bool,
}

impl DataDir {
    /// Makes the directory, for its owner only.
    pub(super) fn open(asked: Option<&Path>, env: &Env) -> Result<Self, DemoError> {
        let path = match asked {
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!("signbridge-demo-{}", random_text(env)?)),
        };
        fs::DirBuilder::new().recursive(asked.is_some()).mode(0o700).create(&path)?;
        Ok(Self { path, is_kept: asked.is_some() })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner reads.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        // Written beside and renamed: a start that is killed half-way leaves the old file.
        let (target, beside) = (self.file(name), self.file(&format!("{name}.new")));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, target)?;
        Ok(())
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the throw-away directory stays behind");
        }
    }
}

/// Where everything listens, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) provider: u16,
    pub(super) upstream: u16,
    pub(super) app: u16,
    pub(super) management: u16,
}

impl Ports {
    /// N to N+3.
    pub(super) fn from(first: u16) -> Result<Self, DemoError> {
        let port = |offset: u16| first.checked_add(offset).ok_or(DemoError::NoSuchPorts(first));
        Ok(Self { provider: first, upstream: port(1)?, app: port(2)?, management: port(3)? })
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) ports: Ports,
    pub(super) app_id: String,
    pub(super) secret: String,
    pub(super) web_secret: String,
    pub(super) consent_secret: String,
}

impl Kept {
    /// What an earlier start left in `dir`; `None` at the first.
    pub(super) fn find(dir: &DataDir, options: &DemoOptions) -> Result<Option<Self>, DemoError> {
        let file = dir.file(KEPT_FILE);
        if !file.exists() {
            return Ok(None);
        }
        let kept: Self = serde_json::from_str(&fs::read_to_string(&file)?).map_err(|error| DemoError::Kept(file, error))?;
        match options.port {
            // The issuer holds the port, and a database belongs to one issuer for ever.
            Some(asked) if asked != 0 && asked != kept.ports.provider => {
                Err(DemoError::OtherPort { asked, kept: kept.ports.provider, dir: dir.path.clone() })
            }
            _same_or_none => Ok(Some(kept)),
        }
    }

    pub(super) fn new(ports: Ports, env: &Env) -> Result<Self, DemoError> {
        Ok(Self {
            ports,
            app_id: hex(&env.random_bytes::<16>()?),
            secret: random_text(env)?,
            web_secret: random_text(env)?,
            consent_secret: random_text(env)?,
        })
    }

    pub(super) fn write(&self, dir: &DataDir) -> Result<(), DemoError> {
        dir.write(KEPT_FILE, &serde_json::to_string_pretty(self)?)
    }
}

fn random_text(env: &Env) -> Result<String, DemoError> {
    Ok(Secret::generate(env)?.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_ports_and_secrets_of_the_first() {
        let dir = DataDir::open(None, &Env::system()).unwrap();
        let options = |port| DemoOptions { port, ..DemoOptions::default() };
        assert!(Kept::find(&dir, &options(None)).unwrap().is_none());
        let first = Kept::new(Ports::from(8080).unwrap(), &Env::system()).unwrap();
        first.write(&dir).unwrap();
        for port in [None, Some(0), Some(8080)] {
            let again = Kept::find(&dir, &options(port)).unwrap().unwrap();
            assert_eq!((again.ports, &again.web_secret), (first.ports, &first.web_secret));
        }
        assert!(matches!(Kept::find(&dir, &options(Some(9000))), Err(DemoError::OtherPort { .. })));
    }

    #[test]
    fn a_directory_that_nobody_asked_for_goes_and_an_asked_one_stays() {
        let env = Env::system();
        let thrown_away = DataDir::open(None, &env).unwrap().path.clone();
        assert!(!thrown_away.exists());
        let path = std::env::temp_dir().join(format!("signbridge-test-{}", random_text(&env).unwrap()));
        drop(DataDir::open(Some(&path), &env).unwrap());
        assert!(path.exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn there_are_no_ports_beyond_the_last() {
        assert!(Ports::from(65533).is_err());
        assert_eq!(Ports::from(65532).unwrap().management, 65535);
    }
}
