//! Stands in for members with encryption where the harness was built without its feature `peer`: there is none.

use std::{convert::Infallible, time::Duration};

use url::Url;

use super::{Error, Received, Result, Trust, User};

/// A member with end-to-end encryption. Without the feature `peer` nobody can be one.
#[derive(Debug)]
pub struct Peer(Infallible);

impl Peer {
    /// Nobody logs in.
    ///
    /// # Errors
    ///
    /// [`Error::NoPeer`], always.
    pub async fn login(_base: &Url, _user: &str, _password: &str) -> Result<Self> {
        Err(Error::NoPeer)
    }

    /// Nobody takes a session over.
    ///
    /// # Errors
    ///
    /// [`Error::NoPeer`], always.
    pub async fn with_session(_user: User) -> Result<Self> {
        Err(Error::NoPeer)
    }

    pub(crate) fn user(&self) -> &User {
        match self.0 {}
    }

    pub(crate) async fn say(&self, _room: &str, _text: &str) -> Result<String> {
        match self.0 {}
    }

    pub(crate) async fn change_room_key(&self, _room: &str) -> Result<()> {
        match self.0 {}
    }

    pub(crate) async fn recover(&self, _recovery_key: &str) -> Result<()> {
        match self.0 {}
    }

    pub(crate) async fn fetch_backed_up_keys(&self, _room: &str) -> Result<()> {
        match self.0 {}
    }

    pub(crate) async fn history(&self, _room: &str, _limit: u32) -> Result<Vec<Received>> {
        match self.0 {}
    }

    pub(crate) async fn trust(&self, _user: &str, _device: &str) -> Result<Trust> {
        match self.0 {}
    }

    pub(crate) async fn wait_answer(
        &self,
        _room: &str,
        _after: &str,
        _what: &str,
        _patience: Duration,
        _wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received> {
        match self.0 {}
    }
}
