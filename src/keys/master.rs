//! The master key: 32 random bytes in one file, made at the first start, under which everything else is encrypted or from
//! which it is derived (decision 2.5). Beside the database, nodes share only this file. One that others can read, or that holds
//! anything but a key, refuses the start: a weaker substitute is never made (checks 158, 165).

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::KeysError;
use super::purpose::{KeyPurpose, PurposeKey};
use crate::domain::env::{Env, RandomError};

pub(crate) const FILE_NAME: &str = "master.key";
/// Base64 of 32 bytes has 44 characters; anything much longer is another file.
const LONGEST_FILE: u64 = 256;

/// Why there is no master key. Each message says what to do; none shows the file's content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    #[error("{path} has mode {mode:04o}: a master key must be its owner's alone; run: chmod 600 {path}")]
    Permissions { path: PathBuf, mode: u32 },
    #[error("{path} has mode {mode:04o}: everybody can replace the master key in it; run: chmod 700 {path}")]
    Directory { path: PathBuf, mode: u32 },
    #[error(
        "{0} does not hold a master key (32 bytes in base64, such as `openssl rand -base64 32` prints): restore it from a \
         backup; what was encrypted under the old key cannot be read with a new one"
    )]
    Garbled(PathBuf),
    #[error("cannot {what} {path}: {reason}")]
    Io { what: &'static str, path: PathBuf, reason: io::Error },
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl MasterKeyError {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { reason, .. } if reason.kind() == ErrorKind::NotFound)
    }
}

/// Wiped when dropped; never printed. Only [`PurposeKey`]s are derived from the bytes; nothing else may see them.
pub(crate) struct MasterKey(pub(super) Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// The key in `keys_dir`, made there at the first start. Of processes that start at once, one makes it and all use it.
    pub(crate) fn load_or_create(keys_dir: &Path, env: &Env) -> Result<Self, MasterKeyError> {
        make_private_dir(keys_dir)?;
        let path = keys_dir.join(FILE_NAME);
        match Self::load(&path) {
            Err(error) if error.is_missing() => {
                create(keys_dir, &path, env)?;
                Self::load(&path)
            }
            loaded_or_refused => loaded_or_refused,
        }
    }

    /// The key in `keys_dir`, which must be there: the database belongs to one already, and a new one would be of no use to it.
    pub(crate) fn load_in(keys_dir: &Path) -> Result<Self, MasterKeyError> {
        if keys_dir.exists() {
            make_private_dir(keys_dir)?;
        }
        Self::load(&keys_dir.join(FILE_NAME))
    }

    /// The key in the file `path` (`SIGNBRIDGE_MASTER_KEY_FILE`), which must exist: a mounted secret is never made up.
    pub(crate) fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |reason| MasterKeyError::Io { what: "read", path: path.to_owned(), reason };
        let file = File::open(path).map_err(failed)?;
        // The open file is asked and not the path, so that nothing can be swapped in between.
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Permissions { path: path.to_owned(), mode });
        }
        if !metadata.is_file() || metadata.len() > LONGEST_FILE {
            return Err(MasterKeyError::Garbled(path.to_owned()));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize));
        file.take(LONGEST_FILE).read_to_end(&mut text).map_err(failed)?;
        Self::parse(&text).ok_or_else(|| MasterKeyError::Garbled(path.to_owned()))
    }

    /// What the database remembers, to recognise a node with another master key: derived one-way, so it tells nothing.
    pub(crate) fn fingerprint(&self) -> Result<String, KeysError> {
        let mac = PurposeKey::derive(self, KeyPurpose::Fingerprint)?.mac(&[]);
        Ok(URL_SAFE_NO_PAD.encode(mac))
    }

    #[cfg(test)]
    pub(super) fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // Into a buffer of our own, so that what was decoded before a mistake is wiped, too.
        let mut decoded = Zeroizing::new([0; 48]);
        let length = STANDARD.decode_slice(text.trim_ascii(), decoded.as_mut_slice()).ok()?;
        Some(Self(Zeroizing::new(decoded.get(..length)?.try_into().ok()?)))
    }
}

fn make_private_dir(dir: &Path) -> Result<(), MasterKeyError> {
    let failed = |what| move |reason| MasterKeyError::Io { what, path: dir.to_owned(), reason };
    match fs::metadata(dir) {
        Ok(found) => {
            let mode = found.mode() & 0o7777;
            // A sticky directory such as /tmp lets nobody replace the files of others.
            let replaceable = mode & 0o002 != 0 && mode & 0o1000 == 0;
            if replaceable { Err(MasterKeyError::Directory { path: dir.to_owned(), mode }) } else { Ok(()) }
        }
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("create"))
        }
        Err(reason) => Err(failed("read")(reason)),
    }
}

/// Makes the file appear whole or not at all: written aside, then linked to its name, which fails where the name exists.
fn create(dir: &Path, path: &Path, env: &Env) -> Result<(), MasterKeyError> {
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(env.random_bytes()?);
    let suffix: [u8; 12] = env.random_bytes()?;
    let aside = dir.join(format!(".{FILE_NAME}.{}", URL_SAFE_NO_PAD.encode(suffix)));
    let linked = write_new(&aside, &key).and_then(|()| match fs::hard_link(&aside, path) {
        // Another process was faster: its key counts.
        Err(exists) if exists.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // A failed removal leaves a key that nobody uses, in a file that nobody else can read.
    let _leftover = fs::remove_file(&aside);
    let failed = |reason| MasterKeyError::Io { what: "create", path: path.to_owned(), reason };
    linked.and_then(|()| File::open(dir)?.sync_all()).map_err(failed)
}

fn write_new(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let text = Zeroizing::new(STANDARD.encode(key));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A umask can take bits away from the mode above; the owner needs these two.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use tempfile::TempDir;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn with_content(content: &[u8]) -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        (dir, path)
    }

    #[test]
    fn the_first_start_makes_a_private_key_and_the_second_finds_it() {
        let root = TempDir::new().unwrap();
        let dir = root.path().join("deep/keys");
        let made = MasterKey::load_or_create(&dir, &Env::system()).unwrap();
        assert_eq!((mode_of(&dir), mode_of(&dir.join(FILE_NAME))), (0o700, 0o600));
        let found = MasterKey::load_or_create(&dir, &Env::system()).unwrap();
        assert_eq!(made.fingerprint().unwrap(), found.fingerprint().unwrap());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left aside");
        let other = MasterKey::load_or_create(&root.path().join("other"), &Env::system()).unwrap();
        assert_ne!(made.fingerprint().unwrap(), other.fingerprint().unwrap());
    }

    #[test]
    fn processes_that_start_at_once_end_with_one_key() {
        for _round in 0..20 {
            let root = TempDir::new().unwrap();
            let dir = root.path().join("keys");
            let barrier = Barrier::new(8);
            let start = || {
                barrier.wait();
                MasterKey::load_or_create(&dir, &Env::system()).unwrap().fingerprint().unwrap()
            };
            let fingerprints: Vec<String> = std::thread::scope(|scope| {
                let starting: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                starting.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert!(fingerprints.iter().all(|one| *one == fingerprints[0]));
        }
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused() {
        let (_dir, path) = with_content(STANDARD.encode([7; 32]).as_bytes());
        assert!(MasterKey::load(&path).is_ok());
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = MasterKey::load(&path).unwrap_err();
            assert!(matches!(refused, MasterKeyError::Permissions { mode: found, .. } if found == mode), "{refused}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(MasterKey::load(&path).is_ok());
    }

    #[test]
    fn a_directory_in_which_everybody_writes_is_refused() {
        let (dir, _path) = with_content(STANDARD.encode([7; 32]).as_bytes());
        let load = || MasterKey::load_or_create(dir.path(), &Env::system());
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(load(), Err(MasterKeyError::Directory { mode: 0o777, .. })));
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(load().is_ok());
    }

    #[test]
    fn anything_but_a_key_is_refused_and_left_as_it_is() {
        let key = STANDARD.encode([7; 32]);
        for good in [key.clone(), format!("{key}\n"), format!(" {key}\r\n")] {
            let (_dir, path) = with_content(good.as_bytes());
            assert!(MasterKey::load(&path).is_ok(), "{good:?}");
        }
        let longer = STANDARD.encode([7; 33]);
        let shorter = STANDARD.encode([7; 31]);
        let huge = "A".repeat(10_000);
        for bad in ["", "\n", &key[..43], &longer, &shorter, &huge, "-----BEGIN PRIVATE KEY-----", &format!("{key}{key}")] {
            let (dir, path) = with_content(bad.as_bytes());
            let refused = MasterKey::load_or_create(dir.path(), &Env::system()).unwrap_err();
            assert!(matches!(refused, MasterKeyError::Garbled(_)), "{bad:.20}: {refused}");
            assert_eq!(fs::read(&path).unwrap(), bad.as_bytes());
        }
        assert!(MasterKey::load(Path::new("/")).is_err());
    }

    #[test]
    fn a_named_file_that_is_missing_is_not_made() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("secret");
        assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::Io { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_the_database_belongs_to_is_not_made_anew() {
        let root = TempDir::new().unwrap();
        let dir = root.path().join("keys");
        let missing = MasterKey::load_in(&dir).unwrap_err();
        assert!(missing.is_missing() && !dir.exists(), "{missing}");
        MasterKey::load_or_create(&dir, &Env::system()).unwrap();
        assert!(MasterKey::load_in(&dir).is_ok());
        fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        let refused = MasterKey::load_in(&dir).unwrap_err();
        assert!(matches!(refused, MasterKeyError::Directory { .. }) && !refused.is_missing(), "{refused}");
    }

    #[test]
    fn debug_output_never_shows_the_key() {
        let (_dir, path) = with_content(STANDARD.encode([7; 32]).as_bytes());
        assert_eq!(format!("{:?}", MasterKey::load(&path).unwrap()), "MasterKey(…)");
    }
}
