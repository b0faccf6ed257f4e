use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use super::{
    base::{at, folder},
    held,
};

/// Where the lock files of reserved ports are.
pub(super) fn root() -> io::Result<PathBuf> {
    folder("ports")
}

/// A TCP port of 127.0.0.1 that stays ours until this is dropped, even while nothing listens on it.
///
/// A server that is stopped and started again must find its port free. The kernel would hand a port of its ephemeral range to any
/// outgoing connection in the meantime, so ports come from below that range; a lock file keeps other processes of ours away.
#[derive(Debug)]
pub struct Port {
    number: u16,
    file: PathBuf,
    _lock: fs::File,
}

impl Port {
    const FIRST: u16 = 18_000;
    const LAST: u16 = 32_000;

    /// Reserves a free port.
    ///
    /// # Errors
    ///
    /// When the folder for the lock files cannot be written, or no port is free.
    pub fn reserve() -> io::Result<Self> {
        let folder = root()?;
        for _ in 0..2_000 {
            let number = rand::random_range(Self::FIRST..=Self::LAST);
            let file = folder.join(number.to_string());
            let Some(lock) = held::take(&file).map_err(at(&file))? else {
                continue;
            };
            let port = Self {
                number,
                file,
                _lock: lock,
            };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(port);
            }
        }
        Err(io::Error::other(format!(
            "no free port of 127.0.0.1 between {} and {}",
            Self::FIRST,
            Self::LAST
        )))
    }

    /// The number of the port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // While the lock is held, so that nobody's else is removed.
        if let Err(error) = fs::remove_file(&self.file) {
            tracing::debug!(port = self.number, %error, "the lock file of a port is left to the next sweep");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reserved_ports_differ_and_can_be_listened_on() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let numbers: HashSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        for port in &ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
        }
    }

    #[test]
    fn a_port_leaves_no_file() {
        let port = Port::reserve().unwrap();
        let file = port.file.clone();
        assert!(file.exists());
        drop(port);
        assert!(!file.exists());
    }
}
