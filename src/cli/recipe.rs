//! `client create`, also with a recipe: the flags that describe the app, and what is to be pasted there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::client::{self, NewClient};
use super::{CliError, Context, Opened};
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::manage::ManageError;
use crate::manage::clients::{self, Issued};
use crate::recipes::{File, Recipe, Registered, Target, Wishes};

const RECIPES: &str = "Register the client as one of these apps needs it, and print what to paste there. Other flags win \
                       over the recipe. keycloak (--url, --realm), grafana (--url), oauth2-proxy (--url), nextcloud (--url), \
                       gitea (--url), kubernetes, apache (--url), jupyterhub (--url), oidc-agent";

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Recipes")]
pub(super) struct RecipeFlags {
    #[arg(long, value_name = "APP", value_parser = Recipe::parse, help = RECIPES)]
    recipe: Option<Recipe>,
    #[command(flatten)]
    wishes: Wishes,
    /// Write what is to be pasted into new files of this directory (mode 0600) instead of printing it
    #[arg(long, value_name = "DIR", requires = "recipe")]
    recipe_dir: Option<PathBuf>,
    /// Replace the client of this id and the files of --recipe-dir, if any. Keeps the secret if those files still contain it,
    /// otherwise creates a new one. Safe to repeat
    #[arg(long, requires = "recipe")]
    replace: bool,
}

/// Adds the client; by a recipe, together with what is to be pasted on the app's side.
pub(super) async fn create(context: &Context, opened: &Opened, new: NewClient, flags: &RecipeFlags) -> Result<(), CliError> {
    let manage = opened.manage();
    let NewClient { id, written, logo } = new;
    let target = flags.recipe.map(|recipe| Target::new(recipe, flags.wishes.clone())).transpose();
    let Some(target) = target.map_err(ManageError::Invalid)? else {
        let issued = clients::create(&manage, id, written).await?;
        return client::print(context, opened, &client::with_logo(&manage, issued, logo).await?);
    };
    let id = id.unwrap_or_else(|| target.recipe.as_str().to_owned());
    let patch = written.or(target.client()?);
    let issued = if flags.replace {
        let known = known_secret(opened, &id, &target, flags).await?;
        clients::replace(&manage, id, patch, known).await?
    } else {
        clients::create(&manage, Some(id), patch).await?
    };
    let issued = client::with_logo(&manage, issued, logo).await?;
    let files = files_for(opened, &issued, &target)?;
    let mut object = client::issued_json(&issued);
    let content: Vec<Json> = files.iter().map(|file| json!({ "name": file.name, "content": file.content.expose() })).collect();
    object.insert("recipe".to_owned(), json!({ "name": target.recipe.as_str(), "files": content }));
    let wrote = flags.recipe_dir.as_deref().map(|dir| write(dir, &files, flags.replace)).transpose();
    let paste = match &wrote {
        Ok(Some(said)) => said.clone(),
        // Where the files cannot be written they are printed after all: their secrets exist nowhere else.
        Ok(None) | Err(_) => to_text(&files),
    };
    context.format.print(&Json::Object(object), || format!("{}{paste}", client::issued_text(opened, &issued)))?;
    wrote?;
    Ok(())
}

fn files_for(opened: &Opened, issued: &Issued, target: &Target) -> Result<Vec<File>, CliError> {
    let fresh = Secret::generate(&opened.env).map_err(ManageError::from)?;
    let (issuer, Issued { client, secret }) = (opened.config.issuer.text(), issued);
    Ok(target.files(&Registered { issuer, client, secret: secret.as_ref(), fresh: &fresh })?)
}

fn to_text(files: &[File]) -> String {
    files.iter().map(|file| format!("\n==> {}: {} <==\n\n{}", file.name, file.about, file.content.expose())).collect()
}

/// Writes the files, for the operator's eyes only: where none are yet, or in place of old ones. Answers what to say about them.
fn write(dir: &Path, files: &[File], replace: bool) -> io::Result<String> {
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

/// The secret that the client has, if an earlier run left it in the files that are to be replaced.
async fn known_secret(opened: &Opened, id: &str, target: &Target, flags: &RecipeFlags) -> Result<Option<Secret>, CliError> {
    let Some(dir) = &flags.recipe_dir else { return Ok(None) };
    let client = match clients::find(&opened.manage(), &ClientId::new(id)).await {
        Ok(client) => client,
        Err(ManageError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(digest) = client.secret.clone() else { return Ok(None) };
    let is_between = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    // For the names of the files.
    let files = files_for(opened, &Issued { client, secret: None }, target)?;
    Ok(files.iter().find_map(|file| {
        // One that is not there or is no text holds nothing.
        let content = Zeroizing::new(std::fs::read_to_string(dir.join(&file.name)).ok()?);
        content.split(is_between).filter(|word| !word.is_empty()).map(Secret::new).find(|secret| digest.matches(secret))
    }))
}
