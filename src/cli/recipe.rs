//! `client create --recipe`: the flags that describe the app, and printing what is to be pasted there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::domain::client_rules::Violation;
use crate::domain::secret::{Secret, SecretDigest};
use crate::recipes::{File, Recipe, Target, Wishes};

const RECIPES: &str = "Register it as one of these apps needs it, and print what to paste there. Other flags win over the \
                       recipe. keycloak (--url, --realm), grafana (--url), oauth2-proxy (--url), nextcloud (--url), gitea \
                       (--url), kubernetes, apache (--url), jupyterhub (--url), oidc-agent";

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Recipes")]
pub(super) struct RecipeFlags {
    #[arg(long, value_name = "APP", value_parser = recipe, help = RECIPES)]
    recipe: Option<Recipe>,
    #[command(flatten)]
    wishes: Wishes,
    /// Write what is to be pasted into new files of this directory (mode 0600) instead of printing it
    #[arg(long, value_name = "DIR", requires = "recipe")]
    pub(super) recipe_dir: Option<PathBuf>,
    /// Replace the client of this id and the files of --recipe-dir, if any. Its secret stays where those files hold it, so
    /// that doing it twice is no harm; else it is a new one
    #[arg(long, requires = "recipe")]
    pub(super) replace: bool,
}

fn recipe(text: &str) -> Result<Recipe, String> {
    let known = || Recipe::ALL.iter().map(|recipe| recipe.as_str()).collect::<Vec<_>>().join(", ");
    Recipe::parse(text).ok_or_else(|| format!("there are the recipes {}", known()))
}

impl RecipeFlags {
    pub(super) fn target(&self) -> Result<Option<Target>, Vec<Violation>> {
        self.recipe.map(|recipe| Target::new(recipe, self.wishes.clone())).transpose()
    }
}

pub(super) fn to_json(target: &Target, files: &[File]) -> Json {
    let files: Vec<Json> = files.iter().map(|file| json!({ "name": file.name, "content": file.content.expose() })).collect();
    json!({ "name": target.recipe.as_str(), "files": files })
}

pub(super) fn to_text(files: &[File]) -> String {
    files.iter().map(|file| format!("\n==> {}: {} <==\n\n{}", file.name, file.about, file.content.expose())).collect()
}

/// Writes the files, for the operator's eyes only: where none are yet, or in place of old ones. Answers what to say about them.
pub(super) fn write(dir: &Path, files: &[File], replace: bool) -> io::Result<String> {
    std::fs::create_dir_all(dir)?;
    let mut said = String::from("\n");
    for file in files {
        let path = dir.join(&file.name);
        let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if replace {
            // Whoever reads the old file at this moment reads all of it.
            let beside = dir.join(format!(".{}.new", file.name));
            match std::fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(explain(error)),
                _gone => {}
            }
            write_new(&beside, file).and_then(|()| std::fs::rename(&beside, &path)).map_err(explain)?;
        } else {
            write_new(&path, file).map_err(explain)?;
        }
        said.push_str(&format!("wrote {}: {}\n", path.display(), file.about));
    }
    Ok(said)
}

fn write_new(path: &Path, file: &File) -> io::Result<()> {
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    opened.write_all(file.content.expose().as_bytes())
}

/// The secret with this digest, if the files of these names that are in `dir` hold it.
pub(super) fn known_secret(dir: &Path, files: &[File], digest: &SecretDigest) -> Option<Secret> {
    let is_between = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    files.iter().find_map(|file| {
        // One that is not there or is no text holds nothing.
        let content = Zeroizing::new(std::fs::read_to_string(dir.join(&file.name)).ok()?);
        content.split(is_between).filter(|word| !word.is_empty()).map(Secret::new).find(|secret| digest.matches(secret))
    })
}
