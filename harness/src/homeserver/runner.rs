use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;

/// Runs one server: in a container or as a process. What it is to run was said when it was made.
///
/// The caller keeps the order: nothing is launched twice, nothing is thawed that was not frozen.
#[async_trait]
pub(super) trait Runner: Debug + Send + Sync {
    /// Starts the server, without waiting until it is ready.
    async fn launch(&self) -> Result<()>;

    /// How the server ended ("exit status: 1"), or `None` while it runs.
    async fn ended(&self) -> Result<Option<String>>;

    /// Asks the server to end, and waits until it has.
    async fn stop(&self) -> Result<()>;

    /// Ends the server with `SIGKILL`, and waits until it has ended. A frozen one too.
    async fn kill(&self) -> Result<()>;

    /// Suspends the server.
    async fn freeze(&self) -> Result<()>;

    /// Resumes the server.
    async fn thaw(&self) -> Result<()>;

    /// Runs the server's program with further arguments on the data of the stopped server, until it ends by itself.
    async fn run_with(&self, arguments: &[String]) -> Result<()>;
}
