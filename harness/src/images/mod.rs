//! Images of homeservers for testcontainers: anybody can start one, without the rest of this crate.
//!
//! ```no_run
//! use knockproof_harness::images::{PORT, Synapse};
//! use testcontainers::runners::AsyncRunner as _;
//!
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! // Gone with the variable.
//! let synapse = Synapse::new("example.test").start().await?;
//! let port = synapse.get_host_port_ipv4(PORT).await?;
//! let base_url = format!("http://127.0.0.1:{port}");
//! # Ok(())
//! # }
//! ```
//!
//! Each is small, starts fast, federates with nobody, and has no rate limits where its flavor can do without. Name, tag and further variables are
//! set by `testcontainers::ImageExt`. [`homeserver`](crate::homeserver) starts the same images and adds what drills need: a port that stays, an
//! operator, logs, and a sweep of what a killed test leaves.

mod served;

use testcontainers::{
    CopyToContainer, Image,
    core::{ContainerPort, Mount, WaitFor},
};

pub(crate) use served::{Served, public};

use crate::homeserver::{Choice, Flavor, Options};

/// The port inside the container that clients are answered on.
pub const PORT: ContainerPort = ContainerPort::Tcp(served::INNER_PORT);

fn options(flavor: Flavor, server_name: &str) -> Options {
    Options {
        server_name: server_name.to_owned(),
        ..Options::new(Choice::Flavor(flavor), "")
    }
}

macro_rules! images {
    ($($(#[$doc:meta])* $name:ident)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $name(Served);

            impl Image for $name {
                fn name(&self) -> &str {
                    self.0.name()
                }

                fn tag(&self) -> &str {
                    self.0.tag()
                }

                fn ready_conditions(&self) -> Vec<WaitFor> {
                    self.0.ready_conditions()
                }

                fn env_vars(
                    &self,
                ) -> impl IntoIterator<Item = (impl Into<std::borrow::Cow<'_, str>>, impl Into<std::borrow::Cow<'_, str>>)> {
                    self.0.env_vars()
                }

                fn mounts(&self) -> impl IntoIterator<Item = &Mount> {
                    self.0.mounts()
                }

                fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
                    self.0.copy_to_sources()
                }

                fn expose_ports(&self) -> &[ContainerPort] {
                    self.0.expose_ports()
                }
            }
        )+
    };
}

macro_rules! families {
    ($($name:ident)+) => {
        $(impl $name {
            /// A server of that name, on which whoever has the registration token may make an account; the first one is its administrator.
            pub fn new(server_name: &str, registration_token: &str) -> Self {
                let options = options(Flavor::$name, server_name);
                Self(Served::conduwuit(Flavor::$name, &options, registration_token).with_a_volume())
            }
        })+
    };
}

images! {
    /// conduwuit, the last release of that name.
    Conduwuit
    /// continuwuity, conduwuit's successor in production. Its first account is made with a one-time token that it prints.
    Continuwuity
    /// tuwunel, conduwuit's other successor.
    Tuwunel
    /// Synapse, the reference implementation in Python.
    Synapse
}

families! { Conduwuit Continuwuity Tuwunel }

impl Synapse {
    /// A server of that name. Accounts are made with its [shared secret](Self::shared_secret).
    pub fn new(server_name: &str) -> Self {
        Self(Served::synapse(&options(Flavor::Synapse, server_name)))
    }

    /// The secret by which accounts, administrators' too, are made: `POST /_synapse/admin/v1/register`.
    pub fn shared_secret(&self) -> &str {
        self.0.shared_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(image: &impl Image) -> String {
        format!("{}:{}", image.name(), image.tag())
    }

    #[test]
    fn each_is_its_flavors_public_image_and_says_its_port() {
        let (conduwuit, synapse) = (Conduwuit::new("a.test", "token"), Synapse::new("a.test"));
        assert_eq!(Some(named(&conduwuit).as_str()), public(Flavor::Conduwuit));
        assert_eq!(Some(named(&synapse).as_str()), public(Flavor::Synapse));
        assert_eq!(conduwuit.expose_ports(), [PORT]);
        assert_eq!(synapse.expose_ports(), [PORT]);
    }

    #[test]
    fn what_is_shown_of_one_holds_no_secret() {
        let synapse = Synapse::new("a.test");
        let shown = format!("{:?} {synapse:?}", Conduwuit::new("a.test", "the-token"));
        assert!(!shown.contains("the-token") && !shown.contains(synapse.shared_secret()));
        assert!(shown.contains("conduwuit") && shown.contains("synapse"), "{shown}");
    }
}
