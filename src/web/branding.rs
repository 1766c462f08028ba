//! The operator's brand while a node runs: what each page shows of it, the logos of declared clients, and the files of both.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::domain::brand::{Brand, CLIENT_LOGO};
use crate::domain::client::DeclaredClient;
use crate::domain::id::ClientId;
use crate::view::assets::{Asset, path_of};
use crate::view::brand::{BrandView, asset_of};

pub(crate) struct Branding {
    pub view: BrandView,
    files: Vec<Arc<Asset>>,
    /// Replaced as a whole when the configuration is read again.
    logos: RwLock<HashMap<ClientId, Arc<Asset>>>,
}

impl Branding {
    pub(crate) fn new(brand: &Brand, clients: &[DeclaredClient]) -> Self {
        let (view, files) = BrandView::of(brand);
        let files = files.into_iter().map(Arc::new).collect();
        Self { view, files, logos: RwLock::new(logos(clients)) }
    }

    pub(crate) fn follow(&self, clients: &[DeclaredClient]) {
        *self.logos.write() = logos(clients);
    }

    /// The path of a client's logo: the declared one, or the file in the database (`stored`).
    pub(crate) fn logo_of(&self, client: &ClientId, stored: Option<&str>) -> Option<String> {
        let declared = self.logos.read().get(client).map(|logo| logo.path());
        declared.or_else(|| stored.map(path_of))
    }

    /// The file with this digest in its name.
    pub(crate) fn by_file_name(&self, name: &str) -> Option<Arc<Asset>> {
        let own = self.files.iter().find(|file| file.file_name == name).cloned();
        own.or_else(|| self.logos.read().values().find(|file| file.file_name == name).cloned())
    }
}

fn logos(clients: &[DeclaredClient]) -> HashMap<ClientId, Arc<Asset>> {
    let logo = |client: &DeclaredClient| {
        let logo = asset_of(CLIENT_LOGO, client.logo.as_ref()?)?;
        Some((client.id.clone(), Arc::new(logo)))
    };
    clients.iter().filter_map(logo).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::picture::Picture;
    use crate::domain::picture::tests::SVG;
    use crate::protocol::client_metadata::ClientMetadata;

    fn client(id: &str, svg: Option<&str>) -> DeclaredClient {
        let logo = svg.map(|svg| Picture::of("logo.svg", svg.as_bytes(), 1024).unwrap());
        DeclaredClient { id: ClientId::new(id), metadata: ClientMetadata::default(), secret: None, logo }
    }

    fn brand() -> Brand {
        Brand { logo: Some(Picture::of("logo.svg", SVG.as_bytes(), 1024).unwrap()), ..Brand::default() }
    }

    #[test]
    fn what_a_page_names_is_served_under_that_name_alone() {
        let branding = Branding::new(&brand(), &[client("grafana", Some(SVG)), client("plain", None)]);
        let served = |path: Option<String>| branding.by_file_name(path?.strip_prefix("/static/")?);
        assert_eq!(&*served(branding.view.logo.clone()).unwrap().bytes, SVG.as_bytes());
        let logo = served(branding.logo_of(&ClientId::new("grafana"), None)).unwrap();
        assert_eq!((logo.content_type, logo.file_name.len()), ("image/svg+xml", "app-logo.svg".len() + 17));
        assert!(
            branding.logo_of(&ClientId::new("plain"), None).is_none()
                && branding.logo_of(&ClientId::new("nobody"), None).is_none()
        );
        let stored = branding.logo_of(&ClientId::new("plain"), Some("app-logo.0123.png"));
        assert_eq!(stored.as_deref(), Some("/static/app-logo.0123.png"));
        assert!(branding.by_file_name("logo.svg").is_none() && branding.by_file_name("app-logo.svg").is_none());
    }

    #[test]
    fn a_configuration_that_is_read_again_replaces_the_logos_of_clients() {
        let branding = Branding::new(&brand(), &[client("grafana", Some(SVG))]);
        let before = branding.logo_of(&ClientId::new("grafana"), None).unwrap();
        branding.follow(&[client("grafana", Some(&SVG.replace("#c33", "#3c3"))), client("wiki", Some(SVG))]);
        assert_ne!(branding.logo_of(&ClientId::new("grafana"), None).unwrap(), before);
        assert_eq!(branding.logo_of(&ClientId::new("wiki"), None).unwrap(), before);
        branding.follow(&[]);
        assert!(branding.logo_of(&ClientId::new("wiki"), None).is_none() && branding.view.logo.is_some());
    }
}
