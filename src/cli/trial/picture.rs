//! The picture as a file: a new one for the operator's eyes, never in place of another and never through a link.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::CliError;

/// A file that waits for its picture, and is removed where none comes.
#[derive(Debug)]
pub(super) struct PictureFile {
    path: PathBuf,
    file: File,
}

impl PictureFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, CliError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => {
                let is_there = error.kind() == ErrorKind::AlreadyExists;
                let advice = if is_there { ": remove it, or name a new file with --picture" } else { "" };
                Err(CliError::Refused(format!("{}: {error}{advice}", path.display())))
            }
        }
    }

    pub(super) fn keep(mut self, png: &[u8]) -> io::Result<PathBuf> {
        self.file.write_all(png)?;
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for PictureFile {
    fn drop(&mut self) {
        // Where it was kept there is no path any more.
        if !self.path.as_os_str().is_empty() {
            let _left_behind = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_picture_is_a_new_file_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass.png");
        assert_eq!(PictureFile::create(path.clone()).unwrap().keep(b"PNG").unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), b"PNG");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(PictureFile::create(dir.path().join("none.png")).unwrap());
        assert!(!dir.path().join("none.png").exists(), "no picture came");
    }

    #[test]
    fn neither_a_file_nor_a_link_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let [theirs, link] = ["theirs", "link"].map(|name| dir.path().join(name));
        std::fs::write(&theirs, "theirs").unwrap();
        symlink(dir.path().join("elsewhere"), &link).unwrap();
        for path in [&theirs, &link] {
            let refused = PictureFile::create(path.clone()).unwrap_err().to_string();
            assert!(refused.contains("--picture") && refused.contains(&path.display().to_string()), "{refused}");
        }
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
        assert!(!dir.path().join("elsewhere").exists() && link.is_symlink());
        let nowhere = PictureFile::create(dir.path().join("no/such.png")).unwrap_err().to_string();
        assert!(!nowhere.contains("--picture"), "{nowhere}");
    }
}
