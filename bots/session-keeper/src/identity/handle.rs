//! What the outside holds of an identity.

use std::{fmt, ops::Deref, sync::Arc};

use matrix_sdk::{
    Client,
    ruma::{OwnedDeviceId, OwnedUserId},
};
use tokio_util::sync::CancellationToken;

/// A client that is logged in, as of one generation. Do not keep it: ask the [`super::Identity`] again for each piece
/// of work, so that the work after a heal goes through the new one. While a clone is held, the stores of its device
/// are held too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handle {
    /// The client.
    pub client: SharedClient,
    /// Who it is.
    pub user_id: OwnedUserId,
    /// On which device.
    pub device_id: OwnedDeviceId,
    /// Counts the clients of this identity in this process, from 1.
    pub generation: u64,
    /// Cancelled when this generation is over.
    pub(super) ended: CancellationToken,
    /// Counts the clones, so that the next generation opens the stores only when this one has let go of them.
    lease: Arc<()>,
}

/// The SDK's client behind a pointer. Each future that holds a [`Handle`] has to be proven `Send`: through the client's own type that costs the
/// compiler up to a minute a function, here nothing.
#[derive(Clone)]
pub struct SharedClient(Arc<dyn Sdk>);

trait Sdk: Send + Sync {
    fn get(&self) -> &Client;
}

impl Sdk for Client {
    fn get(&self) -> &Client {
        self
    }
}

impl Deref for SharedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.0.get()
    }
}

impl fmt::Debug for SharedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.get(), f)
    }
}

impl Handle {
    /// A generation of its own, for a client that somebody else keeps alive (tests, tools).
    pub fn new(client: Client, user_id: OwnedUserId, device_id: OwnedDeviceId, generation: u64) -> Self {
        Self {
            client: SharedClient(Arc::new(client)),
            user_id,
            device_id,
            generation,
            ended: CancellationToken::new(),
            lease: Arc::new(()),
        }
    }

    /// To count the clones that are left.
    pub(super) fn lease(&self) -> std::sync::Weak<()> {
        Arc::downgrade(&self.lease)
    }
}
