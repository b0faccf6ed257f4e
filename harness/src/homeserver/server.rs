use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use url::Url;

use super::{Driver, Flavor, Homeserver, Operator, Result, core::Core};

/// A homeserver behind its trait: what is common in [`Core`], what differs between flavors in the operator.
pub(super) struct Server {
    pub(super) core: Arc<Core>,
    pub(super) server_name: String,
    pub(super) registration_token: String,
    pub(super) operator: Box<dyn Operator>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("core", &self.core)
            .field("server_name", &self.server_name)
            .field("operator", &self.operator)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Homeserver for Server {
    fn flavor(&self) -> Flavor {
        self.core.flavor
    }

    fn driver(&self) -> Driver {
        self.core.driver
    }

    fn base_url(&self) -> &Url {
        &self.core.base_url
    }

    fn server_name(&self) -> &str {
        &self.server_name
    }

    fn registration_token(&self) -> &str {
        &self.registration_token
    }

    fn log_file(&self) -> &Path {
        self.core.log.path()
    }

    fn printed(&self) -> String {
        self.core.log.since(0)
    }

    fn operator(&self) -> &dyn Operator {
        self.operator.as_ref()
    }

    async fn start(&self) -> Result<()> {
        self.core.start().await
    }

    async fn stop(&self) -> Result<()> {
        self.core.stop().await
    }

    async fn kill(&self) -> Result<()> {
        self.core.kill().await
    }

    async fn freeze(&self) -> Result<()> {
        self.core.freeze().await
    }

    async fn thaw(&self) -> Result<()> {
        self.core.thaw().await
    }
}
